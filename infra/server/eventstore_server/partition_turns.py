"""The turns of durable subscriptions that this instance takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.turns import RedisTurns

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.ports import Turn

__all__ = ["ObservedTurns"]


class ObservedTurns(RedisTurns):
    """See `ports.Turns`. Whoever schedules the turns is shown each one that begins.

    Args:
        *arguments: Those of `RedisTurns`.
        began: Called with each turn that begins.
        **options: Those of `RedisTurns`.
    """

    def __init__(self, *arguments: Any, began: Callable[[Turn], None], **options: Any) -> None:  # noqa: ANN401 - see above
        super().__init__(*arguments, **options)
        self._began = began

    def begin(self, partition: int, *, events: int, behind: int) -> Turn:
        """See `Turns.begin`."""
        turn = super().begin(partition, events=events, behind=behind)
        self._began(turn)
        return turn
