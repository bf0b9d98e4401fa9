"""The exceptions by which a handler decides whether an event that it could not handle is retried or parked."""

from __future__ import annotations

__all__ = ["Leave", "Park", "Retry"]


class Retry(Exception):
    """Deliver the event again. The delivery counts as an attempt.

    Attributes:
        delay: Whole seconds until the redelivery; None uses the hub's own delays, which grow.
    """

    def __init__(self, reason: str = "", *, delay: int | None = None) -> None:
        super().__init__(reason)
        self.delay = delay


class Park(Exception):
    """Do not deliver the event again: park it, and the later events of its stream, for a person to decide."""


class Leave(BaseException):
    """End the worker without acknowledging the event, which is then delivered to another member.

    Not an `Exception`: the event did not fail, so nothing may count or report it as failed.
    """
