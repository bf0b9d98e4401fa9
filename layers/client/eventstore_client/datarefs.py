"""Events that came without their data, for they are too large for a frame (docs/protocol.md, "events")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from eventstore.cloudevents.json_text import members
from eventstore.errors import EventstoreError
from eventstore_client.errors import Gone, NotFound, UnexpectedAnswer
from eventstore_client.events import Recorded

if TYPE_CHECKING:
    from eventstore_client.transport import Transport

__all__ = ["Whole", "path_of"]


@dataclass(frozen=True, slots=True)
class Whole:
    """Fetches what a frame left out, from the hub that the client knows and nowhere else."""

    transport: Transport

    def __call__(self, event: Recorded) -> Recorded:
        """The event with its data; as it is, if it has them, refers to another place, or is kept no more.

        Raises:
            ConnectFailed, Unavailable: The hub does not answer for now.
            Denied: The credential does not allow to read.
        """
        path = path_of(event, self.transport.url)
        if path is None:
            return event
        try:
            answer = self.transport.send("GET", path)
        except (NotFound, Gone):
            return event
        try:
            found = Recorded.from_text(answer.decode())
        except (KeyError, ValueError, EventstoreError) as error:
            raise UnexpectedAnswer(
                f"{self.transport.url} answers {path} with {answer[:80]!r}, as no hub does"
            ) from error
        # A producer's own reference may lead to another event of the hub.
        return found if (found.stream, found.sequence) == (event.stream, event.sequence) else event


def path_of(event: Recorded, url: str) -> str | None:
    """Where the hub at `url` has the whole event; None if it is whole, or its reference is not that hub's."""
    reference = event.attributes.get("dataref")
    if not isinstance(reference, str) or members(event.text).keys() & {"data", "data_base64"}:
        return None
    try:
        told = urlsplit(url + reference if reference.startswith("/") else reference)
        path = f"/api/v1/events/{quote(event.id, safe='')}"
        wanted = {"source": str(event.attributes["source"]), "stream": event.stream}
        same = f"{told.scheme}://{told.netloc}{told.path}" == url + path
    except (KeyError, ValueError):
        return None
    # `quote` rather than `+` for a blank: what is signed must read the same to all.
    if same and parse_qs(told.query) == {name: [value] for name, value in wanted.items()}:
        return f"{path}?{urlencode(wanted, quote_via=quote)}"
    return None
