"""Ephemeral subscriptions of a server, whatever happens: nothing is missed, nothing is out of order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from eventstore.errors import StoreUnavailable
from eventstore.streams import StreamName, partition_of
from tests.functional.core.readers import LIMITS, PARTITIONS, STREAMS, Readers
from tests.functional.server.fed import FedLive

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client
    from eventstore_hosting.valkey import ValkeyServer

ANY_PARTITION = st.integers(0, PARTITIONS - 1)


class Fed(Readers):
    """They are fed by a server, whose store fails, and some do not read."""

    live: FedLive

    def __init__(self, client: Client, valkey: ValkeyServer) -> None:
        client.flushall()
        super().__init__(FedLive(client, valkey, partitions=PARTITIONS, limits=LIMITS))

    @rule(partition=ANY_PARTITION)
    def turn_before_the_follower_has_seen_the_log(self, partition: int) -> None:
        self.live.feed.take_turn(partition)
        self.deliver()

    @rule(
        stream=st.sampled_from(STREAMS),
        types=st.lists(st.sampled_from("tu"), min_size=1, max_size=5),
        before=st.lists(st.sampled_from(STREAMS), max_size=1),
        after=st.lists(st.sampled_from(STREAMS), max_size=1),
    )
    def publish_here(self, stream: str, types: list[str], before: list[str], after: list[str]) -> None:
        """Another instance may append to the same partition, or another one, right before it, or after it."""
        with self.live.storing(partition_of(StreamName(stream), PARTITIONS)) as growth:
            self._publish_elsewhere(before)
            self.live.growth = growth
            self.publish(stream, types)
            self._publish_elsewhere(after)
        self.deliver()

    def _publish_elsewhere(self, streams: list[str]) -> None:
        self.live.growth = None
        for stream in streams:
            self.publish(stream, ["t"])

    @rule(partition=ANY_PARTITION, method=st.sampled_from(["tail", "missing"]))
    def turn_without_the_store(self, partition: int, method: str) -> None:
        def fail(*_: object, **__: object) -> None:
            raise StoreUnavailable("away")

        self.live.follow()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.live.feed_log, method, fail)
            try:
                self.live.feed.take_turn(partition)
            except StoreUnavailable:
                assert not self.live.deliveries.take_postings(), "nothing was sent"
        self.deliver()

    @precondition(lambda self: self.readers)
    @rule(data=st.data())
    def stop_reading(self, data: st.DataObject) -> None:
        self.live.sessions.congested.add(data.draw(st.sampled_from(self.readers)).name)

    @rule()
    def read_on(self) -> None:
        self.live.sessions.congested.clear()

    def teardown(self) -> None:
        self.live.sessions.congested.clear()
        self.live.follow()
        super().teardown()
        self.live.follower.close()


def test_whatever_happens_everything_arrives_in_order(client: Client, valkey: ValkeyServer) -> None:
    run_state_machine_as_test(
        lambda: Fed(client, valkey),
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        ),
    )
