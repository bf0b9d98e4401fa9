"""A store in memory with its archive, and what must be true of the archive at any time."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore.adapters.memory.log import MemoryLog
from eventstore.adapters.memory.objects import MemoryObjects
from eventstore.adapters.memory.store import MemoryStore
from eventstore.archive.archiver import Archiver, ArchiverLimits
from eventstore.archive.files import FileLimits
from eventstore.archive.merging import MergeLimits
from eventstore.archive.sealing import SealLimits
from eventstore.ports.objects import ObjectKey
from eventstore.positions import BEGINNING
from eventstore.streams import StreamName
from tests.examples import FakeClock, event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.archive.archiver import Archived
    from eventstore.ports.objects import Objects
    from eventstore.positions import Position

__all__ = ["DAY", "FOREVER", "SMALL", "World"]

FOREVER = 1 << 50
DAY = 24 * 60 * 60

_FILES = FileLimits(member=400, file=1500, longest=4000)
SMALL = ArchiverLimits(
    seal=SealLimits(age_ms=60_000, events=10, bytes=2000, read_at_once=3, files=_FILES),
    merge=MergeLimits(full=5000, most=50, files=_FILES),
    maintained_ms=1000 * DAY,
)
"""Limits at which a few events make several segments, files and members."""

Place = tuple[str, int, bytes]
"""The stream, the sequence and the body of an event."""


@dataclass
class World:
    """A store whose events are few, and its archive.

    Attributes:
        published: What was ever published, by epoch and position; per partition.
    """

    partitions: int = 1
    clock: FakeClock = field(default_factory=FakeClock)
    published: dict[tuple[int, str], dict[Position, Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = MemoryLog(MemoryStore(partitions=self.partitions, clock=self.clock))
        self.objects = MemoryObjects(clock=self.clock)
        self._events = 0

    def publish(self, count: int, *streams: str, size: int = 60) -> None:
        """Publish events one by one, to each of the streams in turn."""
        for number in range(count):
            self._events += 1
            data = {"note": "x" * size, "number": self._events}
            name = StreamName(streams[number % len(streams)])
            self.log.append(name, [event(str(self._events), data=data)])
            self.note_published()

    def note_published(self) -> None:
        """Remember what the log has."""
        for partition in range(self.partitions):
            tail = self.log.tail({partition: BEGINNING}, count=100_000)[partition]
            known = self.published.setdefault((partition, tail.epoch), {})
            for position, recorded in tail.events:
                known[position] = (recorded.stream, recorded.sequence, recorded.body)

    def archiver(self, objects: Objects | None = None, *, limits: ArchiverLimits = SMALL) -> Archiver:
        return Archiver(self.log, objects or self.objects, clock=self.clock, limits=limits)

    def archive(self, objects: Objects | None = None, *, limits: ArchiverLimits = SMALL) -> Archived:
        """Archive all that is due, which is everything."""
        self.clock.pass_seconds(60)
        return self.archiver(objects, limits=limits).run(until=FOREVER)

    def manifest(self, partition: int = 0) -> Mapping[str, Any]:
        content: dict[str, Any] = json.loads(
            self.objects.get(ObjectKey(f"events/p{partition:02}/manifest.json")).content
        )
        return content

    def segments(self, partition: int = 0) -> list[dict[str, Any]]:
        """The segments of the current epoch, oldest first."""
        segments: list[dict[str, Any]] = self.manifest(partition)["epochs"][-1]["segments"]
        return segments

    def stored_keys(self) -> set[str]:
        return {listed.key for listed in self.objects.list("")}

    def listed_keys(self) -> set[str]:
        """The keys of manifests, and of what they list."""
        found: set[str] = set()
        for key in self.stored_keys():
            if key.endswith("manifest.json"):
                found.add(key)
                for epoch in json.loads(self.objects.get(ObjectKey(key)).content)["epochs"]:
                    for segment in epoch["segments"]:
                        for file in segment["files"]:
                            found |= {file["key"], _index_key(file["key"])}
        return found

    def check(self) -> None:
        """Every manifest is true: all that it lists is there, in ranges without gap or overlap, and nothing is lost."""
        for partition in range(self.partitions):
            if f"events/p{partition:02}/manifest.json" in self.stored_keys():
                epochs = self.manifest(partition)["epochs"]
                assert len({one["epoch"] for one in epochs}) == len(epochs)
                for epoch in epochs:
                    self._check_epoch(partition, epoch)

    def check_all_is_archived(self) -> None:
        """As `check`; and what the log has is in the archive."""
        self.check()
        for partition in range(self.partitions):
            epoch = self.manifest(partition)["epochs"][-1]
            tail = self.log.tail({partition: BEGINNING}, count=100_000)[partition]
            assert epoch["epoch"] == tail.epoch
            archived = self._check_epoch(partition, epoch)
            assert [position for position, _ in tail.events if position not in archived] == []

    def _check_epoch(self, partition: int, epoch: Mapping[str, Any]) -> Mapping[Position, Place]:
        archived: dict[Position, Place] = {}
        reached = BEGINNING
        published = self.published[partition, epoch["epoch"]]
        for segment in epoch["segments"]:
            after, until = _position(segment["after"]), _position(segment["until"])
            assert reached == after < until, "a segment begins where the one before it ends"
            reached = until
            events, missing, complete = self._segment(partition, epoch["epoch"], segment)
            assert all(after < position <= until for position in events)
            for position, place in published.items():
                if after < position <= until and position not in events:
                    lost = (name == place[0] and first <= place[1] <= last for name, first, last in missing)
                    assert not complete or any(lost), f"{place[:2]} is lost without a record"
            assert not set(events) & set(archived)
            archived |= events
        assert {position: published[position] for position in archived} == archived, "as it was published"
        return archived

    def _segment(
        self, partition: int, epoch: str, segment: Mapping[str, Any]
    ) -> tuple[dict[Position, Place], list[tuple[str, int, int]], bool]:
        found: dict[Position, Place] = {}
        missing: list[tuple[str, int, int]] = []
        streams: list[str] = []
        for file in segment["files"]:
            assert file["key"].startswith(f"events/p{partition:02}/{epoch}/")
            content = self.objects.get(ObjectKey(file["key"])).content
            index = json.loads(gzip.decompress(self.objects.get(ObjectKey(_index_key(file["key"]))).content))
            events = [_parsed(line) for line in gzip.decompress(content).splitlines()]
            assert len(content) == file["bytes"]
            assert len(events) == file["events"] > 0
            places = [place[:2] for _, place in events]
            assert places == sorted(places), "in the order of streams"
            assert (places[0][0], places[-1][0]) == (file["first_stream"], file["last_stream"])
            streams += index["streams"]
            _check_index(content, index, places)
            found |= dict(events)
            missing += [(name, first, last) for name, first, last in index["missing"]]
            assert index["complete"] == segment["complete"]
        assert streams == sorted(streams), "files are in the order of streams, too"
        assert segment["missing"] == sum(last - first + 1 for _, first, last in missing)
        return found, missing, segment["complete"]


def _check_index(content: bytes, index: Mapping[str, Any], places: list[tuple[str, int]]) -> None:
    """Each member is compressed for itself, and the index says which of them have the events of a stream."""
    members = [
        [_parsed(line)[1] for line in gzip.decompress(content[offset : offset + length]).splitlines()]
        for offset, length in index["members"]
    ]
    assert [place[:2] for member in members for place in member] == places
    assert list(index["streams"]) == sorted({name for name, _ in places})
    for name, (first_member, last_member, first, last, events) in index["streams"].items():
        sequences = [sequence for stream, sequence in places if stream == name]
        assert (sequences[0], sequences[-1], len(sequences)) == (first, last, events)
        having = [number for number, member in enumerate(members) if any(place[0] == name for place in member)]
        assert having == list(range(first_member, last_member + 1))


def _parsed(line: bytes) -> tuple[Position, Place]:
    """The position and the place of a line, read as any program reads it."""
    members = json.loads(line)
    stream, sequence, position = members["hubstream"], int(members["hubsequence"]), members["hubposition"]
    end = json.dumps(
        {name: members[name] for name in ("hubstream", "hubsequence", "hubtime", "hubposition")}, separators=(",", ":")
    )
    body = line.removesuffix(b"," + end[1:].encode()) + b"}"
    return _position(position), (stream, sequence, body)


def _position(text: str) -> Position:
    major, minor, index = map(int, text.split("."))
    return BEGINNING._replace(major=major, minor=minor, index=index)


def _index_key(key: str) -> str:
    return key.removesuffix(".ndjson.gz") + ".index.json.gz"
