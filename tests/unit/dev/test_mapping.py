from __future__ import annotations

import asyncio
import io
import json
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from eventstore_dev.invocation import Invocation, Limits, Outcome
from eventstore_dev.queues.broker import BrokerError, Received
from eventstore_dev.queues.declared import EventSourceMapping
from eventstore_dev.queues.mapping import Poller
from eventstore_dev.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

MAPPING = EventSourceMapping("F", "jobs.fifo", 10, 0, partial=True, concurrency=None, enabled=True)
FAILED = Outcome(b"{}", failed=True, seconds=0)
DONE = Outcome(b"null", failed=False, seconds=0)


def message(name: str, body: str = "text") -> Received:
    return Received(name, name, body, "md5", {"MessageGroupId": name[0]}, {}, "arn")


def without(*names: str) -> Outcome:
    """The answer of a function that reports the named messages as failed."""
    answer = {"batchItemFailures": [{"itemIdentifier": name} for name in names]}
    return Outcome(json.dumps(answer).encode(), failed=False, seconds=0)


@dataclass
class Scripted:
    """A broker that hands out the given batches; `empty` is set when a receive finds none left."""

    batches: deque[list[Received] | BrokerError]
    asked: list[int] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    postponed: list[tuple[str, float]] = field(default_factory=list)
    stay: frozenset[str] = frozenset()
    empty: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self, queue: str, *, most: int, wait: float) -> Sequence[Received]:
        assert queue.startswith("jobs")
        self.asked.append(most)
        if not self.batches:
            self.empty.set()
            await asyncio.sleep(wait)
            return []
        batch = self.batches.popleft()
        if isinstance(batch, BrokerError):
            raise batch
        return batch

    async def delete(self, _: str, handles: Sequence[str]) -> Sequence[str]:
        self.deleted += handles
        return [handle for handle in handles if handle in self.stay]

    async def postpone(self, _: str, handles: Sequence[str], *, seconds: float) -> None:
        self.postponed += [(handle, seconds) for handle in handles]


@dataclass
class Target:
    """A function whose answer the test chooses."""

    answer: Callable[[list[str]], Awaitable[Outcome]]
    size: int = 4
    calls: list[list[str]] = field(default_factory=list)

    async def invoke(self, invocation: Invocation) -> Outcome:
        names = [record["messageId"] for record in json.loads(invocation.payload)["Records"]]
        self.calls.append(names)
        return await self.answer(names)


def deliver(
    *batches: list[str] | BrokerError,
    outcome: Outcome = DONE,
    mapping: EventSourceMapping = MAPPING,
    limits: Limits | None = None,
    stay: frozenset[str] = frozenset(),
    body: str = "text",
) -> tuple[Scripted, Target, str]:
    """Let a mapping handle batches until none is left."""
    written = io.StringIO()

    async def run() -> tuple[Scripted, Target]:
        async def answer(_: list[str]) -> Outcome:
            return outcome

        script = deque(
            batch if isinstance(batch, BrokerError) else [message(name, body) for name in batch] for batch in batches
        )
        broker, target = Scripted(script, stay=stay), Target(answer)
        poller = Poller(
            mapping,
            broker=broker,
            target=target,
            limits=limits or Limits(redelivery_seconds=0.5),
            terminal=Terminal(stream=written),
        )
        await broker.empty.wait()
        await poller.drain()
        return broker, target

    broker, target = asyncio.run(run())
    return broker, target, written.getvalue()


def test_a_successful_batch_is_deleted() -> None:
    broker, target, written = deliver(["a1", "a2", "b1"])
    assert target.calls == [["a1", "a2", "b1"]]
    assert (broker.deleted, broker.postponed, written) == (["a1", "a2", "b1"], [], "")


def test_nothing_of_a_failed_batch_is_deleted() -> None:
    broker, _, written = deliver(["a1", "b1"], outcome=FAILED)
    assert (broker.deleted, broker.postponed) == ([], [("a1", 0.5), ("b1", 0.5)])
    assert "F: a batch of jobs.fifo failed; its 2 messages come again" in written


def test_as_on_aws_a_failed_batch_waits_for_its_visibility_timeout() -> None:
    broker, _, _ = deliver(["a1"], outcome=FAILED, limits=Limits())
    assert broker.postponed == []


