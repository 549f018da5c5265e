"""What is true: dataclasses and pure functions on the standard library alone. No I/O."""
