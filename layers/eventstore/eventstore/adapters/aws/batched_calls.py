"""Sending the events of a push to services that take a batch and may accept a part of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from botocore.exceptions import ClientError, ConnectionClosedError

from eventstore.adapters.aws.service_calls import is_throttling
from eventstore.adapters.aws.target_errors import (
    code_of,
    is_denial,
    is_too_large,
    message_of,
    shortened,
    translated_errors,
    unavailable,
)
from eventstore.ports.targets import Refusal, TargetThrottled, TargetUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from eventstore.frames.pushes import PushedEvent
    from eventstore.streams import StreamName
    from eventstore.subscriptions import Target

__all__ = ["BatchedCalls", "EntryFailure"]

_BATCH_ENTRIES = 10
_BATCH_BYTES = 250 * 1024
"""SQS and EventBridge accept ten entries per call, and 256 KiB in all; both measure a little more than the texts."""

_MOST_MS = 10_000
"""The longest time of a call: these services only store what they are sent."""

_LEAST_MS = 1000
"""No further call begins with less time than this."""

_NO_TIME = Refusal("not sent: there was no time left", counts=False)
_BEHIND = Refusal("not sent: an earlier event of the stream was not accepted", counts=False)

T = TypeVar("T")


class EntryFailure(NamedTuple):
    """Why a service did not accept an entry.

    Attributes:
        code: The code of the error.
        message: The words of the service.
        park: Whether it will never accept the entry.
    """

    code: str
    message: str
    park: bool = False

    @property
    def reason(self) -> str:
        """The code and the message."""
        return shortened(f"{self.code}: {self.message}" if self.message else self.code)


class BatchedCalls:
    """Sends the events of one push by as many calls as they need, one after the other.

    Where an event is not accepted, later events of its stream are not sent by later calls. A call whose connection was
    closed is made again, so it must do no harm if the service had accepted the first one.

    Args:
        target: The target.
        events: The events of the push.
        sizes: What each counts for, in bytes.
        action: The action of IAM that the calls need.
        is_ordered: Whether the target keeps the order of a stream. Then a call has one event of each stream: a service
            may accept a part of a batch, and a later event must not overtake.
        timeout_ms: The milliseconds for all calls.
        monotonic: Returns seconds that never go back.
    """

    def __init__(
        self,
        target: Target,
        events: Sequence[PushedEvent],
        sizes: Sequence[int],
        *,
        action: str,
        is_ordered: bool,
        timeout_ms: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._target = target
        self._events = events
        self._sizes = sizes
        self._action = action
        self._is_ordered = is_ordered
        self._timeout_ms = timeout_ms
        self._monotonic = monotonic

    def send(self, call: Callable[[float, Sequence[int]], Mapping[int, EntryFailure]]) -> dict[int, Refusal]:
        """Make the calls, and return the events that were not accepted, by their index.

        Args:
            call: Sends within a number of seconds the events of these indexes, and returns those that failed.

        Raises:
            TargetThrottled: The first call was throttled, or all of its events.
            TargetUnavailable: The first call failed as a whole, or the hub may not send any of its events.
        """
        start = self._monotonic()
        waiting = list(range(len(self._events)))
        refused: dict[int, Refusal] = {}
        stopped: set[StreamName] = set()
        while waiting:
            left_ms = self._timeout_ms - int(1000 * (self._monotonic() - start))
            is_first = len(waiting) == len(self._events)
            if not is_first and left_ms < _LEAST_MS:
                return refused | dict.fromkeys(waiting, _NO_TIME)
            batch = self._next_batch(waiting)
            try:
                failures = self._failures(call, batch, left_ms)
                self._raise_if_all_failed_alike(batch, failures)
            except (TargetThrottled, TargetUnavailable) as error:
                if is_first:
                    raise
                # Some events were accepted, and only a result can say so.
                delay_ms = error.delay_ms if isinstance(error, TargetThrottled) else None
                return refused | dict.fromkeys(waiting, Refusal(str(error), delay_ms=delay_ms, counts=False))
            for index, failure in failures.items():
                counts = not is_throttling(failure.code)
                refused[index] = Refusal(failure.reason, park=failure.park, counts=counts)
                stopped.add(self._events[index].stream)
            waiting = self._without(waiting, batch)
            behind = [index for index in waiting if self._events[index].stream in stopped]
            refused |= dict.fromkeys(behind, _BEHIND)
            waiting = self._without(waiting, behind)
        return refused

    def _failures(
        self, call: Callable[[float, Sequence[int]], Mapping[int, EntryFailure]], batch: Sequence[int], timeout_ms: int
    ) -> Mapping[int, EntryFailure]:
        """Make a call, and return the events that failed: all of them if they are too large together."""
        seconds = max(_LEAST_MS, min(timeout_ms, _MOST_MS)) / 1000
        with translated_errors(self._target, action=self._action):
            try:
                return _repeated_if_closed(lambda: call(seconds, batch))
            except ClientError as error:
                if not is_too_large(error):
                    raise
                failure = EntryFailure(code_of(error), message_of(error), park=len(batch) == 1)
                return dict.fromkeys(batch, failure)

    def _raise_if_all_failed_alike(self, batch: Sequence[int], failures: Mapping[int, EntryFailure]) -> None:
        """Raise if the failures of a call are not about its events."""
        if len(failures) < len(batch):
            return
        first = failures[batch[0]]
        if all(is_throttling(failure.code) for failure in failures.values()):
            raise TargetThrottled(first.reason)
        if all(is_denial(failure.code) for failure in failures.values()):
            raise unavailable(self._target, first.code, first.message, action=self._action)

    def _next_batch(self, waiting: Sequence[int]) -> list[int]:
        batch: list[int] = []
        streams: set[StreamName] = set()
        size = 0
        for index in waiting:
            stream = self._events[index].stream
            if self._is_ordered and stream in streams:
                continue
            if batch and (len(batch) == _BATCH_ENTRIES or size + self._sizes[index] > _BATCH_BYTES):
                break
            batch.append(index)
            streams.add(stream)
            size += self._sizes[index]
        return batch

    @staticmethod
    def _without(waiting: Sequence[int], done: Container[int]) -> list[int]:
        return [index for index in waiting if index not in done]


def _repeated_if_closed(call: Callable[[], T]) -> T:
    """Make a call, and make it again if its connection was closed, as idle ones are while the process is frozen."""
    try:
        return call()
    except ConnectionClosedError:
        return call()
