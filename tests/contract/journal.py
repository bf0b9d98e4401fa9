"""What every `Journal` keeps. An adapter's test inherits this suite and brings `journal`, which is empty."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from eventstore.errors import StoreUnavailable, TooLarge

if TYPE_CHECKING:
    from eventstore.ports.journal import Journal, JournalRecord

_ALL = 10_000


def records(journal: Journal, partition: int = 0, *, after: int = 0, count: int = 3) -> list[JournalRecord]:
    """Read a partition to its end, in several reads."""
    found: list[JournalRecord] = []
    while more := journal.read(partition, after=after, count=count):
        assert len(more) <= count
        found += more
        after = more[-1].position
    return found


class JournalContract:
    class TestAppending:
        def test_positions_start_at_1_and_have_no_gap(self, journal: Journal) -> None:
            assert [journal.append(0, b"%d" % number) for number in range(5)] == [1, 2, 3, 4, 5]

        def test_each_partition_has_positions_of_its_own(self, journal: Journal) -> None:
            assert [journal.append(partition, b"x") for partition in (3, 7, 3)] == [1, 1, 2]
            assert [journal.end(partition).position for partition in (3, 7, 1)] == [2, 1, 0]

        def test_a_record_is_read_byte_for_byte(self, journal: Journal) -> None:
            contents = [b"", b"\r\n", b"\0\xff" * 300, b"PING\r\n-ERR 'x'\r\n", b"x" * 70_000]
            for content in contents:
                journal.append(0, content)
            assert [record.content for record in records(journal)] == contents

        def test_a_record_as_long_as_is_accepted_is_stored_and_a_longer_one_is_refused(self, journal: Journal) -> None:
            largest = b"x" * journal.most_bytes
            assert journal.append(0, largest) == 1
            with pytest.raises(TooLarge, match=str(journal.most_bytes)):
                journal.append(0, largest + b"x")
            assert journal.append(0, b"after") == 2
            assert records(journal) == [(1, largest), (2, b"after")]

        def test_threads_that_append_at_once_get_a_position_each(self, journal: Journal) -> None:
            with ThreadPoolExecutor(4) as threads:
                positions = list(threads.map(lambda number: journal.append(0, b"%d" % number), range(100)))
            assert sorted(positions) == list(range(1, 101))
            stored = dict(records(journal, count=1000))
            assert [stored[position] for position in positions] == [b"%d" % number for number in range(100)]

    class TestReading:
        def test_nothing_is_read_of_a_partition_that_has_nothing(self, journal: Journal) -> None:
            assert list(journal.read(0, after=0, count=10)) == []

        def test_what_follows_a_position_is_read_in_order(self, journal: Journal) -> None:
            for number in range(1, 8):
                journal.append(0, b"%d" % number)
            assert list(journal.read(0, after=2, count=3)) == [(3, b"3"), (4, b"4"), (5, b"5")]
            assert list(journal.read(0, after=6, count=3)) == [(7, b"7")]
            assert list(journal.read(0, after=7, count=3)) == []
            assert list(journal.read(0, after=100, count=3)) == []

        def test_long_records_come_in_several_reads(self, journal: Journal) -> None:
            content = b"x" * (journal.most_bytes // 2)
            for _ in range(30):
                journal.append(0, content)
            assert records(journal, count=100) == [(position, content) for position in range(1, 31)]

        def test_a_reader_can_leave_an_answer_and_read_again(self, journal: Journal) -> None:
            for number in range(1, 1001):
                journal.append(0, b"%d" % number)
            assert len(journal.read(0, after=0, count=_ALL)) == 1000
            assert [record.position for record in records(journal, after=990, count=4)] == list(range(991, 1001))

    class TestFetching:
        @pytest.mark.parametrize(
            "positions",
            [
                (),
                (1,),
                (7,),
                (1, 2, 3),
                (3, 5, 7),
                (1, 100, 101, 150, 299, 300),
                tuple(range(1, 301)),
                tuple(range(2, 301, 7)),
                tuple(range(1, 301, 2)),
            ],
        )
        def test_records_come_in_the_order_of_their_positions(
            self, journal: Journal, positions: tuple[int, ...]
        ) -> None:
            for number in range(1, 301):
                journal.append(0, b"%d" % number)
            assert list(journal.fetch(0, positions)) == [(position, b"%d" % position) for position in positions]

        @pytest.mark.parametrize("step", [1, 2, 5])
        def test_long_records_come_in_one_call(self, journal: Journal, step: int) -> None:
            contents = [b"%d" % number * (journal.most_bytes // 4) for number in range(1, 10)] * 6
            for content in contents:
                journal.append(0, content)
            positions = range(1, len(contents) + 1, step)
            assert journal.fetch(0, positions) == [(position, contents[position - 1]) for position in positions]

        @pytest.mark.parametrize("position", [4, 1000])
        def test_a_position_beyond_the_end_is_named(self, journal: Journal, position: int) -> None:
            for number in range(3):
                journal.append(5, b"%d" % number)
            for positions in ((position,), (1, 2, position), (3, position)):
                with pytest.raises(StoreUnavailable, match=f"no record at position {position} of partition 5; .* 3"):
                    journal.fetch(5, positions)

    class TestErasing:
        def test_it_says_that_it_erases(self, journal: Journal) -> None:
            assert journal.erases

        @pytest.mark.parametrize("erased", [(1,), (2, 3, 4), (6,), (9, 10), (10,), tuple(range(1, 11))])
        @pytest.mark.parametrize("positions", [tuple(range(1, 11)), (1, 6, 10), (3,), (9,), (10,), (2, 9)])
        def test_an_erased_record_is_fetched_without_content(
            self, journal: Journal, erased: tuple[int, ...], positions: tuple[int, ...]
        ) -> None:
            for number in range(1, 11):
                journal.append(0, b"%d" % number)
            for position in erased:
                journal.erase(0, position)
            assert list(journal.fetch(0, positions)) == [
                (position, None if position in erased else b"%d" % position) for position in positions
            ]

        def test_an_erased_record_keeps_its_position(self, journal: Journal) -> None:
            for number in range(1, 6):
                journal.append(0, b"%d" % number)
            journal.erase(0, 2)
            journal.erase(0, 4)
            assert records(journal) == [(1, b"1"), (2, None), (3, b"3"), (4, None), (5, b"5")]
            assert journal.append(0, b"6") == 6

        @pytest.mark.parametrize("erased", [(1,), (5,), (4, 5), (1, 2), (1, 2, 3, 4, 5)])
        def test_records_at_an_edge_can_be_erased(self, journal: Journal, erased: tuple[int, ...]) -> None:
            for number in range(1, 6):
                journal.append(0, b"%d" % number)
            for position in erased:
                journal.erase(0, position)
            expected = [(number, None if number in erased else b"%d" % number) for number in range(1, 6)]
            for count in (1, 2, 3, 10):
                assert records(journal, count=count) == expected
            assert journal.end(0).position == 5
            assert journal.append(0, b"6") == 6
            assert records(journal) == [*expected, (6, b"6")]

        def test_erasing_again_or_what_is_not_there_changes_nothing(self, journal: Journal) -> None:
            journal.append(0, b"1")
            for position in (1, 1, 2, 100):
                journal.erase(0, position)
            assert records(journal) == [(1, None)]
            assert journal.end(0).position == 1

    class TestEnd:
        def test_the_identity_stays_while_records_come(self, journal: Journal) -> None:
            before = journal.end(0)
            assert before.position == 0
            assert before.identity
            journal.append(0, b"x")
            assert journal.end(0) == (before.identity, 1)
