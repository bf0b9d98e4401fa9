"""Pushing events to buses of EventBridge, which keep no order."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws.batched_calls import BatchedCalls, EntryFailure
from eventstore.cloudevents import attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.frames.pushes import PushedEvent
    from eventstore.ports import Refusal
    from eventstore.subscriptions import Target

__all__ = ["EventBridgeTarget"]

_DETAIL_TYPE_LENGTH = 128
"""The most characters of a detail type (Amazon EventBridge API Reference, PutEventsRequestEntry)."""

_TIME_BYTES = 14
"""What a time counts for (Amazon EventBridge User Guide, "Calculating PutEvents event entry size")."""

_ACTION = "events:PutEvents"

_IN_VAIN = ("MalformedDetail", "InvalidArgument", "NotAuthorizedForSource", "NotAuthorizedForDetailType")
"""The starts of codes that an event has at each attempt: it is malformed, or the bus takes nothing of its source."""


class EventBridgeTarget:
    """See `ports.TargetAdapter`. EventBridge keeps no order: where events of a stream fail, later ones may precede.

    Args:
        calls: Calls EventBridge.
        monotonic: Returns seconds that never go back.
    """

    def __init__(self, calls: JsonCalls, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._monotonic = monotonic

    def push(
        self,
        target: Target,
        events: Sequence[PushedEvent],
        *,
        attempt: int,  # noqa: ARG002 - an entry is the same at each attempt
        timeout_ms: int,
    ) -> Mapping[int, Refusal]:
        """See `TargetAdapter.push`."""
        entries = [_entry(event, bus=target.address) for event in events]
        sizes = [_size_of(entry) for entry in entries]

        def call(seconds: float, batch: Sequence[int]) -> Mapping[int, EntryFailure]:
            answer = self._calls.call("PutEvents", seconds=seconds, Entries=[entries[index] for index in batch])
            results = zip(batch, answer["Entries"], strict=False)
            return {index: _failure(result) for index, result in results if result.get("ErrorCode")}

        calls = BatchedCalls(
            target,
            events,
            sizes,
            action=_ACTION,
            is_ordered=False,
            timeout_ms=timeout_ms,
            monotonic=self._monotonic,
        )
        return calls.send(call)


def _entry(event: PushedEvent, *, bus: str) -> dict[str, Any]:
    attributes = attributes_of(event.text.encode())
    entry = {
        "EventBusName": bus,
        "Source": str(attributes["source"]),
        "DetailType": str(attributes["type"])[:_DETAIL_TYPE_LENGTH],
        "Detail": event.text,
    }
    time_of_event = _time_of(attributes.get("time"))
    return entry if time_of_event is None else entry | {"Time": time_of_event}


def _size_of(entry: Mapping[str, Any]) -> int:
    return _TIME_BYTES + sum(len(entry[name].encode()) for name in ("Source", "DetailType", "Detail"))


def _time_of(text: object) -> float | None:
    """Return a time in seconds since 1970; None if there is none, or one that Python lacks, such as a leap second."""
    try:
        return datetime.fromisoformat(str(text).upper()).astimezone(UTC).timestamp() if text else None
    except (ValueError, OverflowError):
        return None


def _failure(result: Mapping[str, Any]) -> EntryFailure:
    code = str(result["ErrorCode"])
    return EntryFailure(code, str(result.get("ErrorMessage", "")), park=code.startswith(_IN_VAIN))
