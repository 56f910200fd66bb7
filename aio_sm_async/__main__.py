"""``python -m aio_sm_async``."""

import sys

from aio_sm_async.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
