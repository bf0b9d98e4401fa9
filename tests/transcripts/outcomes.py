"""What the answer to a request means."""

from __future__ import annotations

__all__ = ["AGAIN", "FAREWELLS", "Refused"]

AGAIN = frozenset({"store-unavailable", "internal"})
"""The codes of errors after which the same request may be sent again."""


FAREWELLS = frozenset({"going-away", "connection-not-found"})
"""The codes of errors with which the hub ends a connection: the client owns nothing any more, and connects again."""


class Refused(Exception):
    """The hub refused a request as invalid: a fault of the test or of the hub."""
