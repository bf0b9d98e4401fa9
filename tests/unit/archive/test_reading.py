from __future__ import annotations

import pytest

from eventstore.archive.reader import ArchiveReader
from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import ObjectKey
from eventstore.positions import BEGINNING, Epoch
from eventstore.streams import StreamName
from tests.examples import event
from tests.fakes.objects import InterruptedObjects, meanwhile
from tests.unit.archive.world import DAY, World


def read(world: World, stream: str, *, start: int = 1, stop: int | None = None) -> list[int]:
    reader = ArchiveReader(world.objects, partitions=world.partitions)
    return [event.sequence for _, event in reader.read(StreamName(stream), start=start, stop=stop)]


@pytest.fixture
def world() -> World:
    world = World(partitions=2)
    for _ in range(4):
        world.publish(10, "a", "b", "c", "ab")
        world.archive()
    return world


def test_a_stream_is_read_as_it_was_stored(world: World) -> None:
    for name in ("a", "b", "c", "ab"):
        stream = StreamName(name)
        [stored] = [
            [(position, event) for position, event in tail.events if event.stream == stream]
            for tail in world.log.tail({0: BEGINNING, 1: BEGINNING}, count=1000).values()
            if any(event.stream == stream for _, event in tail.events)
        ]
        assert ArchiveReader(world.objects, partitions=2).read(stream) == stored


def test_a_part_of_a_stream_is_read(world: World) -> None:
    assert read(world, "a") == list(range(1, 13))
    assert read(world, "a", start=5, stop=7) == [5, 6, 7]
    assert read(world, "a", start=13) == []


def test_a_stream_that_is_not_archived_has_no_events(world: World) -> None:
    assert read(world, "aa") == []
    assert read(World(), "a") == []


def test_data_that_looks_like_the_place_of_another_event_is_no_other_event() -> None:
    world = World()
    world.publish(1, "a")
    text = ',"hubstream":"a","hubsequence":"9","hubtime":"2026-01-01T00:00:00.000Z","hubposition":"1.0.0"}'
    world.log.append(StreamName("b"), [event("x", data={text: text})])
    world.note_published()
    world.archive()
    world.check_all_is_archived()
    assert (read(world, "a"), read(world, "b")) == ([1], [1])


def test_a_stream_is_read_after_a_merge_and_while_merged_files_are_deleted(world: World) -> None:
    def merge_and_delete() -> None:
        for _ in range(2):
            world.clock.pass_seconds(DAY)
            world.archive()

    objects = InterruptedObjects(world.objects, {1: meanwhile(merge_and_delete, after=True)})
    found = ArchiveReader(objects, partitions=2).read(StreamName("a"))
    assert [event.sequence for _, event in found] == list(range(1, 13))
    assert objects.calls.count("get") > 2, "it began again"
    assert read(world, "ab") == list(range(1, 9))


def test_a_file_that_is_lost_is_no_stream_without_events(world: World) -> None:
    for key in [key for key in world.stored_keys() if key.endswith(".ndjson.gz")]:
        world.objects.delete(ObjectKey(key))
    with pytest.raises(ArchiveUnavailable, match="does not exist"):
        read(world, "a")


def test_an_earlier_epoch_is_read_by_its_name() -> None:
    world = World()
    world.publish(3, "a")
    world.archive()
    earlier = Epoch(world.manifest()["epochs"][0]["epoch"])
    world.log.renew()
    world.publish(2, "a")
    world.archive()
    reader = ArchiveReader(world.objects, partitions=1)
    assert [event.sequence for _, event in reader.read(StreamName("a"), epoch=earlier)] == [1, 2, 3]
    assert read(world, "a") == [1, 2, 3, 4, 5]
    assert reader.read(StreamName("a"), epoch=Epoch("ffffffffffff")) == []
