from __future__ import annotations

import itertools
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from redis import Redis

from eventstore.adapters.redis import references
from eventstore.adapters.redis.blocks import Blocks
from eventstore.adapters.redis.connection import Client, connect
from eventstore.adapters.redis.direct import Direct
from eventstore.adapters.redis.durables import RedisDurables
from eventstore.adapters.redis.formats import NEWEST, require_known
from eventstore.adapters.redis.growth import Growth
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.partitions import Partitions
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.errors import (
    AmbiguousEvent,
    EventConflict,
    FormatMismatch,
    PartitionMismatch,
    ShardMismatch,
    StoreUnavailable,
)
from eventstore.positions import BEGINNING, END, END_OF_APPEND, Position
from eventstore.streams import Retention, StreamConfig, StreamName, partition_of
from eventstore.subscriptions import EVENTSTORE, Connection
from eventstore_hosting.valkey import ValkeyCluster, ValkeyServer
from tests.contract.durables import durable
from tests.contract.log import LogContract, dispatch
from tests.examples import FakeClock, event, events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.ports import Tail


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def emptied(*servers: ValkeyServer) -> None:
    for server in servers:
        with Redis.from_url(server.url) as client:
            client.flushall()
            client.script_flush()


class TestOnOneServer(LogContract):
    @pytest.fixture
    def log(self, valkey: ValkeyServer, clock: FakeClock) -> Iterator[RedisLog]:
        emptied(valkey)
        client = connect(valkey.url)
        yield RedisLog(client, clock=clock)
        client.close()

    @pytest.fixture
    def turns(self, valkey: ValkeyServer, clock: FakeClock) -> Iterator[RedisTurns]:
        with closing(connect(valkey.url)) as client:
            yield RedisTurns(client, clock=clock)


class TestWithDirectAppends(TestOnOneServer):
    """As on the hub as a service."""

    @pytest.fixture
    def log(self, valkey: ValkeyServer, clock: FakeClock) -> Iterator[RedisLog]:
        emptied(valkey)
        client = connect(valkey.url)
        yield RedisLog(client, clock=clock, direct=Direct.of(client))
        client.close()


class TestOnACluster(LogContract):
    """Three nodes: a step that touched two slots would fail here."""

    @pytest.fixture
    def log(self, valkey_cluster: ValkeyCluster, cluster_client: Client, clock: FakeClock) -> RedisLog:
        emptied(*valkey_cluster.servers)
        return RedisLog(cluster_client, clock=clock)

    @pytest.fixture
    def turns(self, cluster_client: Client, clock: FakeClock) -> RedisTurns:
        return RedisTurns(cluster_client, clock=clock)


