"""Readers over REST, page by page, with cursors that they keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.chaos.cursors import PositionBounds
from tests.chaos.interests import Account, Interest, drawn_interest
from tests.chaos.rules.content import check_event
from tests.chaos.rules.removals import check_ranges, check_settled, ranges_of
from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from tests.chaos.log import Stream
    from tests.chaos.world import World

__all__ = ["PageReader", "Pages"]


class PageReader:
    """Somebody who reads all streams, or one, forwards or backwards.

    Attributes:
        stream: The one that is read by its own pages; None to read all streams' events.
        done: Whether the last page was the end.
    """

    def __init__(self, world: World, name: str, interest: Interest, *, stream: str | None, backwards: bool) -> None:
        self.world = world
        self.name = name
        self.interest = interest
        self.stream = stream
        self.backwards = backwards
        self.account = Account()
        self.done = False
        self.ended = False
        self._cursor: str | None = None
        self._last: dict[str, int] = {}
        self._heads: dict[str, int] = {}
        self._limit = world.rng.randint(1, 12)
        self._begun = False

    def _begin(self) -> None:
        """What is there as the first page is read is owed from here on."""
        self._begun = True
        firsts = self.world.firsts()
        for stream in self.world.log.streams.values():
            self.account.start(stream.name, owed=firsts[stream.name])
            self._heads[stream.name] = stream.head

    def read(self) -> None:
        """One more page."""
        begins = not self._begun
        if begins:
            self._begin()
        reply = self.world.hub.rest("GET", self._url())
        page = reply.json
        self.world.note(f"{self.name} {self._url()[:60]}: {reply.status} {_short(page)}")
        if reply.status in {404, 410}:
            self._refused(page)
            return
        if reply.status != 200:
            raise Violation("reading goes on", f"{self.name}: {reply.status} {page}", self.name)
        if begins:
            # What this first read itself found to be too old is not there for who begins.
            for stream, first in self.world.firsts().items():
                self.account.excuse(stream, 1, first - 1)
        self._report(page)
        for received in page["events"]:
            self._receive(received)
        self.done = "next" not in page
        self._keep(page)
        if self.done:
            self._check_end()

    def _url(self) -> str:
        query: dict[str, Any] = {**(self.interest.parameters or {}), "limit": self._limit}
        if self._cursor:
            query["cursor"] = self._cursor
        if self.stream is not None:
            query["direction"] = "backwards" if self.backwards else "forwards"
            return f"/streams/{self.stream}/events?{urlencode(query, doseq=True)}"
        query["order"] = "desc" if self.backwards else "asc"
        if self.interest.streams:
            # A read of all streams names one of them.
            query["stream"] = self.interest.streams[0]
        return f"/events?{urlencode(query, doseq=True)}"

    def _refused(self, problem: dict[str, Any]) -> None:
        """A refused reader stops; the refusal must have a reason."""
        self.ended = True
        reasons = {
            "new-epoch": any(self.world.log.generations),
            "stream-gone": self.stream is not None and self.world.log.stream(self.stream).gone,
            "stream-not-found": self.stream is not None and not self.world.log.stream(self.stream).head,
        }
        if not reasons.get(problem["code"]):
            raise Violation("reading goes on", f"{self.name}: {problem}", self.name)

    def _report(self, page: dict[str, Any]) -> None:
        ranges = ranges_of(page)
        check_ranges(
            self.name, ranges, self.world.log, self.interest, account=self.account, first_kept=self.world.first_kept
        )
        for name, first, last in ranges:
            self.account.excuse(name, first, last)
        if page.get("missing_more"):
            firsts = self.world.firsts()
            for stream in self._streams():
                self.account.excuse(stream.name, 1, firsts[stream.name] - 1)

    def _receive(self, received: dict[str, Any]) -> None:
        event = check_event(self.name, self.world.log, received)
        name, last = event.stream, self._last.get(event.stream)
        if not self.interest.wants(event):
            raise Violation("only matching events are sent", f"{self.name}: {event}", name, self.name)
        if last is not None and (event.sequence >= last if self.backwards else event.sequence <= last):
            text = f"{self.name}: {name} {event.sequence} after {last}"
            raise Violation("a stream comes in its order", text, name, self.name)
        self._last[name] = event.sequence
        if not self.backwards:
            early = self.account.open_of(self.interest, self.world.log.stream(name), before=event.sequence)
            if early is not None:
                text = f"{self.name}: {name} {early.sequence} did not come before {event.sequence}"
                raise Violation("owed events arrive or are reported missing", text, name, self.name)
        self.account.take(name, event.sequence)

    def _keep(self, page: dict[str, Any]) -> None:
        self._cursor = page.get("next") or page.get("cursor")
        if self.stream is None and not self.backwards and self._cursor and not self.interest.streams:
            log = self.world.log
            places = {}
            # The pages have reported the removals until now.
            removed = {name: first - 1 for name, first in self.world.firsts().items()}
            for partition, end in enumerate(log.ends):
                had = [
                    stream.events[self._last[stream.name] - 1].at + 1
                    for stream in log.of_partition(partition)
                    if stream.name in self._last
                ]
                places[partition] = PositionBounds(log.generations[partition], max(had, default=0), end)
            self.world.cursors.note(self._cursor, places, removed=removed)
            self.world.page_tokens.append(self._cursor)
            del self.world.page_tokens[:-10]
        if self.stream is not None and "next" not in page:
            # Pages of one stream have no cursor at their end; it is done with.
            self._cursor = None

    def _streams(self) -> list[Stream]:
        streams = self.world.log.streams
        if self.stream is not None:
            return [streams[self.stream]] if self.stream in streams else []
        return [stream for stream in streams.values() if self.interest.concerns(stream.name)]

    def _check_end(self) -> None:
        """The end was reached: all that was there came."""
        if self.backwards:
            firsts = self.world.firsts()
            for stream in self._streams():
                # What was removed meanwhile need not have come; what was stored meanwhile cannot have.
                self.account.excuse(stream.name, 1, firsts[stream.name] - 1)
                self.account.excuse(stream.name, self._heads.get(stream.name, 0) + 1, stream.head)
            self.ended = True
        if self.stream is not None:
            self.ended = True
        check_settled(self.name, self.interest, self.account, self._streams())
        for stream in self._streams():
            self.account.settle(stream)


def _short(page: dict[str, Any]) -> str:
    if "events" not in page:
        return str(page)[:200]
    events = " ".join(f"{stream['hubstream']}/{stream['hubsequence']}" for stream in page["events"])
    return f"{events} missing {page.get('missing')} next {'next' in page}"


class Pages:
    """All readers, and what they do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._count = 0

    def start(self) -> None:
        world, rng = self.world, self.world.rng
        self._count += 1
        interest = drawn_interest(rng, world.log.streams)
        while interest.parameters is None or len(interest.streams) > 1:
            interest = drawn_interest(rng, world.log.streams)
        names = [name for name, stream in world.log.streams.items() if stream.head and not stream.gone]
        stream = rng.choice(names) if names and rng.random() < 0.4 else None
        if stream is not None and interest.streams:
            interest = Interest(interest.filters, interest.wanted, interest.parameters)
        backwards = rng.random() < 0.3
        reader = PageReader(world, f"reader-{self._count}:", interest, stream=stream, backwards=backwards)
        world.readers.append(reader)
        if len(world.readers) > 8:
            del world.readers[0]

    def read(self) -> None:
        self._on(lambda _: True)

    def read_later(self) -> None:
        """On from the cursor of a page that was the last one then."""
        self._on(lambda reader: reader.done)

    def _on(self, which: Any) -> None:  # noqa: ANN401 - a predicate
        readers = [stream for stream in self.world.readers if which(stream)]
        if readers:
            reader = self.world.rng.choice(readers)
            reader.read()
            if reader.ended:
                self.world.readers.remove(reader)
