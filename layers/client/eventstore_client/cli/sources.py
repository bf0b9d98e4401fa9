"""Files of events: NDJSON, JSON arrays, single events and Temporal histories. The content decides which format it is.

The text of each event is published unchanged; from events that a hub exported, the hub's attributes are removed. NDJSON
is read line by line, so that it may have any size. The other formats are one JSON value, which is held in memory while
its events are extracted. All formats may be compressed with gzip.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from eventstore.cloudevents import from_json
from eventstore.cloudevents.json_text import decoded, elements, members
from eventstore.errors import EventstoreError, Invalid, Malformed
from eventstore.streams import stream_name, stream_of
from eventstore_client.cli.exported import as_published
from eventstore_client.cli.files import (
    READ_ERRORS,
    Version,
    decompressed,
    decompressed_name,
    read_failure,
    temporary_copy,
)
from eventstore_client.cli.temporal import history_events, is_history, is_history_event, workflow_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path


__all__ = ["Fault", "Item", "Source", "spooled"]

_EVENT_BYTES = 256 * 1024
"""The greatest size of an event that the hub accepts."""

_NDJSON_SUFFIXES = {".ndjson", ".jsonl"}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHANGED = "changed while it was read; load it again when it is complete"


@dataclass(frozen=True, slots=True)
class Item:
    """A valid event to publish.

    Attributes:
        text: The event in the CloudEvents JSON format.
        stream: The stream that it is published to.
        place: The file and line of the event, for messages.
        size: The size of the text in UTF-8 bytes.
        named_for: The workflow id if it is the name of the file; else empty.
        sequence: The sequence of an exported event in its stream; 0 for others.
    """

    text: str
    stream: str
    place: str
    size: int
    named_for: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """An event or file that cannot be published.

    Attributes:
        place: The file and line.
        reason: Why it cannot be published.
    """

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of events, which can be read several times.

    Attributes:
        path: The path of the file.
        name: The name in messages; by default, the path.
        stream: The stream of all events; None leaves it to the attributes of each event.
        is_copy: Whether the file is a temporary copy of a pipe, whose name has no meaning.
        is_export: Whether every event must be exported by a hub, those of a stream in their order.
    """

    path: Path
    name: str = ""
    stream: str | None = None
    is_copy: bool = False
    is_export: bool = False
    _versions: list[Version] = field(default_factory=list, init=False, repr=False, compare=False)

    def items(self) -> Iterator[Item | Fault]:
        """Iterate over the events in order. Reading continues after a line with a fault.

        A file that changed since it was read before, or since reading began, yields a fault.
        """
        try:
            with self.path.open("rb") as file:
                version = Version.of(file)
                if version != (self._versions or [version])[0]:
                    yield Fault(self._name, _CHANGED)
                    return
                self._versions[:] = [version]
                items = self._items(decompressed(file))
                yield from _in_order(items) if self.is_export else items
                if Version.of(file) != version:
                    yield Fault(self._name, _CHANGED)
        except READ_ERRORS as error:
            yield Fault(self._name, read_failure(error))

    @property
    def _name(self) -> str:
        return self.name or str(self.path)

    def _items(self, file: BinaryIO) -> Iterator[Item | Fault]:
        for number, line in enumerate(file, 1):
            if not line.removeprefix(_BYTE_ORDER_MARK).strip():
                continue
            if self._is_ndjson(line):
                yield self._line(number, line)
                yield from (self._line(n, text) for n, text in enumerate(file, number + 1) if text.strip())
            else:
                file.seek(0)
                yield from self._document(file.read())
            return
        yield Fault(self._name, "is empty: expected an event")

    def _is_ndjson(self, first: bytes) -> bool:
        if not self.is_copy and decompressed_name(self.path).suffix in _NDJSON_SUFFIXES:
            return True
        try:
            return not is_history(members(decoded(first)))
        except Malformed:
            return False

    def _line(self, number: int, line: bytes) -> Item | Fault:
        place = f"{self._name}:{number}"
        try:
            return self._item(decoded(line.strip()), place)
        except EventstoreError as error:
            return Fault(place, error.detail.replace("at line 1, column", "at column"))

    def _document(self, content: bytes) -> Iterator[Item | Fault]:
        try:
            text = decoded(content)
            if text.lstrip().startswith("["):
                yield from self._array(text)
                return
            document = members(text)
            if not is_history(document):
                yield self._checked(text.strip(), f"{self._name}:{_line_of(text, 0)}")
                return
            events = document["events"].text
            yield from self._history(text, elements(events), start=text.index(events), pointer="/events")
        except EventstoreError as error:
            yield Fault(self._name, _reason(error))

    def _array(self, text: str) -> Iterator[Item | Fault]:
        events = elements(text)
        if events and events[0].startswith("{") and is_history_event(members(events[0])):
            yield from self._history(text, events, start=0, pointer="")
            return
        for index, (element, line) in enumerate(zip(events, _lines(text, events), strict=True)):
            yield self._checked(element, f"{self._name}:{line} (element {index})")

    def _history(self, text: str, entries: Sequence[str], *, start: int, pointer: str) -> Iterator[Item | Fault]:
        named_for = "" if workflow_of(entries) else decompressed_name(self.path).stem
        if entries and named_for and self.is_copy:
            raise Invalid("the history has no workflowId, and a pipe has no name to use instead; pass it as a file")
        events = history_events(entries, name=named_for, pointer=pointer)
        for event, line in zip(events, _lines(text, entries, start=start), strict=True):
            yield self._checked(event, f"{self._name}:{line}", named_for=named_for)

    def _checked(self, text: str, place: str, *, named_for: str = "") -> Item | Fault:
        try:
            return self._item(text, place, named_for=named_for)
        except EventstoreError as error:
            return Fault(place, _reason(error))

    def _item(self, text: str, place: str, *, named_for: str = "") -> Item:
        text, exported_from = as_published(text)
        event = from_json(text)
        if len(event.body) > _EVENT_BYTES:
            raise Invalid(f"the event has {len(event.body)} bytes; the limit is {_EVENT_BYTES}")
        name = self.stream if self.stream is not None else exported_from.stream if exported_from else None
        if self.is_export and exported_from is None:
            raise Invalid("no hub exported the event: it has no hubstream and hubsequence; use `eventstore load`")
        stream = stream_of(event) if name is None else stream_name(name)
        sequence = exported_from.sequence if exported_from else 0
        return Item(text, stream, place, len(text.encode()), named_for, sequence)


