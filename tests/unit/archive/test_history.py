from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import pytest

from eventstore.archive.history import ArchivedHistory, HistoryLimits
from eventstore.errors import ArchiveMismatch, ArchiveUnavailable
from eventstore.ports.objects import ObjectVersion, StoredObject
from eventstore.positions import BEGINNING
from eventstore.streams import StreamName, partition_of
from tests.fakes.objects import CountedObjects, InterruptedObjects, fails_before, meanwhile
from tests.unit.archive.world import DAY, World

if TYPE_CHECKING:
    from eventstore.ports.objects import Objects

Bodies = dict[StreamName, dict[int, bytes]]


@pytest.fixture
def world() -> World:
    world = World()
    for _ in range(4):
        world.publish(10, "a", "b", "c", "ab")
        world.archive()
        world.clock.pass_seconds(1)
    return world


def stored(world: World, *streams: str) -> tuple[dict[StreamName, dict[int, int]], Bodies]:
    """The times and the bodies of the events of streams."""
    times: dict[StreamName, dict[int, int]] = {StreamName(stream): {} for stream in streams}
    bodies: Bodies = {StreamName(stream): {} for stream in streams}
    for _, found in world.log.tail({0: BEGINNING}, count=1000)[0].events:
        if found.stream in times:
            times[found.stream][found.sequence] = found.time
            bodies[found.stream][found.sequence] = found.body
    return times, bodies


def history(world: World, objects: Objects | None = None, **limits: float) -> ArchivedHistory:
    return ArchivedHistory(
        objects or world.objects,
        partitions=lambda: world.partitions,
        clock=world.clock,
        limits=HistoryLimits(**cast("dict[str, Any]", limits)),
    )


@pytest.mark.parametrize("whole", [0, 1 << 20], ids=["in parts", "whole"])
def test_bodies_are_found_by_stream_and_sequence(world: World, whole: int) -> None:
    for streams in (["a"], ["ab", "c"], ["a", "b", "c", "ab"]):
        wanted, bodies = stored(world, *streams)
        assert history(world, whole_bytes=whole, whole_streams=4).bodies(0, wanted) == bodies


def test_what_is_not_archived_is_left_out(world: World) -> None:
    wanted, bodies = stored(world, "a")
    more = {**wanted[StreamName("a")], 99: world.clock.now()}
    found = history(world).bodies(0, {StreamName("a"): more, StreamName("x"): {1: 5}})
    assert found == {**bodies, StreamName("x"): {}}
    assert history(World()).bodies(0, wanted) == {StreamName("a"): {}}


def test_what_was_read_is_read_once(world: World) -> None:
    objects = CountedObjects(world.objects)
    reading = history(world, objects)
    wanted, bodies = stored(world, "a", "b", "c", "ab")
    assert reading.bodies(0, wanted) == bodies
    read = list(objects.read)
    assert len(read) == len(set(read))
    for _ in range(3):
        assert reading.bodies(0, wanted) == bodies
    assert objects.read == read


def test_a_part_of_a_large_file_is_read_by_its_index(world: World) -> None:
    objects = CountedObjects(world.objects)
    wanted, bodies = stored(world, "a")
    assert history(world, objects, whole_bytes=0).bodies(0, wanted) == bodies
    assert "get_range" in objects.calls


def test_only_files_that_may_have_an_event_are_read(world: World) -> None:
    objects = CountedObjects(world.objects)
    wanted, bodies = stored(world, "a")
    newest = max(wanted[StreamName("a")])
    one = {StreamName("a"): {newest: wanted[StreamName("a")][newest]}}
    assert history(world, objects).bodies(0, one)[StreamName("a")] == {newest: bodies[StreamName("a")][newest]}
    # Two, for one ends and the next one begins within a millisecond.
    assert len([key for key in objects.read if key.endswith(".ndjson.gz")]) <= 2 < len(world.segments())


def test_what_is_archived_after_the_manifest_was_read_is_found(world: World) -> None:
    reading = history(world)
    reading.bodies(0, stored(world, "a")[0])
    world.publish(4, "a")
    world.archive()
    wanted, bodies = stored(world, "a")
    assert reading.bodies(0, wanted) == bodies


def test_files_that_are_merged_and_deleted_meanwhile_are_found_elsewhere(world: World) -> None:
    def merge_and_delete() -> None:
        for _ in range(2):
            world.clock.pass_seconds(DAY)
            world.archive()

    objects = InterruptedObjects(world.objects, {1: meanwhile(merge_and_delete, after=True)})
    wanted, bodies = stored(world, "a", "ab")
    assert history(world, objects).bodies(0, wanted) == bodies


def test_an_event_of_an_earlier_epoch_is_found(world: World) -> None:
    wanted, bodies = stored(world, "a")
    world.log.renew()
    assert history(world).bodies(0, wanted) == bodies
    world.publish(4, "b")
    world.archive()
    assert history(world).bodies(0, wanted) == bodies


def test_what_is_kept_is_bounded(world: World) -> None:
    reading = history(world, kept_bytes=1, kept_indexes=1, whole_bytes=0)
    wanted, bodies = stored(world, "a", "b", "c", "ab")
    assert reading.bodies(0, wanted) == bodies
    assert len(reading._parts._values) == 1
    assert len(reading._indexes._values) <= 1


def test_an_archive_that_does_not_answer_is_an_error(world: World) -> None:
    objects = InterruptedObjects(world.objects, {2: fails_before})
    wanted, bodies = stored(world, "a")
    reading = history(world, objects)
    with pytest.raises(ArchiveUnavailable):
        reading.bodies(0, wanted)
    assert reading.bodies(0, wanted) == bodies


def test_a_file_that_is_damaged_is_an_error_of_the_archive(world: World) -> None:
    def damaged(_: object) -> StoredObject:
        return StoredObject(b"no gzip", ObjectVersion("1"))

    objects = InterruptedObjects(world.objects, {2: damaged})
    with pytest.raises(ArchiveUnavailable, match="damaged"):
        history(world, objects).bodies(0, stored(world, "a")[0])


def test_the_archive_of_another_store_is_refused(world: World) -> None:
    world.partitions = 2
    with pytest.raises(ArchiveMismatch):
        history(world).bodies(0, {StreamName("a"): {1: world.clock.now()}})


def test_who_comes_when_too_many_read_is_refused_after_a_while(world: World) -> None:
    has_begun, may_end = Event(), Event()

    def wait() -> None:
        has_begun.set()
        may_end.wait(60)

    objects = InterruptedObjects(world.objects, {1: meanwhile(wait, after=False)})
    reading = history(world, objects, at_once=1, wait_seconds=0.01)
    wanted, bodies = stored(world, "a")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(reading.bodies, 0, wanted)
        assert has_begun.wait(60)
        with pytest.raises(ArchiveUnavailable, match="1 others read the archive"):
            reading.bodies(0, wanted)
        may_end.set()
        assert first.result() == bodies


def test_streams_of_one_partition_are_asked_of_it_alone() -> None:
    world = World(partitions=2)
    world.publish(40, "a", "b", "c", "d")
    world.archive()
    numbers = {partition_of(StreamName(name), 2) for name in "abcd"}
    assert numbers == {0, 1}, "the streams of this test are in both partitions"
    objects = CountedObjects(world.objects)
    history(world, objects).bodies(1, {StreamName("x"): {1: world.clock.now()}})
    assert all(key.startswith("events/p01/") for key in objects.read)
