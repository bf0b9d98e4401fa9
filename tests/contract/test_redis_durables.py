from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.adapters.redis.turns import RedisTurns
from tests.contract.durables import DurablesContract, create, durable, following
from tests.contract.servers import OnACluster, OnOneServer

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client


class OnRedis(DurablesContract):
    @pytest.fixture
    def log(self, client: Client) -> RedisLog:
        return RedisLog(client, partitions=4)

    @pytest.fixture
    def registry(self, client: Client) -> RedisRegistry:
        return RedisRegistry(client, partitions=4)

    @pytest.fixture
    def turns(self, client: Client) -> RedisTurns:
        return RedisTurns(client, partitions=4)

    @pytest.fixture
    def durables(self, client: Client) -> RedisDurables:
        return RedisDurables(client, partitions=4, waiting=2000)

    def test_functions_of_earlier_releases_read_a_definition_that_names_a_filter(
        self, durables: RedisDurables, client: Client
    ) -> None:
        create(durables, following())
        assert len(json.loads(client.execute_command("GET", "durable:workers"))) == 7

    def test_a_filter_that_an_earlier_release_replaced_ends_the_reference(
        self, durables: RedisDurables, client: Client
    ) -> None:
        create(durables, following())
        changed = replace(durable(), version=2)
        client.execute_command("SET", "durable:workers", changed.encoded())
        assert durables.get("workers") == changed

    def test_rules_that_an_earlier_release_replaced_keep_the_reference(
        self, durables: RedisDurables, client: Client
    ) -> None:
        create(durables, following())
        changed = replace(following(attempts=9), version=2)
        client.execute_command("SET", "durable:workers", changed.encoded())
        assert durables.get("workers") == changed

    def test_a_subscription_that_an_earlier_release_created_anew_has_no_reference(
        self, durables: RedisDurables, client: Client
    ) -> None:
        create(durables, following())
        other = replace(following(key="1" * 24), reference=None)
        client.execute_command("SET", "durable:workers", other.encoded())
        assert durables.get("workers") == other


class TestOnOneServer(OnOneServer, OnRedis):
    pass


class TestOnACluster(OnACluster, OnRedis):
    pass
