from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.event_schemas import RedisEventSchemas
from eventstore.adapters.redis.keys import SCHEMAS
from tests.contract.event_schemas import EventSchemasContract, schema
from tests.contract.servers import OnACluster, OnOneServer

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client


class OnRedis(EventSchemasContract):
    @pytest.fixture
    def schemas(self, client: Client) -> RedisEventSchemas:
        return RedisEventSchemas(client, partitions=4)

    def test_a_definition_of_a_later_release_may_have_more_members(
        self, schemas: RedisEventSchemas, client: Client
    ) -> None:
        schemas.create(schema())
        text = json.dumps({**json.loads(schema().encoded()), "later": 1})
        client.execute_command("HSET", SCHEMAS, "order.placed", text)
        assert schemas.get("order.placed") == schema()
        assert schemas.delete(schema())


class TestOnOneServer(OnOneServer, OnRedis):
    pass


class TestOnACluster(OnACluster, OnRedis):
    pass
