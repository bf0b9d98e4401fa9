from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.keys import turn_keys
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.errors import PartitionLeased
from tests.contract.leases import LeaseContract, lease
from tests.contract.servers import OnACluster, OnOneServer
from tests.contract.turns import begin
from tests.examples import FakeClock

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Lease, Turns
    from tests.contract.leases import TurnsOf


class OnRedis(LeaseContract):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def log(self, client: Client, clock: FakeClock) -> RedisLog:
        return RedisLog(client, partitions=1, clock=clock)

    @pytest.fixture
    def turns_of(self, client: Client, clock: FakeClock, log: RedisLog) -> TurnsOf:
        def turns(lease: Lease | None) -> Turns:
            return RedisTurns(client, partitions=log.partitions, clock=clock, lease=lease)

        return turns


class TestOnOneServer(OnOneServer, OnRedis):
    def test_the_end_of_a_lease_is_a_time_of_the_server(self, client: Client) -> None:
        first, second = (RedisTurns(client, partitions=1, lease=lease(name)) for name in ("first", "second"))
        now = partial(client.execute_command, "TIME")
        seconds, microseconds = now()
        begin(first)
        end, term = map(int, client.hmget(turn_keys(0).turn, ["lease", "term"]))
        later_seconds, later_microseconds = now()
        assert seconds * 1000 + microseconds // 1000 <= end - term <= later_seconds * 1000 + later_microseconds // 1000
        # It does not expire while the test runs, whatever the machine does.
        client.execute_command("HSET", turn_keys(0).turn, "lease", end + 600_000, "term", 900_000)
        with pytest.raises(PartitionLeased):
            begin(second)


class TestOnACluster(OnACluster, OnRedis):
    pass
