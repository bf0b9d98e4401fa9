"""The turns of durable subscriptions that this instance takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.turns import RedisTurns

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.ports import Turn, TurnResult
    from eventstore_server.turn_observer import TurnObserver

__all__ = ["ObservedTurns"]


class ObservedTurns(RedisTurns):
    """See `ports.Turns`. Whoever schedules the turns is shown each one that begins.

    Args:
        *arguments: Those of `RedisTurns`.
        began: Called with each turn that begins.
        observer: Measures the turns.
        **options: Those of `RedisTurns`.
    """

    def __init__(
        self,
        *arguments: Any,  # noqa: ANN401 - see above
        began: Callable[[Turn], None],
        observer: TurnObserver,
        **options: Any,  # noqa: ANN401 - see above
    ) -> None:
        super().__init__(*arguments, **options)
        self._began = began
        self._observer = observer
        # When the turn of a partition began. A partition has one worker.
        self._began_at: dict[int, float] = {}

    def begin(self, partition: int, *, events: int, behind: int) -> Turn:
        """See `Turns.begin`."""
        self._began_at[partition] = time.monotonic()
        turn = super().begin(partition, events=events, behind=behind)
        if turn.is_retry:
            self._observer.retried("durable")
        self._began(turn)
        return turn

    def commit(self, turn: Turn, result: TurnResult) -> bool:
        """See `Turns.commit`."""
        has_more = super().commit(turn, result)
        seconds = time.monotonic() - self._began_at[turn.partition]
        self._observer.committed("durable", turn.partition, seconds=seconds)
        return has_more
