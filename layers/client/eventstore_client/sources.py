"""Files of events: NDJSON, JSON arrays, single events and Temporal histories, told apart by what stands in them.

Each event's text goes on as it stands in the file. NDJSON is read line by line, whatever its length; the other forms
are one JSON value, and held in memory while their events are taken out.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, BinaryIO

from eventstore.cloudevents import from_json
from eventstore.cloudevents.json_text import decoded, elements, members
from eventstore.errors import EventstoreError, Invalid, Malformed
from eventstore.streams import stream_name, stream_of
from eventstore_client.temporal import history_events, is_history, stream_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore.cloudevents.json_text import Member

__all__ = ["Fault", "Item", "Source", "spooled"]

_EVENT_BYTES = 256 * 1024
"""The most that the hub takes of one event."""

_LINES = {".ndjson", ".jsonl"}


@dataclass(frozen=True, slots=True)
class Item:
    """A valid event, to be published.

    Attributes:
        text: In the CloudEvents JSON format.
        stream: Where it belongs.
        place: Where it was found, for a person.
        size: The bytes of the text in UTF-8.
    """

    text: str
    stream: str
    place: str
    size: int


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
    """

    path: Path
    name: str = ""
    stream: str | None = None

    def items(self) -> Iterator[Item | Fault]:
        """Its events in order. After a line that is at fault, the next ones are still read."""
        try:
            with self.path.open("rb") as file:
                yield from self._items(file)
        except OSError as error:
            yield Fault(self._name, f"cannot be read: {error.strerror or error}")

    @property
    def _name(self) -> str:
        return self.name or str(self.path)

    def _items(self, file: BinaryIO) -> Iterator[Item | Fault]:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            if self._is_lines(line):
                yield self._line(number, line)
                yield from (self._line(n, text) for n, text in enumerate(file, number + 1) if text.strip())
            else:
                file.seek(0)
                yield from self._document(file.read())
            return

    def _is_lines(self, first: bytes) -> bool:
        if self.path.suffix in _LINES:
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
            yield from self._history(text, document)
        except EventstoreError as error:
            yield Fault(self._name, _reason(error))

    def _array(self, text: str) -> Iterator[Item | Fault]:
        found = elements(text)
        for index, (element, line) in enumerate(zip(found, _lines(text, found), strict=True)):
            yield self._checked(element, f"{self._name}:{line} (element {index})")

    def _history(self, text: str, document: Mapping[str, Member]) -> Iterator[Item | Fault]:
        events = history_events(document, name=self.path.stem)
        lines = _lines(text, elements(document["events"].text), start=text.index(document["events"].text))
        for event, line in zip(events, lines, strict=True):
            yield self._checked(event, f"{self._name}:{line}", history=True)

    def _checked(self, text: str, place: str, *, history: bool = False) -> Item | Fault:
        try:
            return self._item(text, place, history=history)
        except EventstoreError as error:
            return Fault(place, _reason(error))

    def _item(self, text: str, place: str, *, history: bool = False) -> Item:
        event = from_json(text)
        if len(event.body) > _EVENT_BYTES:
            raise Invalid(f"the event is {len(event.body)} bytes long; at most {_EVENT_BYTES} are taken")
        if self.stream is not None:
            stream = stream_name(self.stream)
        else:
            stream = stream_for(str(event.attributes["workflowid"])) if history else stream_of(event)
        return Item(text, stream, place, len(text.encode()))


@contextmanager
def spooled(stream: BinaryIO, *, name: str, into: str | None = None) -> Iterator[Source]:
    """What comes in on a stream as a source, kept in a temporary file so that it can be read twice."""
    with tempfile.NamedTemporaryFile(prefix="eventstore-") as file:
        copyfileobj(stream, file)
        file.flush()
        yield Source(path=Path(file.name), name=name, stream=into)


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
