"""The version of the client: of its distribution, of `eventstore --version` and of `eventstore_client.__version__`."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
