"""What every `Log` keeps, whatever keeps the events.

An adapter's test inherits this suite and brings `log`, and `turns`, which dispatch the partitions of the same store.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice, pairwise, product
from typing import TYPE_CHECKING

import pytest

from eventstore.cloudevents import from_json
from eventstore.errors import (
    EventConflict,
    StreamConflict,
    StreamGone,
    StreamNotFound,
    WrongExpectedVersion,
)
from eventstore.ports import Lag, TurnResult
from eventstore.positions import BEGINNING, Position
from eventstore.streams import (
    ANY,
    NEW,
    Condition,
    Expected,
    Origin,
    Retention,
    StreamConfig,
    StreamName,
    partition_of,
    version_of,
)
from tests.examples import FakeClock, event, events

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.event import Event
    from eventstore.ports import Log, Tail, Turns

_FAR = 1 << 62


def ids(log: Log, stream: str) -> list[str]:
    import json  # noqa: PLC0415 - only this reads bodies

    found = log.read(stream, start=1, stop=_FAR, count=10_000).events
    return [json.loads(recorded.body)["id"] for recorded in found]


def json_event(event_id: str, data: str, **attributes: str) -> Event:
    """Return an event with JSON data of exactly this text."""
    return from_json(event(event_id, **attributes).body[:-1] + b',"data":' + data.encode() + b"}")


def neighbours(log: Log, count: int) -> list[str]:
    """Names of that many streams of one partition."""
    names = (f"wf-{number}" for number in range(100_000))
    return list(islice((name for name in names if partition_of(name, log.partitions) == 3), count))


def place(log: Log, stream: str, sequence: int) -> Position:
    """Where an event stands in its partition's log."""
    partition = partition_of(stream, log.partitions)
    found = log.tail({partition: BEGINNING}, count=10_000)[partition].events
    return next(at for at, recorded in found if (recorded.stream, recorded.sequence) == (stream, sequence))


def place_of_the_end(log: Log, partition: int) -> Position:
    """Where a partition's log ends."""
    return log.tail({partition: Position(_FAR, 0, 0)}, count=1, backwards=True)[partition].position


def dispatch(turns: Turns, partition: int, position: Position) -> None:
    """Take a turn that dispatches a partition up to the end of the append at a position."""
    turn = turns.begin(partition, events=1_000_000, behind=1)
    if turn.goal > position.end_of_append():
        turn = turns.narrow(turn, position.end_of_append())
    turns.commit(turn, TurnResult())


def all_of(log: Log) -> Mapping[int, Tail]:
    """All that the log holds, per partition."""
    return log.tail(dict.fromkeys(range(log.partitions), BEGINNING), count=10_000)


def missing_ranges(log: Log, stream: str) -> list[tuple[str, int, int]]:
    """All that the log reports as missing of the stream's partition."""
    partition = partition_of(stream, log.partitions)
    missing = log.missing({partition: BEGINNING})[partition]
    assert missing.complete
    return list(missing.ranges)


def read_forwards(
    log: Log,
    partition: int,
    *,
    after: Position = BEGINNING,
    count: int = 100,
    until: Mapping[int, Position] | None = None,
) -> list[tuple[str, int]]:
    """What a partition holds beyond a position, page by page, as streams and sequences."""
    seen: list[tuple[str, int]] = []
    at_end = False
    while not at_end:
        tail = log.tail({partition: after}, count=count, until=until)[partition]
        seen += [(recorded.stream, recorded.sequence) for _, recorded in tail.events]
        after, at_end = tail.position, tail.at_end
    return seen


