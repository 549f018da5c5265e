"""The keyboard-driven terminal app."""
