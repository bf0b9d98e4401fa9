"""`python -m eventstore_client` runs the command line, as `eventstore` does."""

from __future__ import annotations

import sys

from eventstore_client.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
