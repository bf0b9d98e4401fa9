"""Reading single events of the archive for a store whose events left memory: by stream, sequence and time."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore, Lock
from typing import TYPE_CHECKING, Generic, TypeVar

from eventstore.archive.files import decompressed
from eventstore.archive.index import FileIndex, Member
from eventstore.archive.layout import index_key
from eventstore.archive.lines import body_of
from eventstore.archive.manifests import Manifests
from eventstore.cloudevents.event import rfc3339
from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import ObjectNotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    from eventstore.archive.manifest import Manifest, Segment, SegmentFile
    from eventstore.ports import Clock
    from eventstore.ports.objects import ObjectKey, Objects
    from eventstore.streams import StreamName

__all__ = ["ArchivedHistory", "HistoryLimits"]

ValueT = TypeVar("ValueT")

_ATTEMPTS = 3
_NONE = "", b""
_OVERHEAD = 300
"""About how many bytes an event takes in memory beside its body."""


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much is read of the archive, and kept.

    Attributes:
        at_once: How many objects are read at once.
        wait_seconds: How long a read waits for others.
        kept_bytes: About how much of files is kept in memory.
        kept_indexes: How many indexes of files are kept.
        manifest_ms: How long a manifest is used, in milliseconds. One that lacks an event is loaded again before.
        whole_bytes: A file of at most so many bytes is read whole: one request, in place of two.
        whole_streams: Or one of which events of so many streams are wanted.
    """

    at_once: int = 4
    wait_seconds: float = 5.0
    kept_bytes: int = 64 * 1024 * 1024
    kept_indexes: int = 64
    manifest_ms: int = 60_000
    whole_bytes: int = 1024 * 1024
    whole_streams: int = 3


@dataclass(frozen=True, slots=True)
class _Part:
    """Decoded events of a part of a file, by stream and sequence: when each was stored, in RFC 3339, and its body."""

    events: Mapping[StreamName, Mapping[int, tuple[str, bytes]]]
    size: int


class ArchivedHistory:
    """See `ports.history.History`. It keeps what it read last: who reads an event mostly reads its neighbours next.

    Args:
        objects: The objects of the archive.
        partitions: Returns how many partitions the store has.
        clock: The clock.
        limits: How much is read, and kept.
    """

    def __init__(
        self, objects: Objects, *, partitions: Callable[[], int], clock: Clock, limits: HistoryLimits | None = None
    ) -> None:
        self._objects = objects
        self._clock = clock
        self._limits = limits or HistoryLimits()
        self._partitions = partitions
        self._loaded: dict[int, tuple[int, Manifest]] = {}
        self._admission = BoundedSemaphore(self._limits.at_once)
        self._indexes = _Kept[FileIndex](most=self._limits.kept_indexes, size=lambda _: 1)
        self._parts = _Kept[_Part](most=self._limits.kept_bytes, size=lambda part: part.size)

    def bodies(
        self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]
    ) -> Mapping[StreamName, Mapping[int, bytes]]:
        """See `History.bodies`."""
        is_fresh = False
        for _ in range(_ATTEMPTS):
            manifest, is_fresh = self._manifest(partition, must_be_fresh=is_fresh)
            try:
                found = self._found(manifest, wanted)
            except ValueError as error:
                raise ArchiveUnavailable(f"a file of partition {partition} is damaged: {error}") from error
            except ObjectNotFound:
                # A merge has replaced the file, and it was deleted, after the manifest was loaded.
                is_fresh = True
                continue
            if is_fresh or all(each.keys() == found[stream].keys() for stream, each in wanted.items()):
                return found
            is_fresh = True
        raise ArchiveUnavailable(f"files that the manifest of partition {partition} lists do not exist")

    def _manifest(self, partition: int, *, must_be_fresh: bool) -> tuple[Manifest, bool]:
        """Return the manifest of a partition, and whether it was loaded just now."""
        now = self._clock.now()
        known = self._loaded.get(partition)
        if not must_be_fresh and known is not None and now - known[0] < self._limits.manifest_ms:
            return known[1], False
        with self._admitted():
            manifest = Manifests(self._objects, partitions=self._partitions()).load(partition).manifest
        self._loaded[partition] = now, manifest
        return manifest, True

    def _found(
        self, manifest: Manifest, wanted: Mapping[StreamName, Mapping[int, int]]
    ) -> dict[StreamName, dict[int, bytes]]:
        """Return the bodies that the files of a manifest have; the newest epoch that has an event counts."""
        found: dict[StreamName, dict[int, bytes]] = {stream: {} for stream in wanted}
        for epoch in reversed(manifest.epochs):
            left = {
                stream: {sequence: time for sequence, time in each.items() if sequence not in found[stream]}
                for stream, each in wanted.items()
            }
            for segment, streams in _by_segment(epoch.segments, left):
                for file in segment.files:
                    asked = {stream: each for stream, each in streams.items() if file.may_have(stream)}
                    for stream, events in self._in_file(file, asked):
                        for sequence in asked[stream]:
                            time, body = events.get(sequence, _NONE)
                            # In another history of the store, another event may have had the sequence.
                            if time == rfc3339(wanted[stream][sequence]):
                                found[stream][sequence] = body
        return found

    def _in_file(
        self, file: SegmentFile, asked: Mapping[StreamName, Sequence[int]]
    ) -> Iterator[tuple[StreamName, Mapping[int, tuple[str, bytes]]]]:
        """Yield the times and bodies that a file has of streams, by their sequences."""
        whole = Member(0, file.bytes)
        is_whole = file.bytes <= self._limits.whole_bytes or len(asked) >= self._limits.whole_streams
        for stream in asked:
            span = whole if is_whole or self._parts.has((file.key, whole)) else self._index(file.key).span(stream)
            if span is not None:
                part = self._parts.get((file.key, span), partial(self._part, file, span))
                if stream in part.events:
                    yield stream, part.events[stream]

    def _index(self, key: ObjectKey) -> FileIndex:
        return self._indexes.get(key, lambda: FileIndex.parse(self._content(index_key(key))))

    def _part(self, file: SegmentFile, span: Member) -> _Part:
        # As one of a few also while it is decoded: that takes more memory than what is read.
        with self._admitted():
            if span.length == file.bytes:
                return _decoded(self._objects.get(file.key).content)
            return _decoded(self._objects.get_range(file.key, first=span.offset, length=span.length))

    def _content(self, key: ObjectKey) -> bytes:
        with self._admitted():
            return self._objects.get(key).content

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        """Read an object, as one of a few at once: who waits for the archive must not keep all threads of a process."""
        if not self._admission.acquire(timeout=self._limits.wait_seconds):
            raise ArchiveUnavailable(
                f"{self._limits.at_once} others read the archive, and none came to its end in "
                f"{self._limits.wait_seconds:g} seconds; send the request again"
            )
        try:
            yield
        finally:
            self._admission.release()


