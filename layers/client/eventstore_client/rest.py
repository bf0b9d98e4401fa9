"""The REST requests of `EventStore`: their paths, headers and bodies, and the parsing of the hub's responses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from eventstore.cloudevents.json_text import decoded, elements, members
from eventstore.errors import EventstoreError
from eventstore_client.errors import UnexpectedAnswer
from eventstore_client.events import Recorded, Stored
from eventstore_client.messages import parse_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore_client.backoff import Backoff
    from eventstore_client.losses import Loss
    from eventstore_client.transport import Transport

__all__ = ["Page", "Rest"]

_BATCH = "application/cloudevents-batch+json"

_LOSS_MEMBERS = {"missing", "missing_more", "gone"}
"""Members of a page that report events removed before it."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a stream.

    Attributes:
        events: The events in order.
        loss: The events that were removed before this page; `Loss()` if there are none.
        next_cursor: The cursor of the next page; None on the last page.
    """

    events: Sequence[Recorded]
    loss: Loss
    next_cursor: str | None


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

    def read_page(self, stream: str, query: Mapping[str, str | int]) -> Page:
        """Return one page of a stream.

        Args:
            stream: The name of the stream.
            query: The parameters of the URL's query.
        """
        answer = self._call("GET", f"{_stream_path(stream)}/events?{urlencode(query)}")
        try:
            page = members(decoded(answer))
            events = [Recorded.from_text(text) for text in elements(page["events"].text)]
            loss = parse_loss({name: page[name].value for name in _LOSS_MEMBERS & page.keys()})
        except (ValueError, KeyError, EventstoreError) as error:
            raise self._unexpected("a read", answer) from error
        cursor = page["next"].value if "next" in page else None
        return Page(events, loss, None if cursor is None else str(cursor))

    def stream(self, stream: str) -> Mapping[str, Any]:
        """Return the hub's description of a stream."""
        return self._parse_object(self._call("GET", _stream_path(stream)))

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


def _stream_path(stream: str) -> str:
    return f"/api/v1/streams/{quote(stream, safe='')}"


def _precondition(expected: int | None) -> Mapping[str, str]:
    if expected is None:
        return {}
    return {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}
