"""One instance of the server archives: the owner of partition 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore_server.archiving import Archiving
from tests.unit.archive.world import SMALL, World

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def hub_with(world: World, folder: Path | None) -> Hub:
    """A hub on a store in memory, whose archive is a folder or nowhere."""
    variables = {} if folder is None else {"ARCHIVE_URL": folder.as_uri()}
    hub = Hub(Settings.from_environment(variables))
    hub.clock, hub.log = world.clock, world.log
    return hub


def test_the_owner_of_partition_0_archives_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(partitions=2)
    world.publish(10, "a", "b")
    world.clock.pass_seconds(3600)
    owned = {1}
    archiving = Archiving(hub_with(world, tmp_path / "archive"), lambda: owned)
    archiving.run()
    assert not (tmp_path / "archive").exists()
    owned.add(0)
    with caplog.at_level("INFO", logger="eventstore_server"):
        archiving.run()
        archiving.run()
    assert len(list((tmp_path / "archive").glob("events/*/manifest.json"))) == 2
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == ["archived 10 events in 2 segments"]


def test_without_a_place_nothing_is_archived() -> None:
    world = World()
    world.publish(1, "a")
    Archiving(hub_with(world, None), lambda: {0}).run()
    assert hub_with(world, None).archive_reader is None


def test_the_parts_of_the_hub_read_what_they_archive(tmp_path: Path) -> None:
    world = World()
    world.publish(3, "a")
    hub = hub_with(world, tmp_path)
    assert hub.archive_objects is not None
    world.archive(hub.archive_objects, limits=SMALL)
    reader = hub.archive_reader
    assert reader is not None
    assert [event.sequence for _, event in reader.read(world.log.streams(prefix="", after="", count=1)[0].name)] == [
        1,
        2,
        3,
    ]
    hub.close()