def _decoded(content: bytes) -> _Part:
    events: dict[StreamName, dict[int, tuple[str, bytes]]] = {}
    size = 0
    for line in decompressed(content):
        stream, sequence, time, body = body_of(line)
        events.setdefault(stream, {})[sequence] = time, body
        size += len(body) + _OVERHEAD
    return _Part(events, size)


def _by_segment(
    segments: Sequence[Segment], wanted: Mapping[StreamName, Mapping[int, int]]
) -> list[tuple[Segment, dict[StreamName, list[int]]]]:
    """Return the segments that may have events, with the sequences that each may have, by stream."""
    times = [segment.time for segment in segments]
    by_number: dict[int, dict[StreamName, list[int]]] = {}
    for stream, each in wanted.items():
        for sequence, time in each.items():
            # Within a millisecond, one segment may end and the next one begin.
            for number in range(bisect_left(times, time), min(bisect_right(times, time) + 1, len(segments))):
                by_number.setdefault(number, {}).setdefault(stream, []).append(sequence)
    return [(segments[number], streams) for number, streams in sorted(by_number.items())]


class _Kept(Generic[ValueT]):
    """What was read last, up to a total size. Threads may share it; two may read the same at once.

    Args:
        most: The total size.
        size: Returns the size of a value.
    """

    def __init__(self, *, most: int, size: Callable[[ValueT], int]) -> None:
        self._most = most
        self._size_of = size
        self._lock = Lock()
        self._values: OrderedDict[Hashable, ValueT] = OrderedDict()
        self._size = 0

    def has(self, key: Hashable) -> bool:
        """Whether a value is kept."""
        return key in self._values

    def get(self, key: Hashable, read: Callable[[], ValueT]) -> ValueT:
        """Return a value, which is read unless it is kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = read()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._size += self._size_of(value)
            # The newest one stays, however large it is.
            while self._size > self._most and len(self._values) > 1:
                self._size -= self._size_of(self._values.popitem(last=False)[1])
        return value
