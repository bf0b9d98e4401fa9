from __future__ import annotations

import pytest

from eventstore.archive.archiver import ArchiverLimits
from eventstore.archive.reader import ArchiveReader
from eventstore.cloudevents import from_json
from eventstore.errors import ArchiveMismatch, ArchiveUnavailable
from eventstore.ports.objects import ObjectKey
from eventstore.streams import StreamName
from tests.examples import events
from tests.fakes.objects import InterruptedObjects, fails_before, meanwhile
from tests.unit.archive.world import DAY, FOREVER, SMALL, World


@pytest.fixture
def world() -> World:
    return World()


def test_everything_is_archived_in_segments_that_follow_each_other(world: World) -> None:
    world.publish(50, "b", "a", "c:9~20")
    archived = world.archive()
    world.check_all_is_archived()
    assert (archived.events, archived.segments) == (50, len(world.segments()))
    assert archived.segments > 3
    assert archived.until == {0: world.clock.now() - 60_000}


def test_what_a_merge_replaces_is_kept_for_a_day_also_if_the_merge_outlasts_its_run(world: World) -> None:
    for _ in range(4):
        world.publish(4, "a", "b")
        world.archive()
    world.clock.pass_seconds(DAY)

    def pass_time() -> None:
        world.clock.pass_seconds(700)

    # From the merge on, every call takes longer than the run has.
    slow = InterruptedObjects(world.objects, {call: meanwhile(pass_time, after=True) for call in range(5, 100)})
    merged = world.archiver(slow).run(until=world.clock.now() + 600_000)
    assert slow.calls[:5] == ["get", "list", "get", "replace", "get"]
    assert merged.merged > 0
    replaced = world.stored_keys() - world.listed_keys()
    world.clock.pass_seconds(60 * 60 * 2)
    world.archive()
    assert replaced
    assert replaced <= world.stored_keys()


def test_nothing_is_sealed_before_it_is_due(world: World) -> None:
    world.publish(9, "a")
    world.clock.pass_seconds(59)
    assert world.archiver().run(until=FOREVER).segments == 0
    assert world.stored_keys() == set()
    world.clock.pass_seconds(1)
    assert world.archiver().run(until=FOREVER).events == 9


def test_full_segments_are_sealed_at_once_and_the_rest_when_it_is_old_enough(world: World) -> None:
    world.publish(25, "a")
    archived = world.archiver().run(until=FOREVER)
    assert 0 < archived.events < 25
    world.check()
    assert world.archiver().run(until=FOREVER).segments == 0
    assert world.archive().events == 25 - archived.events
    world.check_all_is_archived()


def test_archiving_goes_on_where_it_ended(world: World) -> None:
    for _ in range(3):
        world.publish(4, "a", "b")
        assert world.archive().events == 4
    world.check_all_is_archived()
    assert [sum(file["events"] for file in segment["files"]) for segment in world.segments()] == [4, 4, 4]


def test_events_of_one_append_may_be_in_two_segments(world: World) -> None:
    world.log.append(StreamName("a"), events(40))
    world.note_published()
    assert world.archive().segments > 1
    world.check_all_is_archived()


def test_each_partition_has_a_manifest(world: World) -> None:
    world = World(partitions=4)
    world.publish(40, *(f"stream-{number}" for number in range(20)))
    assert set(world.archive().until) == {0, 1, 2, 3}
    world.check_all_is_archived()


def test_a_run_stops_when_its_time_is_over(world: World) -> None:
    world.publish(50, "a")
    world.clock.pass_seconds(60)
    assert world.archiver().run(until=world.clock.now()).until == {}
    assert world.stored_keys() == set()


def test_line_breaks_within_json_are_blanks_in_the_archive(world: World) -> None:
    text = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"a":\r\n 1.0,\n"b":"x\\ny"}}'
    world.log.append(StreamName("a"), [from_json(text)])
    world.archive()
    [(_, event)] = ArchiveReader(world.objects, partitions=1).read(StreamName("a"))
    assert b'"data":{"a":   1.0, "b":"x\\ny"}' in event.body


