"""What an answer means to whoever asked."""

from __future__ import annotations

__all__ = ["AGAIN", "Refused"]

AGAIN = frozenset({"store-unavailable", "internal"})
"""Codes of errors after which the same request may be sent again."""


class Refused(Exception):
    """The hub says that a request is wrong: a fault of the test's, or of the hub's."""