class LogContract:
    class TestAppending:
        def test_sequences_start_at_one_and_have_no_gap(self, log: Log) -> None:
            first = log.append("wf", events(2))
            second = log.append("wf", events(3, start=3))
            assert [*first.sequences, *second.sequences] == [1, 2, 3, 4, 5]

        def test_streams_count_for_themselves(self, log: Log) -> None:
            log.append("wf-a", events(3))
            assert list(log.append("wf-b", events(1)).sequences) == [1]

        def test_the_same_event_again_is_a_duplicate_at_its_place(self, log: Log) -> None:
            log.append("wf", events(3))
            again = log.append("wf", [event("2")])
            assert (list(again.sequences), again.duplicates) == ([2], {0})

        def test_the_same_event_twice_in_one_batch_is_stored_once(self, log: Log) -> None:
            appended = log.append("wf", [event("1"), event("1"), event("2")])
            assert (list(appended.sequences), appended.duplicates) == ([1, 1, 2], {1})

        def test_a_batch_of_old_and_new_stores_the_new_ones(self, log: Log) -> None:
            log.append("wf", events(2))
            appended = log.append("wf", [event("3"), event("1"), event("4")])
            assert (list(appended.sequences), appended.duplicates) == ([3, 1, 4], {1})

        def test_another_source_may_use_the_same_id(self, log: Log) -> None:
            log.append("wf", [event("1", source="/a")])
            assert not log.append("wf", [event("1", source="/b")]).duplicates

        def test_another_stream_may_hold_the_same_event(self, log: Log) -> None:
            log.append("wf-a", [event("1")])
            assert not log.append("wf-b", [event("1")]).duplicates

        def test_every_event_of_a_batch_is_known_again(self, log: Log) -> None:
            log.append("wf", events(10))
            assert [log.append("wf", [event(str(n))]).sequences for n in range(1, 11)] == [[n] for n in range(1, 11)]

        def test_a_part_of_a_batch_that_is_known_is_left_out(self, log: Log) -> None:
            log.append("wf", [event(str(n), data=n) for n in (3, 7)])
            appended = log.append("wf", [event(str(n), data=n) for n in range(1, 10)])
            assert (list(appended.sequences), appended.duplicates) == ([3, 4, 1, 5, 6, 7, 2, 8, 9], {2, 6})
            assert ids(log, "wf") == ["3", "7", "1", "2", "4", "5", "6", "8", "9"]

        def test_other_content_under_the_same_id_is_a_conflict(self, log: Log) -> None:
            log.append("wf", [event("1", data=1)])
            with pytest.raises(EventConflict) as caught:
                log.append("wf", [event("1", data=2)])
            assert (caught.value.index, caught.value.sequence) == (0, 1)

        def test_other_content_under_the_same_id_within_one_batch_is_a_conflict(self, log: Log) -> None:
            with pytest.raises(EventConflict):
                log.append("wf", [event("1", data=1), event("1", data=2)])

        def test_a_conflict_stores_nothing_of_its_batch(self, log: Log) -> None:
            log.append("wf", [event("1", data=1)])
            with pytest.raises(EventConflict):
                log.append("wf", [event("2"), event("1", data=2), event("3")])
            assert ids(log, "wf") == ["1"]

        def test_the_same_content_in_other_letters_is_a_duplicate(self, log: Log) -> None:
            log.append("wf", [event("1", data={"a": 1, "b": [1.0]})])
            assert log.append("wf", [event("1", data={"b": [1], "a": 1.0})]).duplicates == {0}

        @pytest.mark.parametrize("first", [None, "1" * 32, "2" * 32])
        @pytest.mark.parametrize("again", [None, "1" * 32, "2" * 32])
        @pytest.mark.parametrize("data", ["1.0", "9" * 5000])
        def test_the_same_content_in_another_trace_is_a_duplicate(
            self, log: Log, first: str | None, again: str | None, data: str
        ) -> None:
            traces = [{} if trace is None else {"traceparent": f"00-{trace}-{'3' * 16}-01"} for trace in (first, again)]
            stored, repeated = (json_event("1", data, **trace) for trace in traces)
            log.append("wf", [stored])
            assert log.append("wf", [repeated]).duplicates == {0}
            assert log.append("other", [stored, repeated]).duplicates == {1}
            with pytest.raises(EventConflict):
                log.append("wf", [json_event("1", "2", **traces[1])])

        @pytest.mark.parametrize(
            ("stored", "repeated"),
            [
                ("1", "true"),
                ("0", "false"),
                ('"1"', "1"),
                ("null", "0"),
                ("1", "1.0000000000000000001"),
                ("[1]", "[[1]]"),
            ],
        )
        def test_content_that_only_looks_alike_is_a_conflict(self, log: Log, stored: str, repeated: str) -> None:
            log.append("wf", [json_event("1", stored)])
            with pytest.raises(EventConflict) as caught:
                log.append("wf", [event("0"), json_event("1", repeated)])
            assert (caught.value.index, caught.value.sequence) == (1, 1)
            assert ids(log, "wf") == ["1"]

        def test_one_batch_with_different_content_under_one_id_is_a_conflict(self, log: Log) -> None:
            with pytest.raises(EventConflict):
                log.append("wf", [event("1"), event("1", data=2)])
            log.create("wf", StreamConfig())
            assert ids(log, "wf") == []

        def test_content_that_cannot_be_compared_by_value_is_compared_as_it_is_written(self, log: Log) -> None:
            digits = "9" * 5000
            log.append("wf", [json_event("1", f"[{digits}]")])
            assert log.append("wf", [json_event("1", f"[{digits}]")]).duplicates == {0}
            with pytest.raises(EventConflict):
                log.append("wf", [json_event("1", f"[{digits}0]")])

        def test_an_event_is_known_again_after_older_ones_were_removed(self, log: Log) -> None:
            log.append("wf", events(1000))
            log.configure(log.describe("wf"), StreamConfig(Retention(max_events=300)))
            log.append("wf", events(5, start=1001))
            log.trim("wf")
            for number in (706, 800, 1000, 1005):
                assert list(log.append("wf", [event(str(number))]).sequences) == [number]
                with pytest.raises(EventConflict):
                    log.append("wf", [event(str(number), data="other")])
            assert list(log.append("wf", [event("705", data="other")]).sequences) == [1006]

        def test_an_event_is_known_again_after_older_ones_were_deleted(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            log.append("wf", [event("3", data="other"), event("4")])
            log.trim("wf")
            assert log.append("wf", [event("4"), event("3", data="other")]).duplicates == {0, 1}
            with pytest.raises(EventConflict):
                log.append("wf", [event("3")])

        def test_a_batch_of_a_thousand_is_stored_whole(self, log: Log) -> None:
            log.append("wf", events(1000))
            assert ids(log, "wf") == [str(number) for number in range(1, 1001)]

        def test_concurrent_publishers_leave_no_gap_and_no_double(self, log: Log) -> None:
            def publish(publisher: int) -> list[int]:
                return [
                    sequence
                    for number in range(20)
                    for sequence in log.append("wf", [event(f"{publisher}-{number}")]).sequences
                ]

            with ThreadPoolExecutor(8) as pool:
                sequences = sorted(sequence for found in pool.map(publish, range(8)) for sequence in found)
            assert sequences == list(range(1, 161))

    class TestWakeups:
        def test_the_first_append_to_a_partition_needs_a_wakeup(self, log: Log) -> None:
            appended = log.append("wf", events(1))
            assert (appended.needs_wakeup, appended.partition) == (True, partition_of("wf", log.partitions))

        def test_while_a_wakeup_is_pending_no_other_is_needed(self, log: Log) -> None:
            log.append("wf", events(1))
            assert not log.append("wf", [event("2")]).needs_wakeup

        def test_each_partition_has_wakeups_of_its_own(self, log: Log) -> None:
            names = {partition_of(name, log.partitions): name for name in ("wf-a", "wf-b", "wf-c")}
            assert len(names) > 1
            assert all(log.append(name, events(1)).needs_wakeup for name in names.values())

        def test_an_append_of_which_some_are_duplicates_needs_a_wakeup(self, log: Log) -> None:
            log.append("wf-other", [event("0")])
            appended = log.append("wf", [event("1"), event("1")])
            assert (appended.needs_wakeup, appended.duplicates) == (True, {1})

    class TestExpecting:
        def test_a_stream_that_ends_as_expected_takes_the_event(self, log: Log) -> None:
            log.append("wf", events(7))
            assert list(log.append("wf", [event("8")], expected=Expected(7)).sequences) == [8]

        def test_a_stream_that_ends_elsewhere_says_where(self, log: Log) -> None:
            log.append("wf", events(7))
            with pytest.raises(WrongExpectedVersion) as caught:
                log.append("wf", [event("8")], expected=Expected(6))
            assert caught.value.actual == 7

        def test_a_wrong_expectation_stores_nothing(self, log: Log) -> None:
            log.append("wf", events(1))
            with pytest.raises(WrongExpectedVersion):
                log.append("wf", events(3, start=2), expected=Expected(0))
            assert ids(log, "wf") == ["1"]

        def test_a_new_stream_ends_at_zero(self, log: Log) -> None:
            assert list(log.append("wf", events(1), expected=NEW).sequences) == [1]

        def test_a_stream_with_events_is_not_new(self, log: Log) -> None:
            log.append("wf", events(1))
            with pytest.raises(WrongExpectedVersion):
                log.append("wf", [event("2")], expected=NEW)

        def test_a_conditional_publish_can_be_sent_again(self, log: Log) -> None:
            log.append("wf", events(2), expected=NEW)
            assert log.append("wf", events(2), expected=NEW).duplicates == {0, 1}

    class TestReading:
        def test_what_is_read_is_what_was_published(self, log: Log) -> None:
            published = event("1", data={"n": 1.0, "s": "é"}, subject="x", extnumber=5)
            log.append("wf", [published])
            assert log.read("wf", start=1, stop=1, count=1).events[0].body == published.body

        def test_a_window_of_sequences_is_read(self, log: Log) -> None:
            log.append("wf", events(9))
            assert [e.sequence for e in log.read("wf", start=3, stop=5, count=9).events] == [3, 4, 5]

        def test_no_more_than_count_are_read(self, log: Log) -> None:
            log.append("wf", events(9))
            assert [e.sequence for e in log.read("wf", start=3, stop=_FAR, count=2).events] == [3, 4]

        def test_backwards_the_newest_come_first(self, log: Log) -> None:
            log.append("wf", events(9))
            found = log.read("wf", start=1, stop=5, count=2, backwards=True).events
            assert [e.sequence for e in found] == [5, 4]

        @pytest.mark.parametrize("backwards", [False, True])
        @pytest.mark.parametrize("gone", [0, 6])
        def test_every_window_is_read_whatever_was_appended_together(
            self, log: Log, gone: int, *, backwards: bool
        ) -> None:
            log.create("wf", StreamConfig(Retention(max_events=20 - gone)))
            for start, stop in pairwise((1, 8, 9, 14, 15, 21)):
                log.append("wf", events(stop - start, start=start))
            for start, stop, count in product(range(1, 23), range(1, 23, 3), (1, 5, 30)):
                found = log.read("wf", start=start, stop=stop, count=count, backwards=backwards).events
                wanted = range(max(start, gone + 1), min(stop, 20) + 1)
                wanted = (wanted[::-1] if backwards else wanted)[:count]
                assert [e.sequence for e in found] == list(wanted)

        def test_events_that_came_together_read_as_they_were_published(self, log: Log) -> None:
            published = [event(str(n), data="x" * (n * n * n)) for n in range(40)]
            log.append("wf", published)
            found = log.read("wf", start=1, stop=_FAR, count=100).events
            assert [e.body for e in found] == [e.body for e in published]

        def test_an_unknown_stream_is_not_found(self, log: Log) -> None:
            with pytest.raises(StreamNotFound):
                log.read("wf", start=1, stop=_FAR, count=1)

        def test_beyond_the_end_there_is_nothing(self, log: Log) -> None:
            log.append("wf", events(2))
            assert log.read("wf", start=3, stop=_FAR, count=1).events == []

        @pytest.mark.parametrize("backwards", [False, True])
        def test_a_read_reaches_the_last_event_that_it_has_read(self, log: Log, *, backwards: bool) -> None:
            log.append("wf", events(4))
            log.configure(log.describe("wf"), StreamConfig(Retention(max_events=3)))
            log.append("wf", [event("5")])
            log.trim("wf")
            read = log.read("wf", start=1, stop=4, count=9, backwards=backwards)
            assert ([recorded.sequence for recorded in read.events][-1], read.reached) == (
                read.reached,
                3 if backwards else 4,
            )

        def test_nothing_is_read_of_a_range_that_ends_before_it_starts(self, log: Log) -> None:
            log.append("wf", events(4))
            assert log.read("wf", start=4, stop=3, count=9).reached is None

        @pytest.mark.parametrize("backwards", [False, True])
        def test_of_deleted_events_nothing_is_read(self, log: Log, *, backwards: bool) -> None:
            log.append("wf", events(4))
            log.delete("wf")
            read = log.read("wf", start=1, stop=3, count=4, backwards=backwards)
            assert (read.events, read.reached) == ([], None)

        def test_waiting_ends_with_the_next_event(self, log: Log) -> None:
            log.append("wf", events(1))
            waiting = threading.Thread(target=lambda: log.wait("wf", after=1, seconds=30), daemon=True)
            waiting.start()
            log.append("wf", [event("2")])
            waiting.join(10)
            assert not waiting.is_alive()

        def test_waiting_for_what_is_there_takes_no_time(self, log: Log) -> None:
            log.append("wf", events(2))
            begun = time.monotonic()
            log.wait("wf", after=1, seconds=30)
            assert time.monotonic() - begun < 10

        @pytest.mark.parametrize("permanently", [False, True])
        def test_waiting_ends_with_a_deletion(self, log: Log, *, permanently: bool) -> None:
            log.append("wf", events(1))
            known = log.describe("wf")
            begun = time.monotonic()
            waiting = threading.Thread(target=lambda: log.wait("wf", after=1, seconds=30, since=known), daemon=True)
            waiting.start()
            log.delete("wf", permanently=permanently)
            waiting.join(10)
            assert not waiting.is_alive()
            log.wait("wf", after=1, seconds=30, since=known)
            assert time.monotonic() - begun < 20

        def test_waiting_goes_on_though_another_stream_of_the_partition_is_deleted(self, log: Log) -> None:
            one, other = neighbours(log, 2)
            log.append(one, events(1))
            log.append(other, events(1))
            waiting = threading.Thread(target=lambda: log.wait(one, after=1, seconds=30), daemon=True)
            waiting.start()
            log.delete(other)
            waiting.join(0.3)
            assert waiting.is_alive()
            log.append(one, [event("2")])
            waiting.join(10)
            assert not waiting.is_alive()

        def test_waiting_for_events_of_a_stream_that_was_emptied_before_is_no_end(self, log: Log) -> None:
            log.append("wf", events(1))
            log.delete("wf")
            begun = time.monotonic()
            log.wait("wf", after=1, seconds=0.2, since=log.describe("wf"))
            assert time.monotonic() - begun >= 0.2

    class TestTimes:
        def test_a_position_has_the_time_of_its_event(self, log: Log, clock: FakeClock) -> None:
            log.append("wf", events(2))
            clock.pass_seconds(5)
            log.append("wf", [event("3")])
            partition = partition_of("wf", log.partitions)
            tail = log.tail({partition: BEGINNING}, count=9)[partition]
            for position, recorded in tail.events:
                assert log.times({partition: position}) == {partition: recorded.time}
            assert tail.time == log.times({partition: tail.position})[partition]

        @pytest.mark.parametrize("backwards", [False, True])
        def test_reading_may_start_at_a_time(self, log: Log, clock: FakeClock, *, backwards: bool) -> None:
            for number in range(1, 6):
                log.append("wf", [event(str(number))])
                clock.pass_seconds(1)
            partition = partition_of("wf", log.partitions)
            third = log.read("wf", start=3, stop=3, count=1).events[0].time
            for milliseconds, earlier in ((third - 1, [1, 2]), (third, [1, 2, 3]), (-1, []), (0, [])):
                start = log.positions_at(milliseconds, [partition])
                read = log.tail(start, count=9, backwards=backwards)[partition].events
                wanted = earlier[::-1] if backwards else [n for n in range(1, 6) if n not in earlier]
                assert [recorded.sequence for _, recorded in read] == wanted

    class TestForkOrigins:
        """A fork keeps where it comes from, beside settings that its owner gives it."""

        def test_the_origin_of_a_stream_is_one_of_its_settings(self, log: Log) -> None:
            origin = Origin(StreamName("wf"), 2, 7)
            config = StreamConfig(labels={"team": "a"}, forked_from=origin)
            assert log.create("wf~fork", config)
            assert not log.create("wf~fork", config)
            assert log.describe("wf~fork").config == config
            assert [state.config for state in log.streams(prefix="wf", after="", count=9)] == [config]
            with pytest.raises(StreamConflict):
                log.create("wf~fork", StreamConfig(labels={"team": "a"}))
            with pytest.raises(StreamConflict):
                log.create("wf~fork", replace(config, forked_from=replace(origin, until=8)))

        def test_it_is_kept_by_what_changes_the_others(self, log: Log) -> None:
            origin = Origin(StreamName("wf"), 1, 3, complete=True)
            log.create("wf~fork", StreamConfig(forked_from=origin))
            log.append("wf~fork", events(3))
            config = StreamConfig(Retention(max_events=2), forked_from=origin)
            assert log.configure(log.describe("wf~fork"), config)
            log.delete("wf~fork")
            assert log.describe("wf~fork").config == config

    class TestConfiguring:
        def test_a_stream_gets_other_settings_until_somebody_else_changes_them(self, log: Log) -> None:
            log.append("wf", events(3))
            known = log.describe("wf")
            assert log.configure(known, StreamConfig(Retention(max_events=2), {"a": "b"}))
            changed = log.describe("wf")
            assert (changed.config, changed.head) == (StreamConfig(Retention(max_events=2), {"a": "b"}), 3)
            assert not log.configure(known, StreamConfig())
            assert log.describe("wf") == changed

        def test_an_append_since_counts_only_where_it_is_asked_for(self, log: Log) -> None:
            log.append("wf", events(3))
            known = log.describe("wf")
            log.append("wf", [event("4")])
            assert not log.configure(known, StreamConfig(Retention(max_age=60)), exactly=True)
            assert log.describe("wf").config == StreamConfig()
            assert log.configure(known, StreamConfig(Retention(max_age=60)))

        def test_a_retention_that_is_taken_away_is_swept_for_no_more(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=1)))
            partition = partition_of("wf", log.partitions)
            assert log.streams_with_retention(partition) == ["wf"]
            log.configure(log.describe("wf"), StreamConfig())
            assert log.streams_with_retention(partition) == []

        def test_a_stream_that_is_not_there_has_no_settings(self, log: Log) -> None:
            log.append("wf", events(1))
            known = log.describe("wf")
            log.delete("wf", permanently=True)
            with pytest.raises(StreamGone):
                log.configure(known, StreamConfig(Retention(max_age=60)))

    class TestTailing:
        @pytest.mark.parametrize("backwards", [False, True])
        def test_what_fulfils_the_clauses_is_among_what_is_read(self, log: Log, *, backwards: bool) -> None:
            log.append("wf", [event(str(n), subject=f"s{n % 3}") for n in range(1, 20)])
            log.index(range(log.partitions))
            clauses = ((("subject", "s1"), ("subject", "none")), (("source", "/tests"),))
            wanted = [n for n in range(1, 20) if n % 3 == 1]
            partition = partition_of("wf", log.partitions)
            position, at_end = Position(_FAR, 0, 0) if backwards else BEGINNING, False
            seen: list[int] = []
            while not at_end:
                tail = log.tail({partition: position}, count=2, backwards=backwards, clauses=clauses)[partition]
                seen += [recorded.sequence for _, recorded in tail.events]
                position, at_end = tail.position, tail.at_end
            assert [n for n in seen if n % 3 == 1] == sorted(wanted, reverse=backwards)
            found = log.read("wf", start=1, stop=_FAR, count=6, backwards=backwards, clauses=clauses)
            assert found.reached == (14 if backwards else 6)
            assert [e.sequence for e in found.events if e.sequence % 3 == 1] == ([19, 16] if backwards else [1, 4])

        def test_a_partition_is_read_in_the_order_of_its_appends(self, log: Log) -> None:
            log.append("wf", events(2))
            log.append("wf", [event("3")])
            partition = partition_of("wf", log.partitions)
            tail = log.tail({partition: BEGINNING}, count=10)[partition]
            assert ([e.sequence for _, e in tail.events], tail.at_end) == ([1, 2, 3], True)

        @pytest.mark.parametrize("backwards", [False, True])
        @pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
        def test_pages_join_without_gap_or_overlap(self, log: Log, count: int, *, backwards: bool) -> None:
            for batch in (3, 1, 1, 5, 2):
                number = len(ids(log, "wf")) + 1 if batch != 3 else 1
                log.append("wf", events(batch, start=number))
            partition = partition_of("wf", log.partitions)
            position = Position(_FAR, 0, 0) if backwards else BEGINNING
            seen: list[int] = []
            at_end = False
            while not at_end:
                tail = log.tail({partition: position}, count=count, backwards=backwards)[partition]
                assert len(tail.events) <= count
                seen += [recorded.sequence for _, recorded in tail.events]
                position, at_end = tail.position, tail.at_end
            assert seen == sorted(range(1, 13), reverse=backwards)

        @pytest.mark.parametrize("backwards", [False, True])
        @pytest.mark.parametrize("count", [2, 10, 40])
        def test_pages_are_full_however_many_events_the_appends_before_had(
            self, log: Log, count: int, *, backwards: bool
        ) -> None:
            number = 1
            for batch in (60, 60, *[1] * 50, 60, *[2] * 20, 60):
                log.append("wf", events(batch, start=number))
                number += batch
            partition = partition_of("wf", log.partitions)
            position = Position(_FAR, 0, 0) if backwards else BEGINNING
            seen: list[int] = []
            at_end = False
            while not at_end:
                tail = log.tail({partition: position}, count=count, backwards=backwards)[partition]
                seen += [recorded.sequence for _, recorded in tail.events]
                position, at_end = tail.position, tail.at_end
                assert len(tail.events) == count or at_end
            assert seen == sorted(range(1, number), reverse=backwards)

        def test_the_end_of_a_page_is_a_place_to_go_on_from_later(self, log: Log) -> None:
            log.append("wf", events(2))
            partition = partition_of("wf", log.partitions)
            position = log.tail({partition: BEGINNING}, count=10)[partition].position
            log.append("wf", [event("3")])
            tail = log.tail({partition: position}, count=10)[partition]
            assert [recorded.sequence for _, recorded in tail.events] == [3]

        def test_behind_the_whole_of_an_append_stands_the_next(self, log: Log) -> None:
            log.append("wf", events(5))
            log.append("wf", [event("6")])
            partition = partition_of("wf", log.partitions)
            (first, _), *_ = log.tail({partition: BEGINNING}, count=1)[partition].events
            tail = log.tail({partition: first.end_of_append()}, count=10)[partition]
            assert [recorded.sequence for _, recorded in tail.events] == [6]

        @pytest.mark.parametrize("count", [1, 2, 3, 100])
        def test_nothing_is_read_beyond_the_place_named(self, log: Log, count: int) -> None:
            for batch, start in ((3, 1), (4, 4), (2, 8)):
                log.append("wf", events(batch, start=start))
            partition = partition_of("wf", log.partitions)
            everything = log.tail({partition: BEGINNING}, count=100)[partition].events
            for until, (last, _) in enumerate(everything, 1):
                seen = read_forwards(log, partition, count=count, until={partition: last})
                assert seen == [("wf", sequence) for sequence in range(1, until + 1)]

        def test_what_was_reached_already_ends_at_once(self, log: Log) -> None:
            log.append("wf", events(3))
            partition = partition_of("wf", log.partitions)
            (first, _), (second, _), _ = log.tail({partition: BEGINNING}, count=100)[partition].events
            tail = log.tail({partition: second}, count=9, until={partition: first})[partition]
            assert (tail.events, tail.position, tail.at_end) == ([], second, True)

        @pytest.mark.parametrize("backwards", [False, True])
        @pytest.mark.parametrize("count", [1, 2, 100])
        def test_the_events_of_some_streams_are_read_alone(self, log: Log, count: int, *, backwards: bool) -> None:
            names = neighbours(log, 4)
            for number in range(40):
                log.append(names[number % 4], events(1 + number % 3, start=3 * number))
            partition = partition_of(names[0], log.partitions)
            everything = read_forwards(log, partition, count=100)
            wanted = [place for place in everything if place[0] in names[:2]]
            seen: list[tuple[str, int]] = []
            position, at_end = Position(_FAR, 0, 0) if backwards else BEGINNING, False
            while not at_end:
                tail = log.tail({partition: position}, count=count, backwards=backwards, streams=names[:2])[partition]
                assert len(tail.events) <= count
                seen += [(recorded.stream, recorded.sequence) for _, recorded in tail.events]
                position, at_end = tail.position, tail.at_end
            assert seen == (wanted[::-1] if backwards else wanted)

        def test_a_stream_that_others_outnumber_is_read_without_them(self, log: Log) -> None:
            wanted, other = neighbours(log, 2)
            log.append(wanted, [event("1")])
            for number in range(2500):
                log.append(other, [event(str(number))])
            log.append(wanted, [event("2")])
            partition = partition_of(wanted, log.partitions)
            tail = log.tail({partition: BEGINNING}, count=10, streams=[wanted])[partition]
            assert ([recorded.sequence for _, recorded in tail.events], tail.at_end) == ([1, 2], True)

        def test_what_was_skipped_is_not_looked_through_again(self, log: Log) -> None:
            wanted, other = neighbours(log, 2)
            log.append(other, events(3))
            partition = partition_of(wanted, log.partitions)
            position = log.tail({partition: BEGINNING}, count=10, streams=[wanted])[partition].position
            log.append(other, [event("4")])
            assert read_forwards(log, partition, after=position) == [(other, 4)]

        def test_some_streams_are_read_up_to_the_place_named(self, log: Log) -> None:
            wanted, other = neighbours(log, 2)
            log.append(wanted, events(3))
            log.append(other, events(3))
            log.append(wanted, [event("4")])
            partition = partition_of(wanted, log.partitions)
            until = log.tail({partition: BEGINNING}, count=4)[partition].position
            tail = log.tail({partition: BEGINNING}, count=9, until={partition: until}, streams=[wanted])[partition]
            found = [recorded.sequence for _, recorded in tail.events]
            assert (found, tail.position, tail.at_end) == ([1, 2, 3], until, True)

        def test_an_empty_partition_ends_at_once(self, log: Log) -> None:
            tail = log.tail({0: BEGINNING}, count=10)[0]
            assert (tail.events, tail.position, tail.at_end) == ([], BEGINNING, True)

        def test_partitions_keep_their_epochs(self, log: Log) -> None:
            first = log.tail({0: BEGINNING, 1: BEGINNING}, count=1)
            second = log.tail({0: BEGINNING, 1: BEGINNING}, count=1)
            assert [first[0].epoch, first[1].epoch] == [second[0].epoch, second[1].epoch]

        def test_deleted_events_are_left_out(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            log.append("wf", [event("4")])
            partition = partition_of("wf", log.partitions)
            assert [e.sequence for _, e in log.tail({partition: BEGINNING}, count=10)[partition].events] == [4]

    class TestLocating:
        def test_an_event_is_found_by_its_id_alone(self, log: Log) -> None:
            log.append("wf", events(3))
            assert [(e.stream, e.sequence) for e in log.locate("2")] == [("wf", 2)]

        def test_each_event_is_found_as_soon_as_it_is_stored(self, log: Log) -> None:
            log.append("wf", events(3))
            assert [e.sequence for e in log.locate("3")] == [3]
            log.append("wf", [event("2"), event("4"), event("5")])
            log.append("wf", [event("6")])
            assert [[e.sequence for e in log.locate(str(n))] for n in range(1, 7)] == [[n] for n in range(1, 7)]

        def test_an_event_among_very_many_that_nobody_looked_for_is_found(self, log: Log) -> None:
            for start in range(1, 2801, 700):
                log.append("wf", events(700, start=start))
            assert [[e.sequence for e in log.locate(str(n))] for n in (1, 1400, 2800)] == [[1], [1400], [2800]]

        def test_every_event_with_the_id_is_found(self, log: Log) -> None:
            log.append("wf-a", [event("1", source="/a"), event("1", source="/b")])
            log.append("wf-b", [event("1", source="/a")])
            assert {(e.stream, e.sequence) for e in log.locate("1")} == {("wf-a", 1), ("wf-a", 2), ("wf-b", 1)}

        def test_a_stream_narrows_the_search(self, log: Log) -> None:
            log.append("wf-a", [event("1")])
            log.append("wf-b", [event("1")])
            assert [e.stream for e in log.locate("1", stream="wf-b")] == ["wf-b"]

        def test_source_and_stream_name_the_one(self, log: Log) -> None:
            log.append("wf", [event("1", source="/a"), event("1", source="/b")])
            assert [e.sequence for e in log.locate("1", source="/b", stream="wf")] == [2]

        def test_an_unknown_id_finds_nothing(self, log: Log) -> None:
            log.append("wf", events(1))
            assert log.locate("nobody") == []

        def test_a_deleted_event_is_found_no_more(self, log: Log) -> None:
            log.append("wf", events(2))
            log.delete("wf")
            assert log.locate("1") == []

    class TestStreams:
        def test_a_stream_is_described_by_its_state(self, log: Log, clock: FakeClock) -> None:
            log.append("wf", events(1))
            clock.pass_seconds(5)
            log.append("wf", [event("2")])
            state = log.describe("wf")
            assert (state.head, state.first, state.count, state.updated - state.created) == (2, 1, 2, 5000)

        def test_its_size_is_that_of_its_events(self, log: Log) -> None:
            published = events(3)
            log.append("wf", published)
            assert log.describe("wf").size == sum(len(e.body) for e in published)

        def test_creating_it_again_changes_nothing(self, log: Log) -> None:
            config = StreamConfig(Retention(max_events=5), {"team": "a"})
            assert (log.create("wf", config), log.create("wf", config)) == (True, False)

        def test_creating_it_with_other_settings_is_a_conflict(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=5)))
            with pytest.raises(StreamConflict):
                log.create("wf", StreamConfig(Retention(max_events=6)))

        def test_publishing_creates_one_with_default_settings(self, log: Log) -> None:
            log.append("wf", events(1))
            assert not log.create("wf", StreamConfig())

        def test_a_created_stream_is_new_to_its_first_publisher(self, log: Log) -> None:
            log.create("wf", StreamConfig())
            assert list(log.append("wf", events(1), expected=NEW).sequences) == [1]

        def test_streams_are_listed_by_name(self, log: Log) -> None:
            for name in ("b", "a:2", "a:1", "a:3"):
                log.append(name, events(1))
            assert [s.name for s in log.streams(prefix="a:", after="", count=9)] == ["a:1", "a:2", "a:3"]

        def test_a_list_goes_on_behind_a_name(self, log: Log) -> None:
            for name in ("a:1", "a:2", "a:3", "b"):
                log.append(name, events(1))
            assert [s.name for s in log.streams(prefix="", after="a:1", count=2)] == ["a:2", "a:3"]

    class TestDeleting:
        def test_a_deleted_stream_keeps_no_events(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            assert (log.describe("wf").count, ids(log, "wf")) == (0, [])

        def test_sequences_never_restart(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            assert list(log.append("wf", [event("4")]).sequences) == [4]

        def test_a_deleted_event_may_be_published_again(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            assert not log.append("wf", [event("1")]).duplicates

        def test_a_stream_deleted_for_good_takes_no_event(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf", permanently=True)
            with pytest.raises(StreamGone):
                log.append("wf", [event("4")])

        def test_a_stream_deleted_for_good_is_gone_and_not_listed(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf", permanently=True)
            assert log.streams(prefix="", after="", count=9) == []
            with pytest.raises(StreamGone):
                log.describe("wf")

        def test_an_unknown_stream_cannot_be_deleted(self, log: Log) -> None:
            with pytest.raises(StreamNotFound):
                log.delete("wf")

        def test_a_long_stream_is_deleted_whole(self, log: Log) -> None:
            for start in range(1, 2401, 800):
                log.append("wf", events(800, start=start))
            log.delete("wf")
            assert (log.describe("wf").size, log.locate("2000")) == (0, [])

    class TestDeletingAtOnce:
        """A deletion is one step, whatever becomes of who asked for it; `trim` only gives memory back."""

        def test_all_of_it_is_reported_as_missing_before_any_of_it_is_removed(self, log: Log) -> None:
            for start in range(1, 2401, 800):
                log.append("wf", events(800, start=start))
            log.delete("wf")
            assert missing_ranges(log, "wf") == [("wf", 1, 2400)]
            assert (ids(log, "wf"), log.describe("wf").size, log.locate("2000")) == ([], 0, [])

        def test_removing_what_was_deleted_reports_nothing_new(self, log: Log) -> None:
            log.append("wf", events(2000))
            log.delete("wf")
            partition = partition_of("wf", log.partitions)
            before = log.missing({partition: BEGINNING})[partition]
            assert log.trim("wf") == 2000
            assert log.missing({partition: BEGINNING})[partition] == before

        def test_what_is_left_to_remove_is_listed_until_it_is_removed_and_dispatched(
            self, log: Log, clock: FakeClock, turns: Turns
        ) -> None:
            partition = partition_of("wf", log.partitions)
            log.append("wf", events(300))
            log.delete("wf")
            assert (log.trim("wf", until=clock.now()), log.deleted(partition)) == (0, ["wf"])
            assert (log.trim("wf"), log.deleted(partition)) == (300, ["wf"])
            dispatch(turns, partition, place_of_the_end(log, partition))
            assert (log.trim("wf"), log.deleted(partition)) == (0, [])

        def test_a_turn_comes_to_a_deletion_although_nothing_else_is_left(self, log: Log) -> None:
            after = log.append("wf", events(3)).partition
            before = place_of_the_end(log, after)
            deleted = log.delete("wf")
            log.trim("wf")
            assert (deleted.partition, place_of_the_end(log, after) > before) == (after, True)
            assert read_forwards(log, after) == []
            assert log.lag({after: BEGINNING}, most=100)[after] == Lag(0, None)

        def test_a_deletion_needs_a_wakeup_as_an_append_does(self, log: Log) -> None:
            assert log.append("wf", events(3)).needs_wakeup
            assert not log.delete("wf").needs_wakeup

        @pytest.mark.parametrize("streams", [(), ("wf",)])
        @pytest.mark.parametrize("backwards", [False, True])
        def test_readers_pass_quickly_over_what_has_yet_to_be_removed(
            self, log: Log, streams: tuple[str, ...], *, backwards: bool
        ) -> None:
            log.append("wf", events(1000))
            log.append("wf", events(1000, start=1001))
            partition = log.append("wf", [event("2001")]).partition
            log.delete("wf")
            position, reads, at_end = Position(_FAR, 0, 0) if backwards else BEGINNING, 0, False
            while not at_end:
                tail = log.tail({partition: position}, count=20, backwards=backwards, streams=streams)[partition]
                position, at_end, reads = tail.position, tail.at_end, reads + 1
                assert not tail.events
            assert reads <= 10

        def test_of_what_was_deleted_twice_the_log_keeps_nothing_once_it_was_dispatched(
            self, log: Log, turns: Turns
        ) -> None:
            partition = partition_of("wf", log.partitions)
            for number in (1, 2):
                log.append("wf", [event(str(number))])
                log.delete("wf")
            log.trim("wf")
            assert log.stats()[partition].appends == 1
            dispatch(turns, partition, place_of_the_end(log, partition))
            log.trim("wf")
            assert log.stats()[partition].appends == 0

        def test_deleting_what_holds_nothing_changes_nothing(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            before = all_of(log)
            assert not log.delete("wf").needs_wakeup
            assert all_of(log) == before

        def test_deleting_again_meanwhile_reports_only_what_came_since(self, log: Log) -> None:
            log.append("wf", events(300))
            log.delete("wf")
            partition = partition_of("wf", log.partitions)
            serial = log.missing({partition: BEGINNING})[partition].serial
            log.append("wf", events(2))
            log.delete("wf")
            later = log.missing({partition: BEGINNING}, since={partition: serial})[partition]
            assert (later.ranges, missing_ranges(log, "wf")) == ([("wf", 301, 302)], [("wf", 1, 302)])
            assert (log.trim("wf"), log.describe("wf").size, log.describe("wf").first) == (302, 0, 303)

        def test_what_is_published_meanwhile_stays(self, log: Log) -> None:
            log.append("wf", events(300))
            log.delete("wf")
            log.append("wf", events(3))
            assert (log.trim("wf"), ids(log, "wf")) == (300, ["1", "2", "3"])
            assert log.describe("wf").size == sum(len(e.body) for e in events(3))
            assert [e.sequence for e in log.locate("2")] == [302]

        def test_retention_goes_on_behind_a_deletion(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=2)))
            log.append("wf", events(2))
            log.delete("wf")
            for number in range(3, 8):
                log.append("wf", [event(str(number))])
            assert (ids(log, "wf"), missing_ranges(log, "wf")) == (["6", "7"], [("wf", 1, 5)])
            assert log.describe("wf").size == sum(len(event(n).body) for n in "67")

        def test_appends_that_race_deletions_are_kept_or_reported_as_missing(self, log: Log) -> None:
            def append(worker: int) -> None:
                for number in range(60):
                    log.append("wf", [event(f"{worker}-{number}")])

            # A log may be so fast that all appends end before the first deletion: this one is deleted in any case.
            log.append("wf", [event("before")])
            with ThreadPoolExecutor(4) as pool:
                running = [pool.submit(append, worker) for worker in range(3)]
                log.delete("wf")
                while not all(future.done() for future in running):
                    log.delete("wf")
                    log.trim("wf")
                for future in running:
                    future.result()
            state = log.describe("wf")
            ranges = missing_ranges(log, "wf")
            assert (state.head, state.count, len(ids(log, "wf"))) == (181, 182 - state.first, 182 - state.first)
            assert ranges == [("wf", 1, state.first - 1)]

        @pytest.mark.parametrize("permanently", [False, True])
        def test_a_very_large_stream_is_deleted_at_once_and_reported_whole(
            self, log: Log, clock: FakeClock, *, permanently: bool
        ) -> None:
            for start in range(1, 5001, 4):
                log.append("wf", events(4, start=start))
                clock.pass_seconds(0.01)
            standing = place(log, "wf", 2000)
            late = place(log, "wf", 4800)
            log.delete("wf", permanently=permanently)
            assert missing_ranges(log, "wf") == [("wf", 1, 5000)]
            partition = partition_of("wf", log.partitions)
            assert log.missing({partition: late})[partition].ranges == [("wf", 4801, 5000)]
            (stream, first, last), *more = log.missing({partition: standing})[partition].ranges
            assert (stream, last, more) == ("wf", 5000, [])
            assert 1 < first <= 2001

        def test_each_part_of_a_large_deletion_is_reported_once_to_reads_step_by_step(
            self, log: Log, clock: FakeClock
        ) -> None:
            for start in range(1, 3000, 2):
                log.append("wf", events(2, start=start))
                clock.pass_seconds(0.01)
            stops = [place(log, "wf", sequence) for sequence in (1, 17, 400, 401, 1500, 2222, 3000)]
            log.delete("wf")
            partition = partition_of("wf", log.partitions)
            ranges: list[tuple[int, int]] = []
            for after, until in pairwise([BEGINNING, *stops]):
                found = log.missing({partition: after}, until={partition: until})[partition].ranges
                ranges += [(first, last) for _, first, last in found]
            assert [first for first, _ in ranges] == [1, *(last + 1 for _, last in ranges[:-1])]
            assert ranges[-1][1] == 3000

        def test_a_stream_deleted_for_good_is_reported_as_gone_at_its_place(self, log: Log) -> None:
            other, wf = neighbours(log, 2)
            log.append(other, events(1))
            log.append(wf, events(1))
            log.delete(wf)
            before = log.missing({3: BEGINNING})[3]
            log.delete(wf, permanently=True)
            log.append(other, events(1, start=2))
            after = log.missing({3: BEGINNING}, since={3: before.serial})[3]
            assert (list(before.gone), after.gone, after.ranges) == ([], [wf], [])
            assert log.missing({3: place(log, other, 1)})[3].gone == [wf]
            assert log.missing({3: place(log, other, 2)})[3].gone == []
            assert log.missing({3: BEGINNING}, until={3: place(log, other, 1)})[3].gone == []
            assert log.missing({3: BEGINNING}, streams=[other])[3].gone == []

        def test_readers_and_the_index_pass_over_very_many_marks(self, log: Log) -> None:
            names = neighbours(log, 1001)
            for name in names[:-1]:
                log.create(name, StreamConfig())
                log.delete(name, permanently=True)
            log.append(names[-1], events(2))
            assert read_forwards(log, 3, count=7) == [(names[-1], 1), (names[-1], 2)]
            assert [e.sequence for e in log.locate("2")] == [2]
            assert log.lag({3: BEGINNING}, most=9)[3].events == 2

        def test_it_says_which_of_some_streams_are_gone(self, log: Log) -> None:
            for name in ("a", "b", "c"):
                log.append(name, events(1))
            log.delete("a", permanently=True)
            log.delete("b")
            assert (log.gone(["c", "b", "a", "unknown"]), log.gone([])) == (["a"], [])

    class TestDeletingOnCondition:
        def version(self, log: Log) -> str:
            found = log.read("wf", start=1, stop=1, count=1)
            return version_of(found.state, found.epoch)

        @pytest.mark.parametrize(
            "condition",
            [
                Condition(("2",)),
                Condition(("2", "4")),
                Condition(("3.2.000000000000",)),
                Condition(("3.1.000000000000",)),
                Condition(("3",), negated=True),
                Condition(("*",), negated=True),
                Condition(("2", "3"), negated=True),
            ],
        )
        def test_a_condition_that_is_not_true_changes_nothing(self, log: Log, condition: Condition) -> None:
            log.append("wf", events(3))
            with pytest.raises(WrongExpectedVersion) as caught:
                log.delete("wf", conditions=[condition])
            assert (caught.value.actual, ids(log, "wf")) == (3, ["1", "2", "3"])
            with pytest.raises(WrongExpectedVersion):
                log.delete("wf", permanently=True, conditions=[condition])
            assert log.describe("wf").head == 3

        @pytest.mark.parametrize(
            "condition",
            [
                Condition(("3",)),
                Condition(("*",)),
                Condition(("1", "3")),
                Condition(("2",), negated=True),
                Condition(("3.1.000000000000",), negated=True),
            ],
        )
        def test_a_condition_that_is_true_lets_it_be_done(self, log: Log, condition: Condition) -> None:
            log.append("wf", events(3))
            log.delete("wf", conditions=[condition])
            assert ids(log, "wf") == []

        def test_all_conditions_must_be_true(self, log: Log) -> None:
            log.append("wf", events(3))
            with pytest.raises(WrongExpectedVersion):
                log.delete("wf", conditions=[Condition(("3",)), Condition(("3",), negated=True)])

        def test_a_whole_version_is_compared_in_every_part(self, log: Log) -> None:
            log.append("wf", events(3))
            known = self.version(log)
            log.delete("wf", conditions=[Condition((known,))])
            with pytest.raises(WrongExpectedVersion):
                log.delete("wf", conditions=[Condition((known,))])
            known = self.version(log)
            log.renew()
            with pytest.raises(WrongExpectedVersion):
                log.delete("wf", conditions=[Condition((known,))])
            with pytest.raises(WrongExpectedVersion):
                log.delete("wf", conditions=[Condition((self.version(log),), negated=True)])

        def test_a_publish_too_may_expect_a_whole_version(self, log: Log) -> None:
            log.append("wf", events(2))
            known = self.version(log)
            assert list(log.append("wf", events(1, start=3), expected=Expected(2, tag=known)).sequences) == [3]
            known = self.version(log)
            log.delete("wf")
            for again in (known, self.version(log).replace("3.", "2.", 1)):
                with pytest.raises(WrongExpectedVersion) as caught:
                    log.append("wf", events(1, start=4), expected=Expected(3, tag=again))
                assert caught.value.actual == 3
            known = self.version(log)
            log.renew()
            with pytest.raises(WrongExpectedVersion):
                log.append("wf", events(2, start=4), expected=Expected(3, tag=known))
            assert list(log.append("wf", events(2, start=4), expected=Expected(3)).sequences) == [4, 5]

    class TestRetaining:
        def test_only_the_newest_events_are_kept(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=3)))
            for number in range(1, 11):
                log.append("wf", [event(str(number))])
            assert (ids(log, "wf"), log.describe("wf").first) == (["8", "9", "10"], 8)

        def test_a_batch_beyond_the_number_keeps_its_end(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=3)))
            log.append("wf", events(10))
            assert ids(log, "wf") == ["8", "9", "10"]

        def test_events_beyond_their_age_are_gone(self, log: Log, clock: FakeClock) -> None:
            log.create("wf", StreamConfig(Retention(max_age=60)))
            log.append("wf", events(2))
            clock.pass_seconds(40)
            log.append("wf", [event("3")])
            clock.pass_seconds(30)
            assert ids(log, "wf") == ["3"]

        def test_one_after_the_other_goes_of_what_was_appended_together(self, log: Log) -> None:
            published = [event(str(n), data="x" * n) for n in range(1, 20)]
            log.create("wf", StreamConfig(Retention(max_events=10)))
            log.append("wf", published[:10])
            for number in range(10, 19):
                log.append("wf", [published[number]])
                kept = published[number - 9 : number + 1]
                assert ids(log, "wf") == [e.id for e in kept]
                assert log.describe("wf").size == sum(len(e.body) for e in kept)
                assert log.locate(published[number - 10].id) == []
            assert missing_ranges(log, "wf") == [("wf", 1, 9)]

        def test_an_event_that_is_no_longer_kept_may_be_published_again(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=1)))
            log.append("wf", events(3))
            assert list(log.append("wf", [event("1")]).sequences) == [4]

        def test_an_expired_stream_goes_on_with_its_sequence(self, log: Log, clock: FakeClock) -> None:
            log.create("wf", StreamConfig(Retention(max_age=60)))
            log.append("wf", events(2))
            clock.pass_seconds(61)
            assert list(log.append("wf", [event("3")], expected=Expected(2)).sequences) == [3]

        def test_only_streams_with_limits_are_listed_for_trimming(self, log: Log) -> None:
            names = neighbours(log, 4)
            log.create(names[0], StreamConfig(Retention(max_events=3)))
            log.create(names[1], StreamConfig(Retention(max_age=60)))
            log.create(names[2], StreamConfig(labels={"team": "a"}))
            log.append(names[3], events(1))
            assert log.streams_with_retention(partition_of(names[0], log.partitions)) == sorted(names[:2])

        def test_a_stream_deleted_for_good_is_not_listed_for_trimming(self, log: Log) -> None:
            kept, gone = neighbours(log, 2)
            for name in (kept, gone):
                log.create(name, StreamConfig(Retention(max_events=3)))
                log.delete(name, permanently=name == gone)
            assert log.streams_with_retention(partition_of(kept, log.partitions)) == [kept]

    class TestRetainingWithoutSubscribers:
        def test_events_beyond_the_number_do_not_wait_for_dispatch(self, log: Log, turns: Turns) -> None:
            log.create("wf", StreamConfig(Retention(max_events=2)))
            dispatch(turns, partition_of("wf", log.partitions), BEGINNING)
            for number in range(1, 6):
                log.append("wf", [event(str(number))])
            assert (ids(log, "wf"), missing_ranges(log, "wf")) == (["4", "5"], [("wf", 1, 3)])

        def test_events_beyond_their_age_do_not_wait_for_dispatch(
            self, log: Log, clock: FakeClock, turns: Turns
        ) -> None:
            log.create("wf", StreamConfig(Retention(max_age=60)))
            dispatch(turns, partition_of("wf", log.partitions), BEGINNING)
            log.append("wf", events(2))
            clock.pass_seconds(61)
            assert ids(log, "wf") == []

        def test_nor_do_they_while_a_turn_has_a_target_before_them(self, log: Log, turns: Turns) -> None:
            log.create("wf", StreamConfig(Retention(max_events=1)))
            log.append("wf", [event("1")])
            turns.begin(partition_of("wf", log.partitions), events=9, behind=9)
            log.append("wf", events(3, start=2))
            assert ids(log, "wf") == ["4"]

        def test_a_deletion_does_not_wait_for_dispatch(self, log: Log, turns: Turns) -> None:
            dispatch(turns, partition_of("wf", log.partitions), BEGINNING)
            log.append("wf", events(3))
            log.delete("wf")
            assert (ids(log, "wf"), log.describe("wf").size) == ([], 0)

    class TestMissing:
        def test_nothing_is_missing_where_nothing_was_removed(self, log: Log) -> None:
            log.append("wf", events(3))
            partition = partition_of("wf", log.partitions)
            missing = log.missing({partition: BEGINNING})[partition]
            assert (missing.ranges, missing.serial, missing.complete) == ([], 0, True)

        def test_it_belongs_to_the_partitions_epoch(self, log: Log) -> None:
            assert log.missing({3: BEGINNING})[3].epoch == log.tail({3: BEGINNING}, count=1)[3].epoch

        def test_what_a_deletion_removed_is_missing(self, log: Log) -> None:
            log.append("wf", events(3))
            log.append("wf", [event("4")])
            log.delete("wf")
            assert missing_ranges(log, "wf") == [("wf", 1, 4)]

        def test_what_retention_removed_is_missing(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=3)))
            log.append("wf", events(10))
            assert missing_ranges(log, "wf") == [("wf", 1, 7)]

        def test_every_stream_is_reported_in_order(self, log: Log) -> None:
            names = neighbours(log, 3)
            for name in names[::-1]:
                log.append(name, events(2))
                log.delete(name)
            assert missing_ranges(log, names[0]) == [(name, 1, 2) for name in sorted(names)]

        def test_streams_narrow_it(self, log: Log) -> None:
            names = neighbours(log, 3)
            for name in names:
                log.append(name, events(2))
                log.delete(name)
            partition = partition_of(names[0], log.partitions)
            assert log.missing({partition: BEGINNING}, streams=names[1:2])[partition].ranges == [(names[1], 1, 2)]

        @pytest.mark.parametrize("received", range(1, 10))
        def test_what_was_received_is_not_missing(self, log: Log, received: int) -> None:
            log.append("wf", events(4))
            log.append("wf", events(5, start=5))
            after = place(log, "wf", received)
            log.delete("wf")
            partition = partition_of("wf", log.partitions)
            expected = [("wf", received + 1, 9)] if received < 9 else []
            assert log.missing({partition: after})[partition].ranges == expected

        @pytest.mark.parametrize("last", range(1, 10))
        def test_what_lies_beyond_the_place_named_is_not_reported(self, log: Log, last: int) -> None:
            log.append("wf", events(4))
            log.append("wf", events(5, start=5))
            until = place(log, "wf", last)
            log.delete("wf")
            partition = partition_of("wf", log.partitions)
            assert log.missing({partition: BEGINNING}, until={partition: until})[partition].ranges == [("wf", 1, last)]

        def test_what_went_in_several_steps_is_reported_as_one(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=3)))
            for start in (1, 6, 11):
                log.append("wf", events(5, start=start))
            assert missing_ranges(log, "wf") == [("wf", 1, 12)]

        def test_only_later_removals_are_reported(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            partition = partition_of("wf", log.partitions)
            serial = log.missing({partition: BEGINNING})[partition].serial
            log.append("wf", [event("4")])
            assert log.missing({partition: BEGINNING}, since={partition: serial})[partition].ranges == []
            log.delete("wf")
            later = log.missing({partition: BEGINNING}, since={partition: serial})[partition]
            assert (later.ranges, later.serial > serial) == ([("wf", 4, 4)], True)

        def test_more_than_a_hundred_ranges_are_not_complete(self, log: Log) -> None:
            names = neighbours(log, 101)
            for name in names:
                log.append(name, events(1))
                log.delete(name)
            partition = partition_of(names[0], log.partitions)
            missing = log.missing({partition: BEGINNING})[partition]
            assert (len(missing.ranges), missing.complete) == (100, False)

        def test_a_very_long_stream_that_was_deleted_is_reported_whole(self, log: Log) -> None:
            for start in range(1, 2401, 800):
                log.append("wf", events(800, start=start))
            log.delete("wf")
            assert missing_ranges(log, "wf") == [("wf", 1, 2400)]

    class TestReadingNextToRemovals:
        def test_a_read_has_the_serial_that_covers_what_it_does_not_show(self, log: Log) -> None:
            log.append("wf", events(3))
            partition = partition_of("wf", log.partitions)
            before = log.tail({partition: BEGINNING}, count=9)[partition]
            log.delete("wf")
            log.append("wf", [event("4")])
            after = log.tail({partition: BEGINNING}, count=9)[partition]
            missing = log.missing({partition: BEGINNING}, since={partition: before.removals})[partition]
            assert (before.removals, after.removals > 0, missing.serial) == (0, True, after.removals)
            assert missing.ranges == [("wf", 1, 3)]

        @pytest.mark.parametrize("streams", [(), ("wf",)])
        def test_a_read_that_finds_nothing_has_it_too(self, log: Log, streams: tuple[str, ...]) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            partition = partition_of("wf", log.partitions)
            tail = log.tail({partition: BEGINNING}, count=9, streams=streams)[partition]
            assert (tail.events, tail.removals) == ([], log.missing({partition: BEGINNING})[partition].serial)

        def test_where_nothing_was_removed_nobody_need_ask(self, log: Log) -> None:
            log.append("wf", events(3))
            partition = partition_of("wf", log.partitions)
            tail = log.tail({partition: BEGINNING}, count=9)[partition]
            assert (tail.removals, tail.removed_until) == (0, BEGINNING)

        def test_behind_the_newest_removal_nobody_need_ask(self, log: Log, clock: FakeClock) -> None:
            log.append("wf", events(3))
            removed = place(log, "wf", 3)
            clock.pass_seconds(1)
            log.append("other", events(1))
            log.delete("wf")
            clock.pass_seconds(1)
            log.append("wf", [event("4")])
            partition = partition_of("wf", log.partitions)
            tail = log.tail({partition: BEGINNING}, count=9)[partition]
            assert removed <= tail.removed_until < place(log, "wf", 4)

        def test_each_partition_has_a_serial_of_its_own(self, log: Log) -> None:
            log.append("wf", events(3))
            log.delete("wf")
            removed = {p for p, tail in all_of(log).items() if tail.removals}
            assert removed == {partition_of("wf", log.partitions)}

    class TestLag:
        def test_who_has_seen_nothing_lags_by_all_of_it(self, log: Log) -> None:
            names = neighbours(log, 2)
            log.append(names[0], events(3))
            log.append(names[1], events(2))
            assert log.lag({3: BEGINNING}, most=100)[3].events == 5

        def test_who_has_seen_all_of_it_lags_by_nothing(self, log: Log) -> None:
            log.append("wf", events(3))
            partition = partition_of("wf", log.partitions)
            assert log.lag({partition: place(log, "wf", 3)}, most=100)[partition] == Lag(0, None)
            assert log.lag({partition: Position(_FAR, 0, 0)}, most=100)[partition] == Lag(0, None)

        def test_an_empty_partition_has_no_lag(self, log: Log) -> None:
            assert log.lag({3: BEGINNING}, most=100) == {3: Lag(0, None)}

        @pytest.mark.parametrize("seen", range(1, 10))
        def test_an_append_that_was_seen_in_part_counts_in_part(self, log: Log, seen: int) -> None:
            log.append("wf", events(4))
            log.append("wf", events(5, start=5))
            partition = partition_of("wf", log.partitions)
            assert log.lag({partition: place(log, "wf", seen)}, most=100)[partition].events == 9 - seen

        @pytest.mark.parametrize("most", [1, 2, 3])
        def test_no_more_is_counted_than_was_asked_for(self, log: Log, most: int) -> None:
            log.append("wf", events(2))
            log.append("wf", events(2, start=3))
            partition = partition_of("wf", log.partitions)
            assert log.lag({partition: BEGINNING}, most=most)[partition].events == most

        def test_its_age_is_that_of_the_first_event_not_seen(self, log: Log, clock: FakeClock) -> None:
            log.append("wf", events(1))
            clock.pass_seconds(5)
            wanted = clock.now()
            log.append("wf", events(2, start=2))
            clock.pass_seconds(5)
            log.append("wf", events(1, start=4))
            partition = partition_of("wf", log.partitions)
            assert log.lag({partition: place(log, "wf", 1)}, most=100)[partition] == Lag(3, wanted)

        def test_a_long_log_is_counted_in_steps(self, log: Log) -> None:
            for number in range(1, 2602):
                log.append("wf", events(1, start=number))
            partition = partition_of("wf", log.partitions)
            assert log.lag({partition: BEGINNING}, most=10_000)[partition].events == 2601

    class TestEnds:
        def test_the_log_of_an_empty_partition_ends_before_its_first_event(self, log: Log) -> None:
            partition = partition_of("wf", log.partitions)
            end = log.ends([partition])[partition]
            log.append("wf", events(1))
            assert (read_forwards(log, partition, after=end.position), end.removals) == ([("wf", 1)], 0)

        def test_exactly_what_is_appended_later_is_after_the_end(self, log: Log) -> None:
            partition = partition_of("wf", log.partitions)
            log.append("wf", events(3))
            end = log.ends([partition])[partition].position
            assert read_forwards(log, partition, after=end) == []
            log.append("wf", events(2, start=4))
            assert read_forwards(log, partition, after=end) == [("wf", 4), ("wf", 5)]

        def test_each_partition_has_the_end_of_its_own_log(self, log: Log) -> None:
            log.append("wf", events(1))
            partition = partition_of("wf", log.partitions)
            ends = log.ends(range(log.partitions))
            empty = {end.position for number, end in ends.items() if number != partition}
            assert (list(ends), len(empty)) == (list(range(log.partitions)), 1)
            assert ends[partition].position > empty.pop()

        def test_removing_the_last_events_does_not_move_the_end_back(self, log: Log) -> None:
            partition = partition_of("wf", log.partitions)
            log.append("wf", events(3))
            before = log.ends([partition])[partition]
            log.delete("wf")
            log.trim("wf")
            after = log.ends([partition])[partition]
            assert (after.position >= before.position, before.removals, after.removals) == (True, 0, 1)
            log.append("wf", events(1, start=4))
            assert read_forwards(log, partition, after=after.position) == [("wf", 4)]

        def test_a_removal_after_the_end_was_read_is_reported_by_its_serial(self, log: Log) -> None:
            partition = partition_of("wf", log.partitions)
            log.append("wf", events(2))
            log.delete("wf")
            serial = log.ends([partition])[partition].removals
            assert log.missing({partition: BEGINNING}, since={partition: serial})[partition].ranges == []
            log.append("wf", events(1, start=3))
            log.delete("wf")
            missing = log.missing({partition: BEGINNING}, since={partition: serial})[partition]
            assert list(missing.ranges) == [("wf", 3, 3)]

        def test_the_epoch_is_that_of_the_partition(self, log: Log) -> None:
            ends = log.ends(range(log.partitions))
            assert {number: end.epoch for number, end in ends.items()} == {
                number: tail.epoch for number, tail in all_of(log).items()
            }
            renewed = log.renew()
            assert {number: end.epoch for number, end in log.ends(renewed).items()} == renewed

        def test_of_no_partition_there_is_no_end(self, log: Log) -> None:
            assert log.ends([]) == {}

    class TestRenewing:
        def test_every_partition_gets_another_epoch(self, log: Log) -> None:
            before = {partition: tail.epoch for partition, tail in all_of(log).items()}
            renewed = log.renew()
            assert renewed == {partition: tail.epoch for partition, tail in all_of(log).items()}
            assert not set(renewed.values()) & set(before.values())

        def test_doing_it_again_renews_once_more(self, log: Log) -> None:
            assert not set(log.renew().values()) & set(log.renew().values())

        def test_it_comes_with_whatever_is_read(self, log: Log) -> None:
            log.append("wf", events(1))
            partition = partition_of("wf", log.partitions)
            log.read("wf", start=1, stop=1, count=1)
            wanted = log.renew()[partition]
            assert log.read("wf", start=1, stop=1, count=1).epoch == wanted
            assert log.missing({partition: BEGINNING})[partition].epoch == wanted

        def test_what_is_stored_stays_as_it_is(self, log: Log) -> None:
            log.append("wf", events(3))
            log.renew()
            assert ids(log, "wf") == ["1", "2", "3"]
            assert (log.append("wf", events(1)).duplicates, log.append("wf", [event("4")]).sequences[0]) == ({0}, 4)

        def test_where_nothing_was_ever_dispatched_retention_goes_on(self, log: Log) -> None:
            log.create("wf", StreamConfig(Retention(max_events=1)))
            log.renew()
            log.append("wf", events(3))
            assert log.describe("wf").count == 1

    def test_an_index_that_is_up_to_date_finds_events_all_the_same(self, log: Log) -> None:
        log.append("wf", events(3))
        log.index(range(log.partitions))
        assert [e.sequence for e in log.locate("3")] == [3]

    def test_it_says_what_each_partition_holds(self, log: Log) -> None:
        log.append("wf", events(3))
        held = log.stats()[partition_of("wf", log.partitions)]
        assert (held.streams, held.appends) == (1, 1)

    def test_any_is_no_expectation(self, log: Log) -> None:
        log.append("wf", events(3))
        assert list(log.append("wf", [event("4")], expected=ANY).sequences) == [4]
