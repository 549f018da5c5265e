"""Pure functions from a result to the text, JSON, ... that is written for people or machines."""
