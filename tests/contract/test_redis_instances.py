from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from eventstore.adapters.redis.connection import SOCKET_SECONDS
from eventstore.adapters.redis.instances import RedisInstances
from eventstore.adapters.redis.keys import inbox_key
from eventstore.ports import FIRST_MESSAGE
from tests.contract.instances import ALIVE_MS, MAX_MESSAGES, A, B, InstancesContract, received
from tests.contract.servers import OnACluster, OnOneServer
from tests.examples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client


class Reader:
    """A client whose reads find nothing.

    Attributes:
        blocks: For how many milliseconds each read was to wait.
    """

    def __init__(self) -> None:
        self.blocks: list[int | None] = []

    def xread(self, streams: Mapping[str, str], *, count: int, block: int | None = None) -> None:
        assert (list(streams), count > 0) == ([inbox_key(A)], True)
        self.blocks.append(block)


class OnRedis(InstancesContract):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def instances(self, client: Client, clock: FakeClock) -> RedisInstances:
        return RedisInstances(client, alive_ms=ALIVE_MS, max_messages=MAX_MESSAGES, clock=clock)


def expires_in(client: Client) -> int:
    """The milliseconds until the inbox of `A` expires; negative if it does not exist or does not expire."""
    return int(client.execute_command("PTTL", inbox_key(A)))


class TestOnOneServer(OnOneServer, OnRedis):
    def test_times_are_those_of_the_server(self, client: Client) -> None:
        instances = RedisInstances(client, alive_ms=600_000)
        instances.heartbeat(A)
        assert (list(instances.heartbeat(B)), list(instances.dead())) == ([A, B], [])

    def test_an_inbox_expires_unless_its_instance_uses_it(self, instances: RedisInstances, client: Client) -> None:
        instances.heartbeat(A)
        assert 0 < expires_in(client) <= 60_000
        client.execute_command("PEXPIRE", inbox_key(A), 6_000_000)
        instances.heartbeat(A)
        assert 0 < expires_in(client) <= 60_000
        client.execute_command("PEXPIRE", inbox_key(A), 6_000_000)
        received(instances, A)
        assert 0 < expires_in(client) <= 60_000

    def test_sending_does_not_keep_an_inbox(self, instances: RedisInstances, client: Client) -> None:
        instances.heartbeat(A)
        client.execute_command("PEXPIRE", inbox_key(A), 30_000)
        instances.send(A, [b"1"])
        assert 0 < expires_in(client) <= 30_000

    def test_nothing_is_left_of_instances_that_left_or_were_forgotten(
        self, instances: RedisInstances, client: Client, clock: FakeClock
    ) -> None:
        instances.heartbeat(A)
        clock.pass_seconds(60)
        instances.heartbeat(B)
        instances.forget(A)
        instances.leave(B)
        for instance in (A, B):
            instances.send(instance, [b"1"])
        assert client.execute_command("KEYS", "*") == []

    def test_messages_that_were_received_are_removed_from_memory(
        self, instances: RedisInstances, client: Client
    ) -> None:
        instances.heartbeat(A)
        instances.send(A, [b"1", b"2", b"3"])
        received(instances, A)
        assert client.execute_command("XLEN", inbox_key(A)) == 1

    def test_a_receiver_finds_that_a_failover_lost_what_it_has_received(
        self, instances: RedisInstances, client: Client
    ) -> None:
        instances.heartbeat(A)
        instances.send(A, [b"1", b"2"])
        _, after = received(instances, A)
        client.execute_command("DEL", inbox_key(A))
        client.execute_command("XADD", inbox_key(A), f"{after.partition('-')[0]}-1", "", b"1")
        lost = instances.receive(A, after, block_ms=0)
        again = instances.receive(A, lost.after, block_ms=0)
        assert (lost.messages, lost.has_gap, again.messages) == ((), True, [b"1"])

    def test_a_read_waits_on_a_client_of_its_own_and_for_less_than_its_socket_does(self, client: Client) -> None:
        reader = Reader()
        instances = RedisInstances(client, alive_ms=ALIVE_MS, reader=cast("Client", reader))
        for block_ms in (0, 1, 60_000):
            instances.receive(A, FIRST_MESSAGE, block_ms=block_ms)
        # None does not wait, where 0 would wait forever.
        assert reader.blocks == [None, 1, SOCKET_SECONDS * 500]


class TestOnACluster(OnACluster, OnRedis):
    pass
