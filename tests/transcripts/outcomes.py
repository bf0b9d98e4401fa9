"""What the answer to a request means."""

from __future__ import annotations

__all__ = ["AGAIN", "Refused"]

AGAIN = frozenset({"store-unavailable", "internal"})
"""The codes of errors after which the same request may be sent again."""


class Refused(Exception):
    """The hub refused a request as invalid: a fault of the test or of the hub."""
