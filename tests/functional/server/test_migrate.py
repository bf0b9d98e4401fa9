from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.errors import StoreClosed
from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore_server.migrate import main
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
def source(valkey: ValkeyServer) -> dict[str, str]:
    return _emptied({"REDIS_URL": f"{valkey.url}/0", "PARTITIONS": "3"})


@pytest.fixture
def target(valkey: ValkeyServer, nats: NatsServer, request: pytest.FixtureRequest) -> dict[str, str]:
    name = "".join(letter for letter in request.node.name if letter.isalnum())[:60]
    return _emptied({"REDIS_URL": f"{valkey.url}/1", "BACKEND": "nats", "NATS_URL": nats.url, "JOURNAL": name})


def _emptied(variables: dict[str, str]) -> dict[str, str]:
    with Redis.from_url(variables["REDIS_URL"]) as redis:
        redis.flushdb()
    return variables


def _both(source: dict[str, str], target: dict[str, str]) -> dict[str, str]:
    return source | {f"TO_{name}": value for name, value in target.items()}


def _publish(variables: dict[str, str], *ids: str) -> list[int]:
    with closing(Hub(Settings.from_environment(variables))) as hub:
        return list(hub.log.append("wf", [event(each) for each in ids]).sequences)


def test_a_store_is_moved_and_the_old_one_accepts_nothing(
    source: dict[str, str], target: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _publish(source, "1", "2", "3")
    assert main([], _both(source, target)) == 0
    assert "moved 3 events of 1 streams and 0 definitions; nothing could be published for" in capsys.readouterr().out
    with pytest.raises(StoreClosed):
        _publish(source, "4")
    assert _publish(target, "4", "2") == [4, 2]


def test_a_rehearsal_leaves_the_store_open_and_the_move_continues_with_its_copy(
    source: dict[str, str], target: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    _publish(source, "1", "2", "3")
    assert main(["--rehearse"], _both(source, target)) == 0
    assert "this was a rehearsal" in (said := capsys.readouterr().out)
    assert "3 events were copied" in said
    assert _publish(source, "4") == [4]
    assert main([], _both(source, target)) == 0
    assert "1 events were copied" in capsys.readouterr().out
    assert _publish(target, "5") == [5]


def test_the_old_store_can_be_opened_again(source: dict[str, str], target: dict[str, str]) -> None:
    _publish(source, "1")
    assert main([], _both(source, target)) == 0
    assert main(["--reopen"], source) == 0
    assert _publish(source, "2") == [2]


@pytest.mark.parametrize(
    ("variables", "code", "why"),
    [
        ({"TO_REDIS_URL": ""}, 2, "TO_REDIS_URL is unset"),
        ({"TO_BACKEND": "files"}, 2, "TO_BACKEND is 'files'"),
        ({"TO_PARTITIONS": "4"}, 2, "TO_PARTITIONS is 4, but the store has 3"),
        ({"TO_SHARDS": "4"}, 2, "TO_SHARDS is 4, but the store has 16"),
        ({"TO_NATS_URL": "nats://127.0.0.1:1"}, 1, "NATS does not answer"),
    ],
)
def test_what_cannot_be_done_is_said_and_the_store_stays_open(
    source: dict[str, str],
    target: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    *,
    variables: dict[str, str],
    code: int,
    why: str,
) -> None:
    _publish(source, "1")
    assert main([], _both(source, target) | variables) == code
    assert why in capsys.readouterr().err
    assert _publish(source, "2") == [2]


def test_a_store_is_not_moved_into_itself(
    source: dict[str, str], target: dict[str, str], valkey: ValkeyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    _publish(source, "1")
    assert main([], _both(source, target | {"REDIS_URL": source["REDIS_URL"]})) == 2
    assert "is the Redis of the store itself" in capsys.readouterr().err
    _publish(target, "1")
    other = _emptied(target | {"REDIS_URL": f"{valkey.url}/2"})
    assert main([], _both(target, other)) == 2
    assert "both stores have the same journal" in capsys.readouterr().err
    assert _publish(target, "2") == [2]


def test_a_store_that_is_not_empty_is_not_overwritten(
    source: dict[str, str], target: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(Hub(Settings.from_environment(source))) as hub:
        hub.log.append("wf", events(2))
    with closing(Hub(Settings.from_environment(target | {"PARTITIONS": "3"}))) as hub:
        hub.log.append("other", events(1))
    assert main([], _both(source, target)) == 2
    assert "the store is not empty" in capsys.readouterr().err
