"""The targets of durable subscriptions: functions, queues, URLs and event buses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.frames.pushes import PushedEvent
    from eventstore.subscriptions import Target

__all__ = ["Refusal", "TargetAdapter", "TargetThrottled", "TargetUnavailable"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a target did not handle an event.

    Attributes:
        reason: The target's own words.
        delay_ms: The milliseconds until the next attempt, if the target named them.
        park: Whether another attempt would be in vain.
        counts: Whether it counts as an attempt, as in `Failed`. It does not if the target handled some events of the
            call and then asked to slow down, or if there was no time to send this one.
    """

    reason: str
    delay_ms: int | None = None
    park: bool = False
    counts: bool = True


class TargetUnavailable(Exception):
    """The target did not answer, or answered that it cannot work: every event would fail now."""


class TargetThrottled(Exception):
    """The target asked to slow down, and handled none of the events.

    Attributes:
        delay_ms: For how many milliseconds; None if it did not say.
    """

    def __init__(self, reason: str, *, delay_ms: int | None = None) -> None:
        super().__init__(reason)
        self.delay_ms = delay_ms


class TargetAdapter(Protocol):
    """Calls the targets of one kind."""

    def push(
        self, target: Target, events: Sequence[PushedEvent], *, attempt: int, timeout_ms: int
    ) -> Mapping[int, Refusal]:
        """Call a target once with up to `Target.batch` events.

        Args:
            target: The target.
            events: The events; those of one stream are in order.
            attempt: The number of the attempt of the first event, from 1.
            timeout_ms: The most milliseconds that the call may take.

        Returns:
            The events that the target did not handle, by their index. It handled the others. Where an event of a stream
            failed, later events of that stream count as not handled, whatever is said of them.

        Raises:
            TargetUnavailable: The target cannot be reached, or failed as a whole.
            TargetThrottled: It asked to slow down.
        """
