"""Events that left memory reach subscribers from the archive, and who waits for it keeps nobody else waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.memory.objects import MemoryObjects
from eventstore.adapters.redis.formats import COLD
from eventstore.adapters.redis.hot_window import RedisHotWindow
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.partitions import Partitions
from eventstore.archive.archiver import Archiver, ArchiverLimits
from eventstore.archive.history import ArchivedHistory
from eventstore.archive.prompt_history import PromptHistory
from eventstore.archive.sealing import SealLimits
from eventstore.errors import ArchiveMismatch, ArchiveUnavailable, StoreFull
from eventstore.filters import parse_filters
from eventstore.live.catch_up import TurnLimits
from eventstore.live.sweep import Sweeper
from eventstore.ports import Start
from eventstore.positions import BEGINNING, END
from eventstore.streams import Retention, StreamConfig, StreamName
from eventstore.subscriptions import Durable
from tests.examples import event, events
from tests.fakes.history import FakeHistory
from tests.functional.core.live import Live

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.redis.connection import Client

WF = StreamName("wf")


@pytest.fixture
def history() -> FakeHistory:
    return FakeHistory()


@pytest.fixture
def live(client: Client, history: FakeHistory) -> Live:
    return Live(client, history=history, limits=TurnLimits(behind_events=7))


def ids(messages: Sequence[dict[str, Any]]) -> list[str]:
    return [one["id"] for message in messages if message["type"] == "events" for one in message["events"]]


def numbers(*span: int) -> list[str]:
    return [str(number) for number in range(*span)]


def join(live: Live, name: str) -> None:
    """Join a durable subscription of this name, which begins with the oldest event."""
    durable = Durable(name[0] * 24, name, parse_filters([]))
    live.durables.create(durable, dict.fromkeys(range(live.log.partitions), Start.OLDEST))
    live.connect(name)
    live.members.join(name, "w", name)


class TestWhoCatchesUp:
    def test_a_subscription_from_the_oldest_receives_cold_events_then_others(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.store.publish(events(30), stream="wf")
        assert history.cool(live.log, client) == 30
        live.store.publish(events(10, start=31), stream="wf")
        live.subscribe("a", oldest=True)
        live.settle()
        assert ids(live.received()["a"]) == numbers(1, 41)
        assert history.reads > 0

    def test_who_waits_for_the_archive_keeps_no_live_subscriber_waiting(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.subscribe("live")
        live.settle()
        live.store.publish(events(10), stream="wf")
        live.settle()
        live.received()
        history.cool(live.log, client)
        history.is_away = True
        live.subscribe("behind", oldest=True)
        live.store.publish(events(5, start=11), stream="wf")
        assert live.dispatcher.take_turn(0), "there is more to do"
        assert {name: ids(messages) for name, messages in live.received().items()} == {"live": numbers(11, 16)}
        history.is_away = False
        live.settle()
        assert ids(live.received()["behind"]) == numbers(1, 16)

    def test_a_durable_subscription_waits_for_the_archive_and_others_do_not(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.store.publish(events(10), stream="wf")
        join(live, "front")
        live.settle()
        assert ids(live.received()["front"]) == numbers(1, 11)
        history.cool(live.log, client)
        history.is_away = True
        join(live, "behind")
        live.store.publish(events(5, start=11), stream="wf")
        assert live.dispatcher.take_turn(0), "there is more to do"
        assert ids(live.received().get("front", [])) == numbers(11, 16)
        history.is_away = False
        live.settle()
        assert ids(live.received()["behind"]) == numbers(1, 16)

    def test_a_retry_of_a_turn_waits_with_all(self, client: Client, live: Live, history: FakeHistory) -> None:
        live.store.publish(events(10), stream="wf")
        history.cool(live.log, client)
        join(live, "behind")
        live.subscribe("live")
        live.store.publish(events(1, start=11), stream="wf")
        # A turn that began, and died after it may have sent something.
        live.turns.begin(0, events=100, behind=10)
        history.is_away = True
        with pytest.raises(ArchiveUnavailable):
            live.dispatcher.take_turn(0)
        history.is_away = False
        live.settle()
        assert ids(live.received()["behind"]) == numbers(1, 12)


class TestWhatIsCold:
    def test_an_event_that_is_lost_is_an_error_and_no_gap(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.log.append(WF, events(3))
        history.cool(live.log, client)
        history.forget(WF, 2)
        with pytest.raises(ArchiveUnavailable, match="does not have event 2 of stream 'wf'"):
            live.log.read(WF, start=1, stop=3, count=10)
        with pytest.raises(ArchiveUnavailable, match="does not have event 2 of stream 'wf'"):
            live.log.tail({0: BEGINNING}, count=10)
        assert [found.sequence for found in live.log.read(WF, start=3, stop=3, count=10).events] == [3]

    def test_a_hub_without_an_archive_says_what_is_missing(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.log.append(WF, events(3))
        history.cool(live.log, client)
        with pytest.raises(ArchiveUnavailable, match="ARCHIVE_URL is unset"):
            RedisLog(client).read(WF, start=1, stop=3, count=10)

    def test_events_that_were_deleted_before_they_were_fetched_are_reported_as_missing(
        self, client: Client, live: Live, history: FakeHistory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        live.log.append(WF, events(3))
        history.cool(live.log, client)
        bodies = history.bodies

        def after_a_deletion(partition: int, wanted: Mapping[StreamName, Mapping[int, int]]) -> Any:  # noqa: ANN401 - as it is
            monkeypatch.setattr(history, "bodies", bodies)
            live.log.delete(WF)
            live.log.append(WF, [event("4")])
            for sequence in (1, 2, 3):
                history.forget(WF, sequence)
            return bodies(partition, wanted)

        monkeypatch.setattr(history, "bodies", after_a_deletion)
        tail = live.log.tail({0: BEGINNING}, count=10)[0]
        assert [found.sequence for _, found in tail.events] == [4]
        assert tail.removals == live.log.missing({0: BEGINNING})[0].serial
        assert live.log.missing({0: BEGINNING})[0].ranges == [(WF, 1, 3)]

    def test_a_wait_for_an_event_that_is_cold_ends_at_once(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.log.append(WF, events(3))
        history.cool(live.log, client)
        live.log.wait(WF, after=2, seconds=60)

    def test_events_without_a_digest_stay_and_so_do_those_behind_them(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.log.append(WF, events(2))
        client.execute_command("DEL", "{p0}:digests:wf")
        live.log.append(WF, events(1, start=3))
        assert history.cool(live.log, client) == 0
        history.is_away = True
        assert len(live.log.read(WF, start=1, stop=9, count=10).events) == 3

    def test_an_append_of_which_a_part_is_archived_stays_until_all_of_it_is(self, client: Client, live: Live) -> None:
        objects = MemoryObjects(clock=live.clock)
        partitions = Partitions(client)
        limits = ArchiverLimits(seal=SealLimits(events=10), hot_ms=0)
        window = RedisHotWindow(partitions)
        archiver = Archiver(live.log, objects, clock=live.clock, window=window, limits=limits)
        for start in (1, 5, 9):
            live.log.append(WF, events(4, start=start))
        archived = archiver.run(until=live.clock.now() + 1)
        assert (archived.events, archived.cooled) == (10, 8)
        history = ArchivedHistory(objects, partitions=lambda: partitions.count, clock=live.clock)
        log = RedisLog(client, history=history)
        assert [found.sequence for found in log.read(WF, start=1, stop=99, count=99).events] == [*range(1, 13)]
        live.clock.pass_seconds(3600)
        assert archiver.run(until=live.clock.now() + 1).cooled == 4
        assert len(log.read(WF, start=1, stop=99, count=99).events) == 12

    def test_an_append_of_which_a_part_was_removed_leaves_with_what_is_left(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.log.create(WF, StreamConfig(Retention(max_events=60)))
        live.log.append(WF, events(100))
        live.log.trim(WF)
        assert history.cool(live.log, client) == 60
        live.log.append(WF, events(30, start=101))
        live.log.trim(WF)
        assert history.cool(live.log, client) == 30
        assert [found.sequence for found in live.log.read(WF, start=1, stop=999, count=999).events] == [*range(71, 131)]

    def test_many_events_of_a_stream_leave_in_steps(self, client: Client, live: Live, history: FakeHistory) -> None:
        for start in range(1, 5001, 500):
            live.log.append(WF, events(500, start=start))
        before = client.execute_command("INFO", "commandstats")["cmdstat_evalsha"]["calls"]
        assert history.cool(live.log, client) == 5000
        after = client.execute_command("INFO", "commandstats")["cmdstat_evalsha"]["calls"]
        assert after - before >= 5

    def test_a_sweep_without_the_archive_removes_what_retention_does_not_keep(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.log.append(StreamName("other"), events(600))
        history.cool(live.log, client)
        live.log.create(WF, StreamConfig(Retention(max_events=1)))
        live.log.append(WF, events(3))
        history.is_away = True
        sweeper = Sweeper(
            live.log,
            live.registry,
            live.turns,
            live.dispatch_queue,
            live.members,  # type: ignore[arg-type] # it does what is asked of it here
            clock=live.clock,
        )
        sweeper.sweep(until=live.clock.now() + 60_000)
        assert live.log.describe(WF).first == 3

    def test_versions_that_know_of_no_cold_events_refuse_the_store(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        live.log.append(WF, events(1))
        assert client.hget("{p0}:partition", "format") == b"1"
        history.cool(live.log, client)
        assert client.hget("{p0}:partition", "format") == str(COLD).encode()

    def test_events_leave_a_memory_that_is_full(self, client: Client, live: Live, history: FakeHistory) -> None:
        for start in range(1, 500, 10):
            live.log.append(StreamName(f"wf-{start}"), events(10, start=start))
        client.execute_command("CONFIG", "SET", "maxmemory", "1mb", "maxmemory-policy", "noeviction")
        try:
            with pytest.raises(StoreFull):
                live.log.append(WF, events(1))
            assert history.cool(live.log, client) == 500
        finally:
            client.execute_command("CONFIG", "SET", "maxmemory", "0")
        assert sum(len(tail.events) for tail in live.log.tail({0: BEGINNING}, count=1000).values()) == 500

    def test_processes_that_let_events_leave_at_once_do_no_harm(
        self, client: Client, live: Live, history: FakeHistory
    ) -> None:
        for start in range(1, 1000, 10):
            live.log.append(StreamName(f"wf-{start % 7}"), events(10, start=start))
        history.cool(live.log, client)
        for start in range(1001, 2000, 10):
            live.log.append(StreamName(f"wf-{start % 7}"), events(10, start=start))
        stored = live.log.tail({0: BEGINNING}, count=10_000)[0].events
        for _, found in stored:
            history._bodies[found.stream, found.sequence] = found.body
        windows = [RedisHotWindow(Partitions(client)) for _ in range(4)]
        with ThreadPoolExecutor() as pool:
            counts = pool.map(lambda window: window.cool(0, until=END, may_go_on=lambda: True), windows)
            assert sum(counts) == 1000
        assert live.log.tail({0: BEGINNING}, count=10_000)[0].events == stored


class TestPromptHistory:
    def test_what_a_slow_read_found_is_returned_to_who_asks_for_it_again(self) -> None:
        may_end = Event()

        class SlowOnce(FakeHistory):
            def bodies(self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]) -> Any:  # noqa: ANN401, ARG002 - as it is
                self.reads += 1
                may_end.wait(60)
                return {WF: {1: b"{}"}}

        slow = SlowOnce()
        prompt = PromptHistory(slow, seconds=0.01)
        with pytest.raises(ArchiveUnavailable):
            prompt.bodies(0, {WF: {1: 1}})
        may_end.set()
        prompt._reads[0].result.result(60)
        assert prompt.bodies(0, {WF: {1: 1}}) == {WF: {1: b"{}"}}
        assert slow.reads == 1

    def test_an_archive_of_another_store_does_not_answer_either(self) -> None:
        class Foreign(FakeHistory):
            def bodies(self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]) -> Any:  # noqa: ANN401, ARG002 - as it is
                raise ArchiveMismatch("it is another's")

        with pytest.raises(ArchiveUnavailable, match="another's"):
            PromptHistory(Foreign(), seconds=0.01).bodies(0, {WF: {1: 1}})

    def test_a_slow_read_fails_in_time_and_its_result_is_there_later(self) -> None:
        may_end = Event()

        class Slow(FakeHistory):
            def bodies(self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]) -> Any:  # noqa: ANN401, ARG002 - as it is
                self.reads += 1
                may_end.wait(60)
                return {WF: {1: b"{}"}}

        slow = Slow()
        prompt = PromptHistory(slow, seconds=0.01)
        for _ in range(3):
            with pytest.raises(ArchiveUnavailable, match="still being read"):
                prompt.bodies(0, {WF: {1: 1}})
        assert slow.reads == 1, "it is not asked again meanwhile"
        may_end.set()
        patient = PromptHistory(slow, seconds=60)
        assert patient.bodies(0, {WF: {1: 1}}) == {WF: {1: b"{}"}}

    def test_a_partition_does_not_wait_for_another(self) -> None:
        may_end = Event()

        class SlowInOne(FakeHistory):
            def bodies(self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]) -> Any:  # noqa: ANN401, ARG002 - as it is
                if partition == 0:
                    may_end.wait(60)
                return {}

        prompt = PromptHistory(SlowInOne(), seconds=60)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(prompt.bodies, 0, {WF: {1: 1}})
            assert prompt.bodies(1, {WF: {1: 1}}) == {}
            assert not waiting.done()
            may_end.set()
            assert waiting.result() == {}