def _in_order(items: Iterable[Item | Fault]) -> Iterator[Item | Fault]:
    """Iterate over exported events. One that is behind a later event of its stream is a fault."""
    newest: dict[str, int] = {}
    for item in items:
        if isinstance(item, Item):
            before = newest.get(item.stream, 0)
            if item.sequence <= before:
                yield Fault(
                    item.place,
                    f"hubsequence {item.sequence} of stream {item.stream!r} comes after {before}: the events of a "
                    "stream must be in their order, as `eventstore export` writes them",
                )
                continue
            newest[item.stream] = item.sequence
        yield item


@contextmanager
def spooled(stream: BinaryIO, *, name: str, into: str | None = None, is_export: bool = False) -> Iterator[Source]:
    """Copy a pipe to a temporary file, and return it as a source, which can be read twice.

    Args:
        stream: The pipe.
        name: The name in messages.
        into: The stream of all events; None leaves it to the attributes of each event.
        is_export: As of `Source`.

    Raises:
        BadInput: The pipe cannot be read, or the file cannot be written.
    """
    with temporary_copy(stream, name=name) as path:
        yield Source(path=path, name=name, stream=into, is_copy=True, is_export=is_export)


def _reason(error: EventstoreError) -> str:
    pointer = error.pointer if isinstance(error, Invalid) else ""
    return f"{error.detail} (at {pointer})" if pointer else error.detail


def _lines(text: str, slices: Sequence[str], *, start: int = 0) -> Iterator[int]:
    """Iterate over the line numbers of the slices.

    The slices are in order, with only white space and punctuation between them, so that a search finds the right one.
    """
    line, counted_to = 1, 0
    for part in slices:
        position = text.index(part, max(start, counted_to))
        line += text.count("\n", counted_to, position)
        counted_to = position
        yield line
        start = position + len(part)


def _line_of(text: str, position: int) -> int:
    return 1 + text.count("\n", 0, len(text) - len(text[position:].lstrip()))
