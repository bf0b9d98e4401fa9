"""A file that is deleted is listed by no manifest, whoever is at work meanwhile."""

from __future__ import annotations

import pytest

from eventstore.archive.collecting import Collector
from eventstore.archive.manifests import Manifests
from eventstore.archive.merging import Merger
from eventstore.ports.objects import ObjectKey
from tests.fakes.faulty import Killed
from tests.fakes.objects import InterruptedObjects, dies_before, meanwhile
from tests.unit.archive.world import FOREVER, SMALL, World

HOURS = 2 * 60 * 60
"""Longer than files without a manifest are kept."""


@pytest.fixture
def world() -> World:
    """A partition with two segments."""
    world = World()
    for _ in range(2):
        world.publish(2, "a", "b")
        world.archive()
    return world


def collect(world: World, objects: InterruptedObjects | None = None) -> int:
    used = objects or world.objects
    return Collector(used, Manifests(used, partitions=1), clock=world.clock).collect(0)[1]


def leave_a_file(world: World) -> None:
    """Have an archiver store the next segment, and die before it lists it."""
    world.publish(5, "c")
    objects = InterruptedObjects(world.objects, {4: dies_before})
    with pytest.raises(Killed):
        world.archive(objects)
    assert objects.calls == ["get", "put_new", "put_new", "replace"]
    assert len(world.stored_keys() - world.listed_keys()) == 2


def test_files_that_are_younger_than_an_hour_are_kept(world: World) -> None:
    leave_a_file(world)
    assert collect(world) == 0
    world.clock.pass_seconds(HOURS)
    assert collect(world) == 2
    assert world.stored_keys() == world.listed_keys()
    world.check()


def test_an_archiver_that_stores_what_is_being_deleted_stores_it_under_another_key(world: World) -> None:
    leave_a_file(world)
    world.clock.pass_seconds(HOURS)
    # The collector has decided what it deletes. The events of these files are archived now.
    objects = InterruptedObjects(world.objects, {4: meanwhile(world.archive, after=False)})
    assert collect(world, objects) == 2
    assert objects.calls == ["list", "get", "replace", "delete", "delete"]
    world.check_all_is_archived()


def test_an_archiver_whose_files_were_deleted_before_it_listed_them_stores_them_anew(world: World) -> None:
    def collect_later() -> None:
        world.clock.pass_seconds(HOURS)
        assert collect(world) == 2

    world.publish(5, "c")
    world.archive(InterruptedObjects(world.objects, {4: meanwhile(collect_later, after=False)}))
    world.check_all_is_archived()


def test_a_merge_whose_files_were_deleted_before_it_listed_them_is_given_up(world: World) -> None:
    def collect_later() -> None:
        world.clock.pass_seconds(HOURS)
        assert collect(world) > 0

    before = world.segments()
    loaded = Manifests(world.objects, partitions=1).load(0)
    # Two files and two indexes are read; one of each is stored; then the manifest is replaced.
    objects = InterruptedObjects(world.objects, {7: meanwhile(collect_later, after=False)})
    merger = Merger(objects, Manifests(objects, partitions=1), clock=world.clock, limits=SMALL.merge)
    assert merger.merge(loaded, until=FOREVER)[1] == 0
    assert objects.calls[:7] == ["get"] * 4 + ["put_new"] * 2 + ["replace"]
    assert world.segments() == before
    world.check_all_is_archived()


def test_a_collector_that_an_archiver_overtakes_deletes_nothing(world: World) -> None:
    world.objects.put_new(ObjectKey("events/p00/0123/0.0.0-1.0.0-ff.ndjson.gz"), b"")
    world.clock.pass_seconds(HOURS)
    world.publish(5, "c")
    objects = InterruptedObjects(world.objects, {3: meanwhile(world.archive, after=False)})
    assert collect(world, objects) == 0
    assert "delete" not in objects.calls
    world.check_all_is_archived()


def test_of_a_partition_without_a_manifest_nothing_is_deleted() -> None:
    world = World()
    world.publish(1, "a")
    world.objects.put_new(ObjectKey("events/p00/0123/0.0.0-1.0.0-ff.ndjson.gz"), b"")
    world.clock.pass_seconds(HOURS)
    assert collect(world) == 0
