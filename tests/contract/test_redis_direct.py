"""Commands of the hot path on connections that their threads keep."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from redis import Connection, Redis
from redis.exceptions import NoScriptError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from eventstore.adapters.redis.connection import connect
from eventstore.adapters.redis.direct import Direct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyCluster, ValkeyServer


@pytest.fixture
def direct(valkey: ValkeyServer) -> Iterator[Direct]:
    with closing(connect(valkey.url)) as client:
        client.execute_command("FLUSHALL")
        made = Direct.of(client)
        assert made is not None
        yield made


def test_answers_come_in_the_order_of_the_commands(direct: Direct) -> None:
    body = bytes(range(256)) * 300
    answers = direct.run(("SET", "a", body), ("GET", "a"), ("STRLEN", "a"), ("SET", "ä", 7), ("GET", "ä"))
    assert answers == [b"OK", body, len(body), b"OK", b"7"]


def test_an_error_is_the_answer_of_its_command_alone(direct: Direct) -> None:
    first, wrong, unknown, last = direct.run(
        ("SET", "a", "1"), ("LPUSH", "a", "2"), ("EVALSHA", "0" * 40, 0), ("GET", "a")
    )
    assert (first, last) == (b"OK", b"1")
    assert isinstance(wrong, ResponseError)
    assert isinstance(unknown, NoScriptError)
    assert direct.run(("GET", "a")) == [b"1"]


def test_a_connection_that_the_server_ended_is_made_anew(direct: Direct, valkey: ValkeyServer) -> None:
    [before] = direct.run(("CLIENT", "ID"))
    with Redis.from_url(valkey.url) as other:
        other.client_kill_filter(_id=before)
    [after] = direct.run(("CLIENT", "ID"))
    assert after != before


def test_each_thread_has_a_connection_of_its_own_and_keeps_it(direct: Direct) -> None:
    together = Barrier(4)

    def ids(_: int) -> set[int]:
        together.wait(20)
        return {direct.run(("CLIENT", "ID"))[0] for _ in range(20)}

    with ThreadPoolExecutor(4) as threads:
        of_threads = list(threads.map(ids, range(4)))
    assert [len(one) for one in of_threads] == [1, 1, 1, 1]
    assert len(set().union(*of_threads)) == 4


def test_others_go_on_before_an_answer_that_has_arrived_is_read(direct: Direct) -> None:
    steps: list[str] = []
    answers = direct.run(("PING",), arrived=lambda: steps.append("arrived"))
    assert (steps, answers) == (["arrived"], [b"PONG"])


def test_answers_that_were_not_read_are_never_taken_for_those_of_later_commands(direct: Direct) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    direct.run(("SET", "a", "1"))
    with pytest.raises(KeyboardInterrupt):
        direct.run(("GET", "a"), arrived=interrupt)
    assert direct.run(("STRLEN", "a"), ("PING",)) == [1, b"PONG"]


def test_a_cluster_has_none(valkey_cluster: ValkeyCluster) -> None:
    with closing(connect(valkey_cluster.url)) as client:
        assert Direct.of(client) is None


def test_connections_that_threads_keep_leave_enough_for_all_other_commands(valkey: ValkeyServer) -> None:
    most = 100  # the number of connections that a pool of redis-py has by default
    together = Barrier(most)
    with closing(connect(valkey.url)) as client, ThreadPoolExecutor(most) as threads:
        kept = Direct.of(client)
        assert kept is not None

        def keep(_: int) -> None:
            together.wait(20)
            kept.run(("PING",))

        list(threads.map(keep, range(most)))
        assert client.ping()


def test_a_store_that_cannot_be_reached_is_given_up_as_soon_as_by_other_commands(
    direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def connect_in_vain(_: Connection) -> None:
        tries.append(1)
        raise TimeoutError

    direct.run(("PING",))
    monkeypatch.setattr("redis.retry.sleep", lambda _: None)
    monkeypatch.setattr(Connection, "_connect", connect_in_vain)
    direct._client.connection_pool.disconnect()
    with pytest.raises(RedisTimeoutError):
        direct._client.ping()
    of_others = len(tries)
    with pytest.raises(RedisTimeoutError):
        direct.run(("PING",))
    assert len(tries) == 2 * of_others
