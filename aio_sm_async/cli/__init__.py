"""The command line: ``python -m aio_sm_async COMMAND``."""
