"""The REST requests of `EventStore`: their paths, headers and bodies, and the parsing of the hub's responses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from eventstore.cloudevents.json_text import decoded, elements, members
from eventstore.errors import EventstoreError
from eventstore_client.calls import Call, path_of
from eventstore_client.errors import ConnectFailed, Gone, NotFound, Unavailable, UnexpectedAnswer
from eventstore_client.events import Recorded, Stored
from eventstore_client.messages import parse_loss

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eventstore_client.backoff import Backoff
    from eventstore_client.calls import Listing, Query
    from eventstore_client.losses import Loss
    from eventstore_client.transport import Reply, Transport

__all__ = ["Page", "Rest"]

Result = TypeVar("Result")
Item = TypeVar("Item")

_BATCH = "application/cloudevents-batch+json"

_LOSS_MEMBERS = {"missing", "missing_more", "gone"}
"""Members of a page that report events removed before it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a stream, or of all streams.

    Attributes:
        events: The events in order.
        loss: The events that were removed before this page; `Loss()` if there are none.
        next_cursor: The cursor of the next page; None on the last page.
        cursor: The position behind this page of all streams; None for a page of one stream.
    """

    events: Sequence[Recorded]
    loss: Loss
    next_cursor: str | None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """The REST API of one hub.

    Attributes:
        transport: Sends the requests.
        backoff: How failed requests are retried.
    """

    transport: Transport
    backoff: Backoff

    def publish(self, events: Sequence[str], *, stream: str | None, expected: int | None) -> list[Stored]:
        """Send one `POST /api/v1/events`.

        Args:
            events: The JSON text of each event.
            stream: The stream of all events; None leaves it to the attributes of each event.
            expected: The last sequence of the stream, 0 for a new stream; None skips the check.
        """
        path = "/api/v1/events" + (f"?{urlencode({'stream': stream})}" if stream is not None else "")
        headers = {"Content-Type": _BATCH, **_precondition(expected)}
        answer = self._call("POST", path, body=f"[{','.join(events)}]".encode(), headers=headers)
        try:
            results = json.loads(answer)["results"]
            stored = [Stored(r["stream"], int(r["sequence"]), r["id"], bool(r["duplicate"])) for r in results]
        except (ValueError, KeyError, TypeError) as error:
            raise self._unexpected("a publish", answer) from error
        if len(stored) != len(events):
            raise UnexpectedAnswer(
                f"unexpected response from {self.transport.url}: {len(stored)} results for {len(events)} events"
            )
        return stored

    def read_page(self, stream: str, query: Query) -> Page:
        """Return one page of a stream.

        Args:
            stream: The name of the stream.
            query: The parameters of the URL's query.
        """
        return self.call(Call(method="GET", path=path_of("streams", stream, "events"), parse=_parse_page, query=query))

    def search_page(self, query: Query) -> Page:
        """Return one page of the events of all streams.

        Args:
            query: The parameters of the URL's query.
        """
        return self.call(Call(method="GET", path=path_of("events"), parse=_parse_page, query=query))

    def event(self, event_id: str, query: Query) -> Recorded:
        """Return one event.

        Args:
            event_id: The id of the event.
            query: The parameters of the URL's query.
        """
        return self.call(Call(method="GET", path=path_of("events", event_id), parse=_parse_event, query=query))

    def stream(self, stream: str) -> Mapping[str, Any]:
        """Return the hub's description of a stream."""
        return self._parse_object(self._call("GET", path_of("streams", stream)))

    def items(self, call: Call[Listing[Item]]) -> Iterator[Item]:
        """Iterate over the items of a list, fetching a page whenever the last one is used up."""
        following: Call[Listing[Item]] | None = call
        while following:
            page = self.call(following)
            yield from page.items
            following = None if page.next_cursor is None else call.following(page.next_cursor)

    def call(self, call: Call[Result]) -> Result:
        """Send a request, and return the parsed response.

        Raises:
            UnexpectedAnswer: The response is not one that a hub sends.
            ClientError: See `Transport.exchange`; temporary failures are retried.
        """
        target, content, headers = call.target, call.content, call.all_headers
        is_retry = False

        def attempt() -> Reply | None:
            nonlocal is_retry
            try:
                return self.transport.exchange(call.method, target, body=content, headers=headers)
            except (ConnectFailed, Unavailable):
                is_retry = True
                raise
            except (NotFound, Gone):
                if is_retry and call.already_done is not None:
                    return None
                raise

        reply = self.backoff.call(attempt)
        if reply is None:
            assert call.already_done is not None  # noqa: S101 - `attempt` checked it
            return call.already_done()
        try:
            return call.parse(reply)
        except (ValueError, KeyError, TypeError, EventstoreError) as error:
            raise self._unexpected(f"{call.method} {call.path}", reply.body) from error

    def health(self) -> Mapping[str, Any]:
        """Return the hub's current health. The request is not retried."""
        return self._parse_object(self.transport.send("GET", "/health"))

    def _call(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        return self.backoff.call(lambda: self.transport.send(method, path, body=body, headers=headers))

    def _parse_object(self, answer: bytes) -> Mapping[str, Any]:
        try:
            value = json.loads(answer)
        except ValueError as error:
            raise self._unexpected("a query", answer) from error
        if not isinstance(value, dict):
            raise self._unexpected("a query", answer)
        return value

    def _unexpected(self, request: str, answer: bytes) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"unexpected response from {self.transport.url} to {request}: {answer[:80]!r}; "
            "is a hub running at this address?"
        )


def _parse_page(reply: Reply) -> Page:
    page = members(decoded(reply.body))
    events = [Recorded.from_text(text) for text in elements(page["events"].text)]
    loss = parse_loss({name: page[name].value for name in _LOSS_MEMBERS & page.keys()})
    following, cursor = (str(page[name].value) if name in page else None for name in ("next", "cursor"))
    return Page(events, loss, following, cursor)


def _parse_event(reply: Reply) -> Recorded:
    return Recorded.from_text(decoded(reply.body))


def _precondition(expected: int | None) -> Mapping[str, str]:
    if expected is None:
        return {}
    return {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}
