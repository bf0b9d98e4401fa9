"""Ephemeral subscriptions, whatever happens: nothing is missed, nothing is out of order, no partition stands still."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from eventstore.errors import QueueUnavailable, TurnLost
from tests.functional.core.live import Live
from tests.functional.core.readers import LIMITS, PARTITIONS, Readers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Candidates, Turn


class Listening(Readers):
    """They listen to the turns of partitions, and those go wrong."""

    def __init__(self, client: Client) -> None:
        client.flushall()
        super().__init__(Live(client, partitions=PARTITIONS, limits=LIMITS))

    @rule(partition=st.integers(0, PARTITIONS - 1))
    def turn_that_dies_as_it_begins(self, partition: int) -> None:
        self.live.turns.begin(partition, events=LIMITS.events, behind=LIMITS.behind)

    @rule(partition=st.integers(0, PARTITIONS - 1), arrives=st.booleans())
    def turn_that_dies_in_the_end(self, partition: int, *, arrives: bool) -> None:
        self.live.deliveries.broken = True
        with suppress(QueueUnavailable):
            self.live.dispatcher.take_turn(partition)
        self.live.deliveries.broken = False
        self.deliver(arrives=arrives)

    @precondition(lambda self: self.readers)
    @rule(partition=st.integers(0, PARTITIONS - 1), data=st.data(), fails=st.booleans())
    def turn_that_is_overtaken(self, partition: int, data: st.DataObject, *, fails: bool) -> None:
        """Before it knows who wants what; and somebody leaves meanwhile."""
        turns, candidates = self.live.turns, self.live.turns.candidates

        def slow(turn: Turn, terms: Sequence[str]) -> Candidates:
            del turns.candidates
            self.live.deliveries.broken = fails
            with suppress(QueueUnavailable):
                self.live.worker(LIMITS).take_turn(partition)
            self.live.deliveries.broken = False
            self.leave(data)
            return candidates(turn, terms)

        turns.candidates = slow  # type: ignore[method-assign] # once
        with suppress(TurnLost):
            self.live.dispatcher.take_turn(partition)
        vars(turns).pop("candidates", None)
        self.live.dispatch_queue.request_turns([partition])
        self.deliver()

    @rule()
    def worker_that_knows_nothing(self) -> None:
        self.live.dispatcher = self.live.worker(LIMITS)

    @rule()
    def bells_are_lost(self) -> None:
        self.live.dispatch_queue.requested_turns.clear()


def test_whatever_happens_everything_arrives_in_order(client: Client) -> None:
    run_state_machine_as_test(
        lambda: Listening(client),
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
