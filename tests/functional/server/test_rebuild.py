from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.errors import IndexDiverged
from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore_server.rebuild import main
from tests.examples import event, events
from tests.nats_server import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with NatsServer.started() as server:
        yield server


@pytest.fixture
def environment(valkey: ValkeyServer, nats: NatsServer, request: pytest.FixtureRequest) -> dict[str, str]:
    with Redis.from_url(valkey.url) as redis:
        redis.flushall()
    name = "".join(letter for letter in request.node.name if letter.isalnum())[:60]
    return {"BACKEND": "nats", "NATS_URL": nats.url, "REDIS_URL": valkey.url, "JOURNAL": name, "PARTITIONS": "3"}


def test_an_index_that_diverged_is_made_anew_and_it_says_how_far_it_is(
    environment: dict[str, str], valkey: ValkeyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Hub(Settings.from_environment(environment))) as hub, Redis.from_url(valkey.url) as redis:
        partition = hub.log.append("wf", events(3)).partition
        epoch = hub.log.ends([partition])[partition].epoch
        redis.hset(f"{{p{partition}}}:partition", "diverged", "as a test says")
        with pytest.raises(IndexDiverged):
            hub.log.append("wf", [event("4")])
        assert main([str(partition)], environment) == 0
        assert f"partition {partition}: 3 of 3 records" in capsys.readouterr().out
        assert list(hub.log.append("wf", [event("4")]).sequences) == [4]
        assert hub.log.ends([partition])[partition].epoch != epoch


def test_all_partitions_are_made_anew_unless_some_are_named(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([], environment) == 0
    assert {line.split(":")[0] for line in capsys.readouterr().out.splitlines()} == {f"partition {n}" for n in range(3)}


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "why"),
    [
        (["3"], {}, 2, "there is no partition 3; the store has 3, from 0 on"),
        ([], {"BACKEND": "redis", "PARTITIONS": ""}, 2, "BACKEND is 'redis', which has no journal"),
        ([], {"BACKEND": "files"}, 2, "BACKEND is 'files'"),
        ([], {"PARTITIONS": "4"}, 1, "PARTITIONS is 4, but the store was created with 3"),
    ],
)
def test_what_cannot_be_done_is_said(
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    *,
    arguments: list[str],
    variables: dict[str, str],
    code: int,
    why: str,
) -> None:
    with closing(Hub(Settings.from_environment(environment))) as hub:
        hub.log.append("wf", events(1))
    assert main(arguments, {**environment, **variables}) == code
    assert why in capsys.readouterr().err