class TestRedisAlone:
    @pytest.fixture
    def client(self, valkey: ValkeyServer) -> Iterator[Client]:
        emptied(valkey)
        client = connect(valkey.url)
        yield client
        client.close()

    def test_a_new_store_has_sixteen_partitions(self, client: Client) -> None:
        assert RedisLog(client).partitions == 16

    def test_a_store_keeps_the_number_of_partitions_it_was_made_with(self, client: Client) -> None:
        assert (RedisLog(client, partitions=4).partitions, RedisLog(client).partitions) == (4, 4)

    def test_another_number_of_partitions_is_refused(self, client: Client) -> None:
        RedisLog(client, partitions=4).append("wf", events(1))
        with pytest.raises(PartitionMismatch, match="created with 4"):
            RedisLog(client, partitions=8).append("wf", events(1))

    def test_a_page_over_batches_reads_few_entries_more_than_it_needs(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = RedisLog(client, partitions=1)
        for number in range(60):
            log.append("wf", events(50, start=50 * number + 1))
        asked: list[int] = []
        read_log = references._read_log

        def noting(asks: Client, partition: int, start: str, query: references.TailQuery, count: int) -> object:
            asked.append(count)
            return read_log(asks, partition, start, query, count)

        monkeypatch.setattr(references, "_read_log", noting)
        position = BEGINNING
        for _ in range(3):
            tail = log.tail({0: position}, count=500)[0]
            assert len(tail.events) == 500
            position = tail.position
        # Ten hold the page, the one before it is read again, and some more in case that appends become smaller.
        assert asked == [501, 13, 13]

    def test_a_new_store_has_sixteen_shards_of_connections(self, client: Client) -> None:
        assert Partitions(client).shards == 16
        assert client.hget("{p0}:partition", "shards") == b"16"

    def test_a_store_keeps_the_number_of_shards_it_was_made_with(self, client: Client) -> None:
        assert (Partitions(client, shards=3).shards, Partitions(client).shards) == (3, 3)

    def test_another_number_of_shards_is_refused(self, client: Client) -> None:
        RedisLog(client, partitions=Partitions(client, shards=3)).append("wf", events(1))
        with pytest.raises(ShardMismatch, match="created with 3"):
            RedisLog(client, partitions=Partitions(client, shards=4)).append("wf", events(1))

    def test_a_store_that_was_made_before_there_was_a_choice_has_sixteen_shards(self, client: Client) -> None:
        assert Partitions(client).count == 16
        client.hdel("{p0}:partition", "shards")
        assert Partitions(client, shards=16).shards == 16
        with pytest.raises(ShardMismatch, match="created with 16"):
            _ = Partitions(client, shards=32).shards

    def test_a_store_that_lost_its_data_is_made_again_with_the_same_numbers(
        self, valkey: ValkeyServer, client: Client
    ) -> None:
        partitions = Partitions(client, configured=4, shards=3)
        turns = RedisTurns(client, partitions=partitions)
        assert partitions.count == 4
        with Redis.from_url(valkey.url) as plain:
            plain.flushall()
        turns.begin(0, events=1, behind=1)
        again = Partitions(client)
        assert (again.count, again.shards) == (4, 3)

    def test_a_store_names_its_format(self, client: Client) -> None:
        assert RedisLog(client, partitions=4).partitions == 4
        assert client.hget("{p0}:partition", "format") == str(NEWEST).encode()

    def test_a_store_without_a_format_has_the_first(self, client: Client) -> None:
        RedisLog(client, partitions=4).append("wf", events(1))
        client.hdel("{p0}:partition", "format")
        assert RedisLog(client, partitions=4).partitions == 4

    def test_a_store_with_a_later_format_is_refused_and_left_as_it_is(self, client: Client) -> None:
        assert RedisLog(client, partitions=4).partitions == 4
        client.hset("{p0}:partition", "format", NEWEST + 1)
        before = {key: client.dump(key) for key in client.scan_iter()}
        for ask in (
            lambda: RedisLog(client).append("wf", events(1)),
            lambda: RedisTurns(client).begin(0, events=1, behind=1),
            lambda: RedisRegistry(client).connect(Connection("c", EVENTSTORE, 0)),
            lambda: RedisDurables(client).groups(durable()),
        ):
            with pytest.raises(FormatMismatch, match=f"has format {NEWEST + 1}.*a newer version has written it"):
                ask()
        assert {key: client.dump(key) for key in client.scan_iter()} == before

    def test_a_format_that_is_not_read_any_more_is_refused_with_the_way_out(self) -> None:
        with pytest.raises(FormatMismatch, match=r"uses formats 2 to 3; .*export the events"):
            require_known(1, oldest=2, newest=3)

    def test_a_store_made_anew_has_new_epochs(self, valkey: ValkeyServer, client: Client) -> None:
        log = RedisLog(client)
        before = log.tail({3: BEGINNING}, count=1)[3].epoch
        emptied(valkey)
        assert log.tail({3: BEGINNING}, count=1)[3].epoch != before

    def test_without_a_clock_events_are_stored_under_the_servers_time(self, client: Redis) -> None:
        seconds, _ = client.time()
        log = RedisLog(client)
        log.append("wf", events(1))
        assert abs(log.read("wf", start=1, stop=1, count=1).events[0].time - seconds * 1000) < 60_000

    def test_an_id_that_very_many_events_use_needs_a_stream_and_a_source(self, client: Client) -> None:
        log = RedisLog(client, partitions=1)
        for number in range(101):
            log.append(f"wf-{number}", [event("1")])
        assert [e.stream for e in log.locate("1", source="/tests", stream="wf-100")] == ["wf-100"]
        with pytest.raises(AmbiguousEvent):
            log.locate("1")

    def test_events_that_come_together_share_entries(self, client: Redis) -> None:
        log = RedisLog(client)
        partition = log.append("wf", events(10)).partition
        assert [entry.split(b"-")[0] for entry, _ in client.xrange(f"{{p{partition}}}:events:wf")] == [
            b"4",
            b"8",
            b"10",
        ]

    def test_a_trim_that_was_cut_short_hides_what_it_left_and_the_next_one_removes_it(self, client: Redis) -> None:
        log = RedisLog(client)
        log.append("wf", events(5))
        partition = partition_of("wf", log.partitions)
        # As after a crash between the step that deletes and the first that removes.
        client.hset(f"{{p{partition}}}:state:wf", "first", 4)
        assert [e.sequence for e in log.read("wf", start=1, stop=9, count=2).events] == [4, 5]
        assert [e.sequence for _, e in log.tail({partition: BEGINNING}, count=9)[partition].events] == [4, 5]
        assert not log.append("wf", [event("1")]).duplicates
        assert (log.trim("wf"), log.trim("wf")) == (3, 0)
        assert (log.describe("wf").size, log.locate("2")) == (sum(len(event(n).body) for n in "451"), [])

    def test_an_event_is_compared_by_its_digest_without_its_body(self, client: Redis) -> None:
        log = RedisLog(client, partitions=1)
        log.append("wf", events(8))
        client.delete("{p0}:events:wf")
        assert log.append("wf", [event("5")]).duplicates == {0}
        with pytest.raises(EventConflict):
            log.append("wf", [event("5", data="other")])

    @pytest.mark.parametrize("without", ["all", "some", "of another version"])
    def test_an_event_without_a_digest_is_compared_by_its_body(self, client: Redis, without: str) -> None:
        """As an earlier version of the hub stored it, or a later one will."""
        log = RedisLog(client, partitions=1)
        for number in range(1, 9):
            if number == 5 and without == "all":
                client.delete("{p0}:digests:wf")
                client.hdel("{p0}:state:wf", "digests")
            log.append("wf", [event(str(number), data={"n": 1.0})])
        if without == "some":
            digests = client.hget("{p0}:digests:wf", "0")
            client.hset("{p0}:digests:wf", "0", digests[: 17 * 2] + b"\0" * 17 * 3 + digests[17 * 5 : 17 * 7])
        elif without == "of another version":
            digests = client.hget("{p0}:digests:wf", "0")
            client.hset("{p0}:digests:wf", "0", b"\x07" + digests[1:])
        for number in range(1, 9):
            assert log.append("wf", [event(str(number), data={"n": 1})]).duplicates == {0}
            with pytest.raises(EventConflict):
                log.append("wf", [event(str(number), data={"n": 2})])

    def test_digests_that_are_not_needed_any_more_do_not_stay(self, client: Redis) -> None:
        log = RedisLog(client, partitions=1)
        log.create("wf", StreamConfig(Retention(max_events=10)))
        for start in range(1, 2001, 10):
            log.append("wf", events(10, start=start))
        assert {int(chunk) for chunk in client.hkeys("{p0}:digests:wf")} == {1990 // 32, 2000 // 32}
        assert log.append("wf", events(10, start=1991)).duplicates == set(range(10))
        log.delete("wf")
        log.trim("wf")
        assert not client.exists("{p0}:digests:wf")

    def test_no_block_is_added_behind_blocks_that_were_lost(self, client: Redis) -> None:
        log = RedisLog(client, partitions=1)
        for start in range(1, 1201, 300):
            log.append("wf", [event(str(n), subject="rare" if n == 5 else "other") for n in range(start, start + 300)])
        blocks = Blocks(client)

        lost: list[int] = []

        def read(position: Position, count: int) -> Tail:
            tail = log.tail({0: position}, count=count)[0]
            # As if the store were set back while the block behind the first one is read.
            if not lost and client.exists("{p0}:blocks"):
                lost.append(client.delete("{p0}:blocks"))
            return tail

        def count_after(position: Position, most: int) -> int:
            return log.lag({0: position}, most=most)[0].events

        assert blocks.extend(0, read, count_after=count_after, may_go_on=lambda: True)
        assert lost == [1]
        clauses = ((("subject", "rare"),),)
        found = log.tail({0: BEGINNING}, count=2000, clauses=clauses)[0].events
        assert any(recorded.sequence == 5 for _, recorded in found)

    def test_an_append_needs_a_wakeup_again_once_the_flag_is_gone(self, client: Redis) -> None:
        log = RedisLog(client)
        partition = log.append("wf", events(1)).partition
        client.delete(f"{{p{partition}}}:bell")
        assert log.append("wf", [event("2")]).needs_wakeup

    def test_an_append_that_stores_nothing_needs_no_wakeup(self, client: Redis) -> None:
        log = RedisLog(client)
        partition = log.append("wf", events(1)).partition
        client.delete(f"{{p{partition}}}:bell")
        assert not log.append("wf", events(1)).needs_wakeup
        assert not client.exists(f"{{p{partition}}}:bell")

    def test_the_flag_of_a_wakeup_that_was_lost_expires_after_ten_seconds(self, client: Redis) -> None:
        partition = RedisLog(client).append("wf", events(1)).partition
        assert 0 < client.pttl(f"{{p{partition}}}:bell") <= 10_000

    @pytest.mark.parametrize("permanently", [False, True])
    def test_nothing_is_left_of_events_that_are_deleted(self, client: Redis, *, permanently: bool) -> None:
        log = RedisLog(client)
        log.append("wf", events(5))
        log.append("wf", [event("6")])
        log.delete("wf", permanently=permanently)
        assert log.trim("wf") == 6
        partition = partition_of("wf", log.partitions)
        tag = f"{{p{partition}}}"
        assert (client.hlen(f"{tag}:ids"), client.xlen(f"{tag}:events:wf")) == (0, 0)
        assert log.deleted(partition) == ["wf"]
        newest = client.xrevrange(f"{tag}:log", count=1)[0][0]
        dispatch(RedisTurns(client), partition, Position(*map(int, newest.split(b"-")), 0))
        assert log.trim("wf") == 0
        assert (client.xlen(f"{tag}:log"), client.exists(f"{tag}:deleted")) == (0, 0)
        fields = {"head", "bytes", "updated", "created", "first", "deleted", "swept"} | (
            {"gone"} if permanently else set()
        )
        assert {field.decode() for field in client.hkeys(f"{tag}:state:wf")} == fields

    @pytest.mark.parametrize("permanently", [False, True])
    def test_what_a_function_that_died_left_of_a_large_stream_is_removed_later(
        self, client: Redis, clock: FakeClock, *, permanently: bool
    ) -> None:
        log = RedisLog(client, partitions=1, clock=clock)
        for start in range(1, 60_001, 40):
            log.append("wf", events(40, start=start))
            clock.pass_seconds(0.001)
        half = log.tail({0: BEGINNING}, count=30_000)[0].position
        # It died right behind the step that deletes.
        log.delete("wf", permanently=permanently)
        assert log.missing({0: BEGINNING})[0].ranges == [("wf", 1, 60_000)]
        [(_, first, last)] = log.missing({0: half})[0].ranges
        assert (30_001 - 60_000 // 10 < first <= 30_001, last) == (True, 60_000)
        assert client.zcard("{p0}:trimmed") <= 1_101
        removed = log.trim("wf")
        dispatch(RedisTurns(client), 0, log.tail({0: Position(1 << 62, 0, 0)}, count=1, backwards=True)[0].position)
        assert (removed, log.trim("wf"), log.deleted(0)) == (60_000, 0, [])
        # The flag of a wake-up expires by the server's clock, which this may take longer than.
        assert {key.decode() for key in client.keys("*")} - {"{p0}:bell"} == {
            *("{p0}:state:wf", "{p0}:partition", "{p0}:trimmed", "{p0}:log", "{p0}:turn", "{p0}:ended"),
            *(() if permanently else ("{p0}:streams",)),
        }
        assert client.hlen("{p0}:state:wf") < 10
        assert (client.xlen("{p0}:log"), log.missing({0: BEGINNING})[0].ranges) == (0, [("wf", 1, 60_000)])

    def test_what_has_to_be_indexed_before_it_is_removed_takes_no_longer_than_the_time_given(
        self, client: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = FakeClock()
        log = RedisLog(client, partitions=1, clock=clock)
        for start in range(1, 4001, 1000):
            log.append("wf", events(1000, start=start))
        log.delete("wf")
        until, now, asked = clock.now() + 2, clock.now, itertools.count()
        # Time passes by the look at the clock.
        monkeypatch.setattr(clock, "now", lambda: now() + next(asked))
        assert log.trim("wf", until=until) == 0
        assert client.hlen("{p0}:ids") < 4000
        assert (log.trim("wf"), client.hlen("{p0}:ids")) == (4000, 0)

    def test_where_an_earlier_version_removed_something_everybody_asks(self, client: Redis) -> None:
        log = RedisLog(client, partitions=1)
        log.append("wf", events(3))
        client.hset("{p0}:partition", "trims", 1)
        client.zadd("{p0}:trimmed", {"1|5-0|other|1-1|0": 5})
        tail = log.tail({0: BEGINNING}, count=9)[0]
        assert (tail.removals, tail.removed_until) == (1, END)
        log.delete("wf")
        assert Position(5, 0, 0) < log.tail({0: BEGINNING}, count=9)[0].removed_until < END

    def test_a_process_that_read_an_epoch_before_notices_that_it_was_renewed(self, client: Client) -> None:
        here, elsewhere = RedisLog(client), RedisLog(client)
        here.tail({0: BEGINNING}, count=1)
        assert elsewhere.renew()[0] == here.tail({0: BEGINNING}, count=1)[0].epoch

    def test_a_new_store_may_be_renewed(self, client: Client) -> None:
        assert list(RedisLog(client, partitions=3).renew()) == [0, 1, 2]
        assert RedisLog(client).partitions == 3

    @pytest.fixture
    def forgetful(self, client: Redis) -> RedisLog:
        """A log of one partition that forgot one of 10,001 removals, the oldest, at 1-0; the newest is of `wf`."""
        log = RedisLog(client, partitions=1, clock=FakeClock(20_000))
        log.append("wf", events(3))
        client.hset("{p0}:partition", "trims", 1)
        client.zadd("{p0}:trimmed", {f"1|{n}-0|other|{n}-{n}|0": n for n in range(1, 10_001)})
        log.delete("wf")
        return log

    def test_a_partition_remembers_ten_thousand_removals(self, forgetful: RedisLog, client: Redis) -> None:
        missing = forgetful.missing({0: Position(1, 0, END_OF_APPEND)})[0]
        assert client.zcard("{p0}:trimmed") == 10_000
        assert (missing.ranges, missing.complete) == ([("other", 2, 10_000), ("wf", 1, 3)], True)

    def test_whoever_asks_for_what_is_forgotten_learns_that_something_is(self, forgetful: RedisLog) -> None:
        assert not forgetful.missing({0: Position(1, 0, 0)}, until={0: Position(1, 0, 0)})[0].complete

    def test_what_was_reported_before_it_was_forgotten_is_not_missed(self, forgetful: RedisLog) -> None:
        missing = forgetful.missing({0: BEGINNING}, since={0: 1})[0]
        assert (missing.ranges, missing.complete) == ([("wf", 1, 3)], True)

    def test_a_store_that_does_not_answer_is_unavailable(self) -> None:
        with ValkeyServer.start() as server, closing(connect(server.url)) as client:
            log = RedisLog(client)
            log.append("wf", events(1))
            server.kill()
            with pytest.raises(StoreUnavailable):
                log.append("wf", [event("2")])

    def test_a_store_that_comes_back_serves_the_same_process(self) -> None:
        with ValkeyServer.start(persistent=True) as server, closing(connect(server.url)) as client:
            log = RedisLog(client)
            log.append("wf", events(2))
            server.kill()
            server.restart()
            assert list(log.append("wf", [event("3")]).sequences) == [3]


@pytest.mark.parametrize("kind", ["valkey", "valkey_cluster"])
def test_an_append_fills_in_how_the_log_grew(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(kind)
    with closing(connect(server.url)) as client:
        log, stream = RedisLog(client), StreamName("grows")
        log.append(stream, [event("0")])
        partition = partition_of(stream, log.partitions)
        after = log.ends([partition])[partition].position
        growth = Growth(partition, after)
        log.append(stream, events(6), growth=growth)
        (entry,) = growth.entries
        assert (entry.end, entry.events) == (log.ends([partition])[partition].position, 6)
        read = log.tail({partition: after}, count=100, until={partition: entry.end})
        assert growth.tail == read[partition]