def test_messages_that_are_not_reported_as_failed_are_deleted() -> None:
    broker, _, _ = deliver(["a1", "b1", "c1"], outcome=without("b1"))
    assert (broker.deleted, broker.postponed) == (["a1", "c1"], [("b1", 0.5)])


def test_after_the_first_failure_of_a_group_its_later_ones_stay() -> None:
    broker, _, written = deliver(["a1", "a2", "b1", "a3"], outcome=without("a2"))
    assert (broker.deleted, broker.postponed) == (["a1", "b1"], [("a2", 0.5), ("a3", 0.5)])
    assert "it did not report 1 later messages of a failed one's group" in written


def test_a_report_that_is_complete_is_not_complained_about() -> None:
    _, _, written = deliver(["a1", "a2"], outcome=without("a1", "a2"))
    assert "did not report" not in written


def test_in_a_standard_queue_only_the_reported_stay() -> None:
    broker, _, _ = deliver(["a1", "a2", "a3"], outcome=without("a2"), mapping=replace(MAPPING, queue="jobs"))
    assert broker.deleted == ["a1", "a3"]


def test_an_answer_that_is_not_valid_fails_the_batch() -> None:
    broker, _, written = deliver(["a1"], outcome=Outcome(b'"ok"', failed=False, seconds=0))
    assert broker.deleted == []
    assert "its answer about a batch of jobs.fifo is not valid" in written


def test_a_report_counts_only_where_the_mapping_asks_for_it() -> None:
    broker, _, _ = deliver(["a1"], outcome=without("a1"), mapping=replace(MAPPING, partial=False))
    assert broker.deleted == ["a1"]


def test_a_batch_over_the_payload_limit_is_called_in_parts_and_in_order() -> None:
    broker, target, _ = deliver(["a1", "a2", "a3"], limits=Limits(payload=500), body="x" * 100)
    assert target.calls == [["a1"], ["a2"], ["a3"]]
    assert broker.deleted == ["a1", "a2", "a3"]


def test_after_a_part_that_failed_no_later_part_is_called() -> None:
    limits = Limits(payload=500, redelivery_seconds=0)
    broker, target, _ = deliver(["a1", "a2"], limits=limits, outcome=FAILED, body="x" * 100)
    assert target.calls == [["a1"]]
    assert (broker.deleted, broker.postponed) == ([], [("a1", 0), ("a2", 0)])


def test_a_message_that_took_too_long_is_reported() -> None:
    _, _, written = deliver(["a1"], stay=frozenset({"a1"}))
    assert "1 messages of jobs.fifo took longer than their visibility timeout" in written


def test_at_most_ten_are_received_at_once() -> None:
    broker, _, _ = deliver(["a1"], mapping=replace(MAPPING, batch_size=10_000))
    assert set(broker.asked) == {10}


def test_a_window_gathers_until_the_batch_is_full() -> None:
    gathering = replace(MAPPING, window=60, batch_size=3)
    broker, target, _ = deliver(["a1"], ["b1", "c1"], mapping=gathering)
    assert target.calls == [["a1", "b1", "c1"]]
    assert broker.asked[:2] == [3, 2]


def test_the_number_of_concurrent_batches_is_limited() -> None:
    async def run() -> tuple[int, int]:
        go, running, most = asyncio.Event(), 0, 0

        async def answer(_: list[str]) -> Outcome:
            nonlocal running, most
            running += 1
            most = max(most, running)
            if running == 2:
                # A third call could begin now, if the limit allowed it.
                await asyncio.sleep(0)
                go.set()
            await go.wait()
            running -= 1
            return DONE

        broker = Scripted(deque([[message(name)] for name in ("a1", "b1", "c1", "d1")]))
        target = Target(answer)
        mapping = replace(MAPPING, concurrency=2)
        poller = Poller(mapping, broker=broker, target=target, limits=Limits(), terminal=Terminal(quiet=True))
        await broker.empty.wait()
        await poller.drain()
        return most, len(target.calls)

    assert asyncio.run(run()) == (2, 4)


def test_an_unavailable_broker_is_retried_and_reported_once() -> None:
    broker, target, written = deliver(
        BrokerError("down"), BrokerError("down"), ["a1"], limits=Limits(broker_pause_seconds=0)
    )
    assert target.calls == [["a1"]]
    assert broker.deleted == ["a1"]
    assert written.count("jobs.fifo is not polled: down") == 1
