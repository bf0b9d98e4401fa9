"""What the answer to a request means."""

from __future__ import annotations

__all__ = ["AGAIN", "FAREWELLS", "NoAnswer", "Refused"]

AGAIN = frozenset({"store-unavailable", "queue-unavailable", "internal"})
"""The codes of errors after which the same request may be sent again."""


FAREWELLS = frozenset({"going-away", "connection-not-found", "store-reset", "slow-consumer"})
"""The codes of errors with which the hub ends a connection: the client owns nothing any more, and connects again."""


class NoAnswer(Exception):
    """A request has no answer, or one that leaves its outcome open."""


class Refused(Exception):
    """The hub refused a request as invalid: a fault of the test or of the hub.

    Attributes:
        code: The stable code of the error; empty if it is in the message only.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
