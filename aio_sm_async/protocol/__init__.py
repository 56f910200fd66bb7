"""What the wire says and what follows from it: plain functions and frozen values, no I/O, no clock, no dice."""
