"""A rule whose target fails in every way, whose functions die, and whose queue repeats messages."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from eventstore.groups import PUSH_LOST_MS, Redrive
from eventstore.ports import Refusal, TargetThrottled, TargetUnavailable
from eventstore.streams import partition_of
from tests.functional.core.pushing import Rule

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client
    from eventstore.frames.pushes import PushedEvent

PARTITIONS = 2
STREAMS = [f"wf-{number}" for number in range(3)]
ATTEMPTS = 2


class Work(RuleBasedStateMachine):
    """What a publisher, a target, an operator and failing functions do.

    Attributes:
        answers: What the target answers to the next events of each stream: handled, refused, or an error of the call.
        refused: How often each event was refused.
        waited: The seconds for which some push waited for its result, without a break.
    """

    def __init__(self, client: Client, *, batch: int, concurrency: int) -> None:
        super().__init__()
        client.execute_command("FLUSHALL")
        self.rule = Rule(
            client,
            partitions=PARTITIONS,
            batch=batch,
            concurrency=concurrency,
            max_attempts=ATTEMPTS,
            max_in_flight=10,
        )
        self.rule.target.refuse = self.answer
        self.published: Counter[str] = Counter()
        self.answers: dict[str, list[str]] = {stream: [] for stream in STREAMS}
        self.refused: Counter[tuple[str, int]] = Counter()
        self.vain: set[tuple[str, int]] = set()
        self.waited = 0

    def answer(self, event: PushedEvent) -> Refusal | Exception | None:
        answers = self.answers[event.stream]
        kind = answers.pop(0) if answers else "ok"
        if kind == "throttled":
            return TargetThrottled("slow down", delay_ms=5000)
        if kind == "unavailable":
            # An attempt of every event of the call.
            self.refused.update(self.rule.target.calls[-1])
            return TargetUnavailable("away")
        if kind == "ok":
            return None
        self.refused[event.stream, event.sequence] += 1
        if kind == "vain":
            self.vain.add((event.stream, event.sequence))
        return Refusal(kind, park=kind == "vain")

    @rule(stream=st.sampled_from(STREAMS), count=st.integers(1, 5))
    def publish(self, stream: str, count: int) -> None:
        self.rule.publish(stream, count, start=self.published[stream] + 1)
        self.published[stream] += count

    @rule(
        stream=st.sampled_from(STREAMS),
        kinds=st.lists(st.sampled_from(["ok", "refused", "vain", "throttled", "unavailable"]), min_size=1, max_size=4),
    )
    def target_fails(self, stream: str, kinds: list[str]) -> None:
        self.answers[stream] += kinds

    @rule()
    def turns(self) -> None:
        waiting = {group: len(self.rule.live.pushes.by_group[group]) for group in self.rule.waiting()}
        if not waiting:
            self.waited = 0
        self.rule.live.settle()
        # After that time, a push may be taken for lost, and made again.
        if 1000 * self.waited < PUSH_LOST_MS:
            now = {group: len(self.rule.live.pushes.by_group[group]) for group in waiting}
            assert now == waiting, "a round began while another one was under way"

    @precondition(lambda self: self.rule.waiting())
    @rule(data=st.data(), outcome=st.sampled_from(["reported", "reported", "died", "no time"]))
    def push(self, data: st.DataObject, outcome: str) -> None:
        self.rule.seconds = 31 if outcome == "no time" else 100
        self.rule.push_next(data.draw(st.sampled_from(self.rule.waiting())), report=outcome != "died")

    @precondition(lambda self: self.rule.live.dispatch_queue.results)
    @rule(twice=st.booleans())
    def report(self, *, twice: bool) -> None:
        if twice:
            self.rule.live.dispatch_queue.results += self.rule.live.dispatch_queue.results[-1:]
        self.rule.report()

    @rule(seconds=st.sampled_from([1, 10, 400]))
    def time_passes(self, seconds: int) -> None:
        self.waited += seconds
        self.rule.live.clock.pass_seconds(seconds)
        self.rule.live.dispatch_queue.request_turns(range(PARTITIONS))

    @precondition(lambda self: self.rule.letters())
    @rule(data=st.data())
    def redrive(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(sorted({stream for stream, _ in self.rule.letters()})))
        self.rule.live.clock.pass_seconds(0.001)
        self.rule.command(Redrive(stream, "start"), partition=partition_of(stream, PARTITIONS))

    def teardown(self) -> None:
        self.answers = {stream: [] for stream in STREAMS}
        self.rule.seconds = 100
        for _ in range(12):
            self.rule.pass_time(400)
        self.rule.pass_time(PUSH_LOST_MS / 1000)
        groups = self.rule.live.durables.groups(self.rule.durable)
        letters = set(self.rule.letters())
        for stream, count in self.published.items():
            group = groups[partition_of(stream, PARTITIONS)]
            assert (group.flight, group.held, group.circuit.is_open) == ([], {}, False), "nothing is left under way"
            first = list(dict.fromkeys(s for name, s in self.rule.target.handled if name == stream))
            assert first == sorted(first), f"{stream} was handled out of order: {first}"
            parked = {sequence for name, sequence in letters if name == stream}
            assert set(first) | parked == set(range(1, count + 1)), f"{stream}: neither handled nor parked"
            if stream in group.parked:
                failed = group.parked[stream].sequence
                place = stream, failed
                assert place in self.vain or self.refused[place] >= ATTEMPTS, f"{place} was parked without a cause"


@pytest.mark.parametrize(("batch", "concurrency"), [(1, 1), (4, 1), (3, 3)])
def test_whatever_a_target_does_all_is_handled_in_order_or_parked_for_a_cause(
    client: Client, batch: int, concurrency: int
) -> None:
    run_state_machine_as_test(
        lambda: Work(client, batch=batch, concurrency=concurrency),
        settings=settings(
            max_examples=60,
            stateful_step_count=50,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
