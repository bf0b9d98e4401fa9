"""Pushing events to a target: the streams of a push side by side, each in order and up to its first failure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

from eventstore.frames.pushes import Failed, Push, PushResult
from eventstore.ports.targets import TargetThrottled, TargetUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.frames.pushes import PushedEvent
    from eventstore.ports import Clock, DispatchQueue, Pushes, TargetAdapter
    from eventstore.streams import StreamName

__all__ = ["NoTime", "Pusher"]

_MOST_LANES = 50
_SLOW_DOWN_MS = 1_000
"""For how long a target that asks to slow down and names no time is left alone."""


class NoTime(Exception):
    """There was no time to call the target at all."""


class Pusher:
    """Pushes events to targets, and reports what came of it.

    A push is repeated if its report was lost: every event is pushed at least once.

    Args:
        adapters: Returns the adapter of a kind of target.
        pushes: Receives what is left of a push when time runs out.
        dispatch_queue: Receives the reports.
        clock: Tells the time.
    """

    def __init__(
        self,
        adapters: Callable[[str], TargetAdapter],
        pushes: Pushes,
        dispatch_queue: DispatchQueue,
        *,
        clock: Clock,
    ) -> None:
        self._adapters = adapters
        self._pushes = pushes
        self._dispatch_queue = dispatch_queue
        self._clock = clock
        self._threads = ThreadPoolExecutor(_MOST_LANES)

    def push(self, text: str, *, until: int) -> PushResult:
        """Make a push, and report what came of it.

        Args:
            text: The push (`Push.encoded`).
            until: When every call of the target must have ended, in milliseconds since 1970.

        Raises:
            NoTime: The time does not suffice for one call. The push must be redelivered.
            QueueUnavailable: The report could not be sent. The push must be redelivered.
            ValueError: This version of the hub does not know the kind of the target.
        """
        push = Push.decoded(text)
        adapter = self._adapters(push.target.kind)
        work = _Work(push, adapter, self._clock, until)
        lanes = _lanes(push)
        if len(lanes) == 1:
            work.run(lanes[0])
        else:
            wait(futures := [self._threads.submit(work.run, lane) for lane in lanes])
            for future in futures:
                future.result()
        left = [event for event in push.events if (event.stream, event.sequence) in work.left]
        if left and not (work.handled or work.failed):
            raise NoTime("no time is left to call the target; the push will be redelivered")
        result = PushResult(
            subscription=push.subscription,
            key=push.key,
            partition=push.partition,
            frame=push.frame,
            cursor="" if left else push.cursor,
            handled=work.handled if left or not push.cursor else {},
            failed=list(work.failed.values()),
            unavailable=work.unavailable,
            pause_ms=work.pause_ms,
        )
        # The rest first: if the process dies in between, the whole push comes again.
        if left:
            self._pushes.send([push.rest(left)])
        self._dispatch_queue.pushed(result)
        return result


@dataclass(slots=True)
class _Work:
    """The progress of a push, which its lanes share. Each stream is in one lane.

    Attributes:
        push: The push.
        adapter: Calls the target.
        clock: Tells the time.
        until: When every call must have ended, in milliseconds since 1970.
        handled: Per stream, the last event that was handled.
        failed: Per stream, the first event that failed.
        left: Stream and sequence of the events that there was no time for.
        unavailable: Why the target could not be reached.
        pause_ms: For how many milliseconds it asked to be left alone.
    """

    push: Push
    adapter: TargetAdapter
    clock: Clock
    until: int
    handled: dict[StreamName, int] = field(default_factory=dict)
    failed: dict[StreamName, Failed] = field(default_factory=dict)
    left: set[tuple[StreamName, int]] = field(default_factory=set)
    unavailable: str = ""
    pause_ms: int = 0

    def run(self, events: Sequence[PushedEvent]) -> None:
        """Push the events of a lane."""
        while events:
            if self.unavailable or self.pause_ms:
                # Another lane found out: there is no use in calling the target.
                self._fail(events, self.unavailable or "the target asked to slow down", counts=False)
                return
            if self.clock.now() + self.push.timeout_ms > self.until:
                self.left |= {(event.stream, event.sequence) for event in events}
                return
            batch, events = events[: self.push.target.batch], events[self.push.target.batch :]
            self._call(batch)
            events = [event for event in events if event.stream not in self.failed]

    def _call(self, batch: Sequence[PushedEvent]) -> None:
        try:
            refusals = self.adapter.push(
                self.push.target, batch, attempt=batch[0].attempt, timeout_ms=self.push.timeout_ms
            )
        except TargetThrottled as error:
            self.pause_ms = max(self.pause_ms, _SLOW_DOWN_MS if error.delay_ms is None else error.delay_ms, 1)
            self._fail(batch, str(error), counts=False)
        except TargetUnavailable as error:
            self.unavailable = str(error)
            self._fail(batch, str(error), counts=True)
        else:
            for index, event in enumerate(batch):
                if event.stream in self.failed:
                    continue
                if refusal := refusals.get(index):
                    self.failed[event.stream] = Failed(event.stream, event.sequence, *astuple(refusal))
                else:
                    self.handled[event.stream] = event.sequence

    def _fail(self, events: Sequence[PushedEvent], reason: str, *, counts: bool) -> None:
        for event in events:
            if event.stream not in self.failed:
                self.failed[event.stream] = Failed(event.stream, event.sequence, reason, counts=counts)


def _lanes(push: Push) -> list[Sequence[PushedEvent]]:
    """Distribute the events, those of one stream to one lane, so that the lanes have about equally many."""
    by_stream: dict[StreamName, list[PushedEvent]] = {}
    for event in push.events:
        by_stream.setdefault(event.stream, []).append(event)
    # Fewer lanes than full batches: a call costs more than its events.
    batches = -(-len(push.events) // push.target.batch)
    count = min(push.target.concurrency, _MOST_LANES, len(by_stream), batches)
    lanes: list[list[PushedEvent]] = [[] for _ in range(count)]
    for events in sorted(by_stream.values(), key=len, reverse=True):
        min(lanes, key=len).extend(events)
    return [lane for lane in lanes if lane]
