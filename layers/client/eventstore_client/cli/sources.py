"""Files of events: NDJSON, JSON arrays, single events and Temporal histories, told apart by what stands in them.

Each event's text goes on as it stands in the file; of an event that a hub wrote out, what the hub added is taken off.
NDJSON is read line by line, whatever its length; the other forms are one JSON value, and held in memory while their
events are taken out. Any of them may be packed by gzip.
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
from eventstore_client.cli.files import READ_ERRORS, Version, kept, reason, unpacked, unpacked_name
from eventstore_client.cli.temporal import history_events, is_history, is_history_event, workflow_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


__all__ = ["Fault", "Item", "Source", "spooled"]

_EVENT_BYTES = 256 * 1024
"""The most that the hub takes of one event."""

_LINES = {".ndjson", ".jsonl"}
_MARK = b"\xef\xbb\xbf"
_CHANGED = "was changed while it was read; load it again once nobody writes to it"


@dataclass(frozen=True, slots=True)
class Item:
    """A valid event, to be published.

    Attributes:
        text: In the CloudEvents JSON format.
        stream: Where it belongs.
        place: Where it was found, for a person.
        size: The bytes of the text in UTF-8.
        named_for: The workflow's id, where it is but the name of the file; else empty.
    """

    text: str
    stream: str
    place: str
    size: int
    named_for: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be published, and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of events; it may be read any number of times.

    Attributes:
        path: Where it stands.
        name: What it is called, for a person; else the path.
        stream: Where all of its events belong; else each says so itself.
        is_kept: It is a copy of what came by a pipe, and the name of its file says nothing.
    """

    path: Path
    name: str = ""
    stream: str | None = None
    is_kept: bool = False
    _versions: list[Version] = field(default_factory=list, init=False, repr=False, compare=False)

    def items(self) -> Iterator[Item | Fault]:
        """Its events in order. After a line that is at fault, the next ones are still read.

        A file that is not what it was when it was read before, or when the reading began, is at fault itself.
        """
        try:
            with self.path.open("rb") as file:
                version = Version.of(file)
                if version != (self._versions or [version])[0]:
                    yield Fault(self._name, _CHANGED)
                    return
                self._versions[:] = [version]
                yield from self._items(unpacked(file))
                if Version.of(file) != version:
                    yield Fault(self._name, _CHANGED)
        except READ_ERRORS as error:
            yield Fault(self._name, reason(error))

    @property
    def _name(self) -> str:
        return self.name or str(self.path)

    def _items(self, file: BinaryIO) -> Iterator[Item | Fault]:
        for number, line in enumerate(file, 1):
            if not line.removeprefix(_MARK).strip():
                continue
            if self._is_lines(line):
                yield self._line(number, line)
                yield from (self._line(n, text) for n, text in enumerate(file, number + 1) if text.strip())
            else:
                file.seek(0)
                yield from self._document(file.read())
            return
        yield Fault(self._name, "is empty: there is no event in it")

    def _is_lines(self, first: bytes) -> bool:
        if not self.is_kept and unpacked_name(self.path).suffix in _LINES:
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
        found = elements(text)
        if found and found[0].startswith("{") and is_history_event(members(found[0])):
            yield from self._history(text, found, start=0, pointer="")
            return
        for index, (element, line) in enumerate(zip(found, _lines(text, found), strict=True)):
            yield self._checked(element, f"{self._name}:{line} (element {index})")

    def _history(self, text: str, found: Sequence[str], *, start: int, pointer: str) -> Iterator[Item | Fault]:
        named_for = "" if workflow_of(found) else unpacked_name(self.path).stem
        if found and named_for and self.is_kept:
            raise Invalid("the history has no workflowId, and comes from no file that could name it; give it as a file")
        events = history_events(found, name=named_for, pointer=pointer)
        for event, line in zip(events, _lines(text, found, start=start), strict=True):
            yield self._checked(event, f"{self._name}:{line}", named_for=named_for)

    def _checked(self, text: str, place: str, *, named_for: str = "") -> Item | Fault:
        try:
            return self._item(text, place, named_for=named_for)
        except EventstoreError as error:
            return Fault(place, _reason(error))

    def _item(self, text: str, place: str, *, named_for: str = "") -> Item:
        text, recorded_in = as_published(text)
        event = from_json(text)
        if len(event.body) > _EVENT_BYTES:
            raise Invalid(f"the event is {len(event.body)} bytes long; at most {_EVENT_BYTES} are taken")
        named = self.stream if self.stream is not None else recorded_in
        stream = stream_of(event) if named is None else stream_name(named)
        return Item(text, stream, place, len(text.encode()), named_for)


@contextmanager
def spooled(stream: BinaryIO, *, name: str, into: str | None = None) -> Iterator[Source]:
    """What comes in on a stream as a source, kept in a temporary file so that it can be read twice.

    Raises:
        BadInput: It cannot be read, or there is no room to keep it.
    """
    with kept(stream, name=name) as path:
        yield Source(path=path, name=name, stream=into, is_kept=True)


def _reason(error: EventstoreError) -> str:
    pointer = error.pointer if isinstance(error, Invalid) else ""
    return f"{error.detail} (at {pointer})" if pointer else error.detail


def _lines(text: str, slices: Sequence[str], *, start: int = 0) -> Iterator[int]:
    """The line of each slice. They stand in order with only space and punctuation between, so a find cannot err."""
    line, at = 1, 0
    for part in slices:
        found = text.index(part, max(start, at))
        line += text.count("\n", at, found)
        at = found
        yield line
        start = found + len(part)


def _line_of(text: str, at: int) -> int:
    return 1 + text.count("\n", 0, len(text) - len(text[at:].lstrip()))
