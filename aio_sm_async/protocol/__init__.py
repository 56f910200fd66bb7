"""What the wire says and what follows from it: functions and frozen values; no I/O, no clock, no dice."""
