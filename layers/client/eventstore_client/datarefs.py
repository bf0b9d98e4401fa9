"""Fetching the data of events that are too large for a frame (docs/protocol.md, "events")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from eventstore.errors import EventstoreError
from eventstore_client.errors import Gone, NotFound, UnexpectedAnswer
from eventstore_client.recorded import Recorded

if TYPE_CHECKING:
    from eventstore_client.transport import Carrier

__all__ = ["DataFetcher", "event_path"]


@dataclass(frozen=True, slots=True)
class DataFetcher:
    """Fetches the data of an event from the configured hub, and from no other address."""

    transport: Carrier

    def applies_to(self, event: Recorded) -> bool:
        """Whether the hub must be asked for the data of an event."""
        return event_path(event, self.transport.url) is not None

    def __call__(self, event: Recorded) -> Recorded:
        """Return the event with its data.

        The event is returned unchanged if it has its data, if its `dataref` is not an address of this hub, or if the
        hub no longer keeps it.

        Raises:
            ConnectFailed, Unavailable: The hub is unreachable or busy for now.
            Denied: The credentials do not permit reading the event.
        """
        path = event_path(event, self.transport.url)
        if path is None:
            return event
        try:
            answer = self.transport.send("GET", path)
        except (NotFound, Gone):
            return event
        try:
            complete = Recorded.from_text(answer.decode())
        except (KeyError, ValueError, EventstoreError) as error:
            raise UnexpectedAnswer(f"unexpected response from {self.transport.url}{path}: {answer[:80]!r}") from error
        # A producer may have set `dataref` itself, to another event of the hub.
        is_same = (complete.stream, complete.sequence) == (event.stream, event.sequence)
        return complete if is_same else event


def event_path(event: Recorded, url: str) -> str | None:
    """Return the path of the complete event at a hub.

    Args:
        event: An event as the hub sent it in a frame.
        url: The hub's address.

    Returns:
        None if the event has its data, or its `dataref` is not an address of that hub.
    """
    if not event.is_reference:
        return None
    reference = str(event.attributes["dataref"])
    try:
        target = urlsplit(url + reference if reference.startswith("/") else reference)
        path = f"/api/v1/events/{quote(event.id, safe='')}"
        query = {"source": str(event.attributes["source"]), "stream": event.stream}
        is_ours = f"{target.scheme}://{target.netloc}{target.path}" == url + path
    except (KeyError, ValueError):
        return None
    # A space is encoded as %20, never as +: signer and gateway must see the same bytes.
    if is_ours and parse_qs(target.query) == {name: [value] for name, value in query.items()}:
        return f"{path}?{urlencode(query, quote_via=quote)}"
    return None
