"""What the archive costs, at real sizes of segments: bytes of an event, and requests of a stream that is read."""

from __future__ import annotations

import random

import pytest

from eventstore.archive.archiver import ArchiverLimits
from eventstore.archive.reader import ArchiveReader
from eventstore.archive.sealing import SealLimits
from eventstore.positions import BEGINNING
from eventstore.streams import StreamName
from tests.examples import event, events
from tests.fakes.objects import CountedObjects
from tests.unit.archive.world import DAY, FOREVER, World

OLD = StreamName("an-old-one")
"""It has 20 events that lie evenly over all others."""

BATCHES, APPENDS, EVENTS = 20, 30, 100
"""60,000 events in a partition: so many it has of a million events of a store."""

NOTES = ("fragile", "gift", "urgent", "none", "call")


@pytest.fixture(scope="module")
def archived() -> World:
    """A partition whose segments were sealed by their size and by their age."""
    world = World()
    drawn = random.Random(7)
    for batch in range(BATCHES):
        for _ in range(APPENDS):
            orders = [
                event(
                    f"{drawn.getrandbits(128):032x}",
                    source="/shop/eu",
                    type="order.placed",
                    time="2026-11-28T22:00:00Z",
                    data={"order": drawn.randrange(10**6), "note": " ".join(drawn.choices(NOTES, k=38))},
                )
                for _ in range(EVENTS)
            ]
            world.log.append(StreamName(f"order-{drawn.randrange(400)}"), orders)
        world.log.append(OLD, events(1, start=batch + 1))
        world.archive(limits=ArchiverLimits(seal=SealLimits(age_ms=60_000)))
    return world


def sequences(objects: CountedObjects) -> list[int]:
    return [found.sequence for _, found in ArchiveReader(objects, partitions=1).read(OLD)]


def test_events_take_at_most_a_fifth_of_their_bytes(archived: World) -> None:
    files = [file for segment in archived.segments() for file in segment["files"]]
    tail = archived.log.tail({0: BEGINNING}, count=1000)[0]
    size = sum(len(one.encoded()) for _, one in tail.events) / len(tail.events)
    assert 460 < size < 490
    indexes = sum(listed.size for listed in archived.objects.list("") if listed.key.endswith(".index.json.gz"))
    count = sum(file["events"] for file in files)
    stored = (sum(file["bytes"] for file in files) + indexes) / count
    assert stored <= 0.2 * size, f"{stored:.1f} bytes of {size:.0f}, {indexes / count:.2f} of them in indexes"


def test_an_old_stream_takes_a_request_for_each_segment_and_one_for_the_manifest(archived: World) -> None:
    objects = CountedObjects(archived.objects)
    assert sequences(objects) == list(range(1, BATCHES + 1))
    assert len(archived.segments()) >= BATCHES
    assert len(objects.calls) <= len(archived.segments()) + 1
    assert len(set(objects.read)) == len(objects.read), "none twice"


def test_after_a_daily_merge_an_old_stream_takes_at_most_five_requests(archived: World) -> None:
    archived.clock.pass_seconds(DAY)
    before = len(archived.segments())
    assert archived.archiver(limits=ArchiverLimits()).run(until=FOREVER).merged == before
    objects = CountedObjects(archived.objects)
    assert sequences(objects) == list(range(1, BATCHES + 1))
    assert len(objects.calls) <= 5, objects.calls
    for stream in archived.log.streams(prefix="order-1", after="", count=10):
        stored = archived.log.read(stream.name, start=1, stop=10_000, count=10_000).events
        found = ArchiveReader(archived.objects, partitions=1).read(stream.name)
        assert [one for _, one in found] == list(stored)
