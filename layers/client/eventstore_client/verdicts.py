"""What a handler may raise, to say what is to become of an event that it could not handle."""

from __future__ import annotations

__all__ = ["Leave", "Park", "Retry"]


class Retry(Exception):
    """The event is to be tried again, which counts as an attempt like any other.

    Attributes:
        delay: Whole seconds until then; None leaves it to the hub's own pauses, which grow.
    """

    def __init__(self, reason: str = "", *, delay: int | None = None) -> None:
        super().__init__(reason)
        self.delay = delay


class Park(Exception):
    """Trying again is of no use: the event is set aside for a person, and the later ones of its stream with it."""


class Leave(BaseException):
    """The worker ends, and says nothing of the event, which is another member's then.

    No `Exception`: the event did not fail, so nothing may count or report it as failed.
    """
