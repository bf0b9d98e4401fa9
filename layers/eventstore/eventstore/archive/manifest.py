"""The manifest of a partition: the segments of its log that are archived, in order and without a gap."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eventstore.archive.layout import position_of, position_text
from eventstore.cloudevents.event import StreamName
from eventstore.errors import ArchiveMismatch
from eventstore.ports.objects import ObjectKey
from eventstore.positions import BEGINNING, Epoch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.positions import Position

__all__ = ["ArchivedEpoch", "Manifest", "Segment", "SegmentFile"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """A file of events in a segment. Its index is beside it (`layout.index_key`).

    Attributes:
        key: Its key.
        bytes: Its length.
        events: How many events it has.
        first_stream: The first stream of the file, by name.
        last_stream: The last one.
    """

    key: ObjectKey
    bytes: int
    events: int
    first_stream: StreamName
    last_stream: StreamName

    def may_have(self, stream: StreamName) -> bool:
        """Whether a stream is among those from the first to the last of the file."""
        return self.first_stream <= stream <= self.last_stream


@dataclass(frozen=True, slots=True)
class Segment:
    """All events of a range of the log that were kept when it was archived.

    Attributes:
        after: The position after which the range starts: where the previous segment ends.
        until: The position up to which it extends.
        time: When the last event of the range was stored, in milliseconds since 1970.
        missing: How many events of the range are known to have been removed before they were archived.
        complete: Whether these are all; more may have been removed otherwise.
        files: The files with its events, by their streams: one, or several after a merge.
    """

    after: Position
    until: Position
    time: int
    missing: int
    complete: bool
    files: Sequence[SegmentFile]

    @property
    def events(self) -> int:
        """How many events it has."""
        return sum(file.events for file in self.files)

    @property
    def bytes(self) -> int:
        """The length of its files together."""
        return sum(file.bytes for file in self.files)


@dataclass(frozen=True, slots=True)
class ArchivedEpoch:
    """The segments of one epoch of a partition. Each starts where the one before it ends."""

    epoch: Epoch
    segments: Sequence[Segment] = ()

    @property
    def until(self) -> Position:
        """The position up to which the epoch is archived."""
        return self.segments[-1].until if self.segments else BEGINNING

    @property
    def time(self) -> int | None:
        """The time up to which it is archived, in milliseconds since 1970; None if nothing is."""
        return self.segments[-1].time if self.segments else None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is archived of a partition.

    Attributes:
        partition: The partition.
        partitions: How many partitions the store has.
        revision: A number that each change increases, so that no two contents of a manifest are the same.
        generation: A number that makes the keys of files (`layout.file_key`).
        maintained: When segments were last merged and files deleted, in milliseconds since 1970.
        epochs: The epochs of the partition, in order; the last one is current.
    """

    partition: int
    partitions: int
    revision: int = 0
    generation: int = 0
    maintained: int = 0
    epochs: Sequence[ArchivedEpoch] = ()

    def file_keys(self) -> Iterator[ObjectKey]:
        """Yield the keys of all files of events."""
        return (file.key for epoch in self.epochs for segment in epoch.segments for file in segment.files)

    def current(self, epoch: Epoch) -> ArchivedEpoch:
        """Return what is archived of the epoch that the partition has.

        Raises:
            ArchiveMismatch: It is an earlier one, so another store writes to the archive as well.
        """
        if self.epochs and self.epochs[-1].epoch == epoch:
            return self.epochs[-1]
        if any(known.epoch == epoch for known in self.epochs):
            raise ArchiveMismatch(
                f"the archive of partition {self.partition} has gone on with epoch {self.epochs[-1].epoch}, and the "
                f"store has {epoch}: two stores use one archive; give each store an ARCHIVE_URL of its own"
            )
        return ArchivedEpoch(epoch)

    def with_segment(self, epoch: Epoch, segment: Segment) -> Manifest:
        """Return the manifest with one more segment at the end of an epoch, which is new or the last one."""
        archived = self.current(epoch)
        if segment.after != archived.until:
            raise ValueError(f"a segment after {segment.after} does not follow one that ends at {archived.until}")
        earlier = [known for known in self.epochs if known.epoch != epoch]
        return self.changed(epochs=(*earlier, ArchivedEpoch(epoch, (*archived.segments, segment))))

    def with_merged(self, epoch: Epoch, merged: Segment) -> Manifest | None:
        """Return the manifest with one segment in place of those of its range; None if these are not there any more."""
        segments = next((known.segments for known in self.epochs if known.epoch == epoch), ())
        afters = [segment.after for segment in segments]
        untils = [segment.until for segment in segments]
        if merged.after not in afters or merged.until not in untils:
            return None
        changed = ArchivedEpoch(
            epoch, (*segments[: afters.index(merged.after)], merged, *segments[untils.index(merged.until) + 1 :])
        )
        return self.changed(epochs=tuple(changed if known.epoch == epoch else known for known in self.epochs))

    def changed(self, **members: Any) -> Manifest:  # noqa: ANN401 - they are those of `replace`
        """Return the manifest with other members, as its next revision."""
        return replace(self, revision=self.revision + 1, **members)

    def encoded(self) -> bytes:
        """Return the manifest as it is stored."""
        content = {
            "format": _FORMAT,
            "partition": self.partition,
            "partitions": self.partitions,
            "revision": self.revision,
            "generation": self.generation,
            "maintained": self.maintained,
            "epochs": [
                {"epoch": archived.epoch, "segments": [_segment_members(segment) for segment in archived.segments]}
                for archived in self.epochs
            ],
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def parse(cls, stored: bytes) -> Manifest:
        """Return a manifest that was stored.

        Raises:
            ArchiveMismatch: It has a format that this version does not support.
        """
        content = json.loads(stored)
        if content.get("format") != _FORMAT:
            raise ArchiveMismatch(
                f"the archive has format {content.get('format')}, and this version of the hub uses format {_FORMAT}; "
                "deploy the version that has written it, or a later one"
            )
        epochs = tuple(
            ArchivedEpoch(Epoch(archived["epoch"]), tuple(map(_segment_of, archived["segments"])))
            for archived in content["epochs"]
        )
        return cls(
            content["partition"],
            content["partitions"],
            content["revision"],
            content["generation"],
            content["maintained"],
            epochs,
        )


def _segment_members(segment: Segment) -> dict[str, object]:
    return {
        "after": position_text(segment.after),
        "until": position_text(segment.until),
        "time": segment.time,
        "missing": segment.missing,
        "complete": segment.complete,
        "files": [
            {
                "key": file.key,
                "bytes": file.bytes,
                "events": file.events,
                "first_stream": file.first_stream,
                "last_stream": file.last_stream,
            }
            for file in segment.files
        ],
    }


def _segment_of(members: dict[str, Any]) -> Segment:
    files = tuple(
        SegmentFile(
            ObjectKey(file["key"]),
            file["bytes"],
            file["events"],
            StreamName(file["first_stream"]),
            StreamName(file["last_stream"]),
        )
        for file in members["files"]
    )
    return Segment(
        position_of(members["after"]),
        position_of(members["until"]),
        members["time"],
        members["missing"],
        members["complete"],
        files,
    )