class TestGaps:
    def test_events_that_were_removed_before_they_were_archived_are_recorded(self, world: World) -> None:
        world.publish(6, "a", "b")
        world.log.delete(StreamName("a"))
        world.publish(3, "a", "c")
        world.archive()
        world.check_all_is_archived()
        [segment] = world.segments()
        assert (segment["missing"], segment["complete"]) == (3, True)

    def test_events_that_were_removed_after_they_were_archived_are_no_gap(self, world: World) -> None:
        world.publish(6, "a", "b")
        world.archive()
        world.log.delete(StreamName("a"))
        world.publish(2, "a", "b")
        world.archive()
        assert [segment["missing"] for segment in world.segments()] == [0, 0]
        world.check()

    def test_more_gaps_than_are_listed_are_not_complete(self, world: World) -> None:
        streams = [f"s{number:03}" for number in range(120)]
        world.publish(120, *streams)
        for name in streams:
            world.log.delete(StreamName(name))
        world.publish(1, "a")
        world.archive()
        [segment] = world.segments()
        assert (segment["missing"], segment["complete"]) == (100, False)
        world.check()

    def test_where_all_was_removed_nothing_is_sealed_until_there_is_an_event(self, world: World) -> None:
        world.publish(3, "a")
        world.log.delete(StreamName("a"))
        assert world.archive().segments == 0
        world.publish(1, "b")
        world.archive()
        assert [segment["missing"] for segment in world.segments()] == [3]
        world.check_all_is_archived()

    def test_gaps_stay_after_a_merge(self, world: World) -> None:
        for name in ("a", "b", "c"):
            world.publish(2, name, "kept")
            world.log.delete(StreamName(name))
            world.publish(1, "kept")
            world.archive()
        world.clock.pass_seconds(DAY)
        assert world.archive().merged == 3
        assert [segment["missing"] for segment in world.segments()] == [3]
        world.check_all_is_archived()


class TestEpochs:
    def test_a_partition_that_was_reset_begins_a_new_epoch(self, world: World) -> None:
        world.publish(5, "a")
        world.archive()
        world.log.renew()
        world.note_published()
        world.publish(2, "a")
        world.archive()
        world.check_all_is_archived()
        assert [
            sum(f["events"] for s in one["segments"] for f in s["files"]) for one in world.manifest()["epochs"]
        ] == [
            5,
            7,
        ]

    def test_two_stores_with_one_archive_are_found_out(self, world: World) -> None:
        other = World(clock=world.clock)
        other.objects = world.objects
        world.publish(5, "a")
        world.archive()
        other.publish(5, "a")
        other.archive()
        with pytest.raises(ArchiveMismatch, match="ARCHIVE_URL of its own"):
            world.archive()

    def test_a_store_with_another_number_of_partitions_is_refused(self, world: World) -> None:
        world.publish(5, "a")
        world.archive()
        other = World(partitions=2, clock=world.clock)
        other.objects = world.objects
        other.publish(5, "a", "b")
        with pytest.raises(ArchiveMismatch, match="1 partitions, and this store has 2"):
            other.archive()

    def test_a_manifest_of_a_later_version_is_refused(self, world: World) -> None:
        world.objects.put_new(ObjectKey("events/p00/manifest.json"), b'{"format":2}')
        world.publish(1, "a")
        with pytest.raises(ArchiveMismatch, match="format 2"):
            world.archive()


class TestMaintaining:
    def test_once_a_day_segments_are_merged_and_a_day_later_what_they_replaced_is_deleted(self, world: World) -> None:
        for _ in range(4):
            world.publish(4, "a", "b")
            world.archive()
        assert len(world.segments()) == 4
        world.clock.pass_seconds(DAY)
        first = world.archive()
        assert (first.merged, first.deleted, len(world.segments())) == (4, 0, 1)
        # The files of the four segments are there still, for who reads them.
        assert len(world.stored_keys() - world.listed_keys()) == 8
        world.check_all_is_archived()
        assert world.archive().deleted == 0
        world.clock.pass_seconds(DAY)
        second = world.archive()
        assert (second.merged, second.deleted) == (0, 8)
        assert world.stored_keys() == world.listed_keys()
        world.check_all_is_archived()

    def test_what_a_dead_archiver_left_is_deleted(self, world: World) -> None:
        world.publish(4, "a")
        world.archive()
        stray = {ObjectKey("events/p00/0123/0.0.0-1.0.0-ff.ndjson.gz"), ObjectKey("events/p00/0123/x.index.json.gz")}
        for key in stray:
            world.objects.put_new(key, b"")
        world.clock.pass_seconds(DAY)
        assert world.archive().deleted == 2
        assert world.stored_keys() == world.listed_keys()

    def test_what_is_full_is_not_merged_again(self, world: World) -> None:
        for _ in range(12):
            world.publish(10, *"abcdefgh", size=400)
            world.archive()
            world.clock.pass_seconds(DAY)
            world.archive()
            world.check_all_is_archived()
        sizes = [sum(file["bytes"] for file in segment["files"]) for segment in world.segments()]
        assert all(size >= SMALL.merge.full for size in sizes[:-2])

    def test_nothing_is_merged_where_the_storage_fails(self, world: World) -> None:
        world.publish(4, "a")
        world.archive()
        world.publish(4, "a")
        world.archive()
        world.clock.pass_seconds(DAY)
        with pytest.raises(ArchiveUnavailable):
            world.archive(InterruptedObjects(world.objects, {2: fails_before}))
        world.check_all_is_archived()
        assert world.archive().merged == 2

    def test_without_maintenance_nothing_is_merged(self, world: World) -> None:
        for _ in range(3):
            world.publish(4, "a")
            world.archive(limits=ArchiverLimits(seal=SMALL.seal, maintained_ms=FOREVER))
        assert len(world.segments()) == 3
