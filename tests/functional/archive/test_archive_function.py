"""The archive function, on a real store, with an archive in a folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from eventstore.archive.reader import ArchiveReader
from eventstore.errors import SettingsError
from eventstore.streams import StreamName
from functions.archive.app import handler
from functions.hub import hub as current
from tests.examples import events
from tests.fresh import forget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_hosting.valkey import ValkeyServer

STREAM = StreamName("orders")


@dataclass(frozen=True)
class Context:
    """The part of a Lambda context that the handler uses."""

    milliseconds: int = 900_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture
def folder(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The archive of an empty store."""
    monkeypatch.setenv("REDIS_URL", valkey.url)
    monkeypatch.setenv("PARTITIONS", "4")
    monkeypatch.setenv("ARCHIVE_URL", f"file://{tmp_path}/archive")
    forget()
    client = current().log._client  # type: ignore[attr-defined]
    client.flushall()
    yield tmp_path / "archive"
    client.close()
    forget()


def archive(context: Context = Context()) -> dict[str, int]:
    return handler({}, context)  # type: ignore[arg-type]


def test_events_are_archived_once_enough_of_them_wait(folder: Path) -> None:
    log = current().log
    for start in range(1, 10_001, 1000):
        log.append(STREAM, events(1000, start=start))
    assert archive() == {"segments": 1, "events": 10_000, "merged": 0, "deleted": 0, "cooled": 0, "diverged": 0}
    assert archive()["segments"] == 0
    [manifest] = folder.glob("events/p*/manifest.json")
    [epoch] = json.loads(manifest.read_text())["epochs"]
    partition = int(manifest.parent.name[1:])
    assert epoch["epoch"] == log.ends([partition])[partition].epoch
    reader = current().archive_reader
    assert isinstance(reader, ArchiveReader)
    found = reader.read(STREAM)
    stored = [event for start in range(1, 10_001, 1000) for event in _read(start)]
    assert [event for _, event in found] == stored
    [tail] = log.tail({partition: found[-2][0]}, count=5).values()
    assert list(tail.events) == [found[-1]], "positions are those of the log"


def _read(start: int) -> list[object]:
    return list(current().log.read(STREAM, start=start, stop=start + 999, count=1000).events)


def test_without_time_nothing_is_begun(folder: Path) -> None:
    current().log.append(STREAM, events(1))
    assert archive(Context(milliseconds=0))["segments"] == 0
    assert not folder.exists()


def test_without_a_place_the_setting_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del folder
    monkeypatch.delenv("ARCHIVE_URL")
    forget()
    with pytest.raises(SettingsError, match="parameter ArchiveUrl"):
        archive()
