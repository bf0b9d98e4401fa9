"""Which messages were sent lately.

Rules: SQS Developer Guide, "Using the message deduplication ID in Amazon SQS": five minutes from the first sending,
also after the message is deleted.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

_MILLISECONDS = 5 * 60 * 1000

SentT = TypeVar("SentT")


class RecentlySent(Generic[SentT]):
    """What was sent under a key in the last five minutes."""

    def __init__(self) -> None:
        self._sent: dict[tuple[str, str], SentT] = {}
        self._order: deque[tuple[float, tuple[str, str]]] = deque()

    def find(self, key: tuple[str, str], *, now: float) -> SentT | None:
        """The first one, if it is recent; `now` is in milliseconds."""
        while self._order and self._order[0][0] <= now - _MILLISECONDS:
            del self._sent[self._order.popleft()[1]]
        return self._sent.get(key)

    def add(self, key: tuple[str, str], sent: SentT, *, now: float) -> None:
        """Remembers one whose key is not known."""
        self._sent[key] = sent
        self._order.append((now, key))
