from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.keys import FILTERS
from eventstore.adapters.redis.named_filters import RedisNamedFilters
from tests.contract.named_filters import NamedFiltersContract, named
from tests.contract.servers import OnACluster, OnOneServer

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client


class OnRedis(NamedFiltersContract):
    @pytest.fixture
    def filters(self, client: Client) -> RedisNamedFilters:
        return RedisNamedFilters(client, partitions=4)

    def test_a_definition_of_a_later_release_may_have_more_members(
        self, filters: RedisNamedFilters, client: Client
    ) -> None:
        filters.create(named())
        text = json.dumps({**json.loads(named().encoded()), "later": 1})
        client.execute_command("HSET", FILTERS, "failures", text)
        assert filters.get("failures") == named()
        assert filters.delete(named())


class TestOnOneServer(OnOneServer, OnRedis):
    pass


class TestOnACluster(OnACluster, OnRedis):
    pass
