from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import quote, urlencode

from eventstore.cloudevents.json_text import decoded, elements, members
from eventstore.errors import EventstoreError
from eventstore_client.backoff import Backoff
from eventstore_client.credentials import from_environment
from eventstore_client.datarefs import Whole
from eventstore_client.errors import HistoryLost, UnexpectedAnswer
from eventstore_client.events import Recorded, Stored, encoded
from eventstore_client.losses import Loss
from eventstore_client.messages import Request, loss_of
from eventstore_client.subscription import Subscription
from eventstore_client.transport import Transport, checked_url, private_url, websocket_url
from eventstore_client.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    from eventstore_client.credentials import Credentials
    from eventstore_client.events import Publishable

__all__ = ["DEFAULT_URL", "EventStore"]

DEFAULT_URL = "http://127.0.0.1:8081"
"""Where `make dev` answers."""

_BATCH = "application/cloudevents-batch+json"

_LOSSES = {"missing", "missing_more", "gone"}
"""Members of a page that say what was removed before it."""


@dataclass(slots=True)
class EventStore:
    """A hub. It may be used by many threads at once, and as a context manager.

    A process that is forked may use it, too, over connections of its own; what `subscribe` and `work` return belongs to
    the process that called them. Calls block: from an event loop, make them in a thread (`asyncio.to_thread`).

    A call that finds the hub away or busy is tried again (`Backoff`). That is safe for `publish` as well: the hub
    stores an event of the same source and id once, and says so, even where `expected` no longer holds.

    The environment's HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY count for requests and for WebSockets, in either
    case, unless the hub is on this machine. A proxy sees the hub's host and port, and none of the credentials.

    Attributes:
        url: Where the hub answers; else the environment's EVENTSTORE_URL, else `DEFAULT_URL`.
        connections: How many are kept open; give it the number of threads.
        backoff: How, and for how long, a request is tried again. What `subscribe` and `work` return tries in the same
            way, and for as long as their own `patience` says.
        websocket_url: Where the hub answers over WebSocket; else, where `url` is from the environment, its
            EVENTSTORE_WEBSOCKET_URL. A hub such as `make dev` needs neither: the address is told by `url`.
        credentials: What the hub is shown: `Bearer`, `ApiKey` or `AwsIam`; else what the environment's EVENTSTORE_TOKEN
            or EVENTSTORE_API_KEY holds. Only this hub is shown it, redirections are not followed; and over https and
            wss alone, unless it is on this machine (localhost, 127.0.0.0/8, ::1).

    Raises:
        ConnectFailed: `url` is no address, or the environment's proxy is none over HTTP.
        NoCredentials: The environment has two.
        Unencrypted: There are credentials, and the address is neither encrypted nor of this machine; so say `subscribe`
            and `work` of `websocket_url`.
    """

    url: str | None = None
    connections: int = field(default=8, kw_only=True)
    backoff: Backoff = field(default=Backoff(), kw_only=True)
    websocket_url: str | None = field(default=None, kw_only=True)
    credentials: Credentials | None = field(default=None, kw_only=True)
    _transport: Transport = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.url is None and self.websocket_url is None:
            self.websocket_url = os.environ.get("EVENTSTORE_WEBSOCKET_URL") or None
        self.url = checked_url(self.url or os.environ.get("EVENTSTORE_URL") or DEFAULT_URL)
        if self.credentials is None:
            self.credentials = from_environment()
        self._transport = Transport(private_url(self.url, self.credentials), self.connections, self.credentials)

    def publish(
        self, events: Iterable[Publishable], *, stream: str | None = None, expected: int | None = None
    ) -> list[Stored]:
        """Store events in one request, all or none of each stream, and say where each stands.

        Args:
            events: In the order in which they are to stand; at most 1,000, 256 KiB each and 3 MiB together.
            stream: Where all of them belong; without it, each event's own attributes say so.
            expected: Where the stream ends, as the caller believes; 0 for a new one.

        Raises:
            WrongExpectedVersion: The stream ends elsewhere. Nothing was stored.
            EventConflict: The stream holds another event of the same source and id. Nothing was stored there.
            Invalid: An event breaks a rule; `errors` names it by its index.
        """
        if isinstance(events, str | bytes | dict):
            raise TypeError("publish takes several events; put a single one in a list")
        texts = [encoded(event) for event in events]
        if not texts:
            return []
        path = "/api/v1/events" + (f"?{urlencode({'stream': stream})}" if stream is not None else "")
        body = f"[{','.join(texts)}]".encode()
        headers = {"Content-Type": _BATCH, **_precondition(expected)}
        answer = self._call("POST", path, body=body, headers=headers)
        try:
            results = json.loads(answer)["results"]
            stored = [Stored(r["stream"], int(r["sequence"]), r["id"], bool(r["duplicate"])) for r in results]
        except (ValueError, KeyError, TypeError) as error:
            raise self._not_understood("a publish", answer) from error
        if len(stored) != len(texts):
            raise UnexpectedAnswer(f"{self.url} answers for {len(stored)} events, and {len(texts)} were published")
        return stored

    def read(
        self,
        stream: str,
        *,
        start: int = 1,
        stop: int | None = None,
        page: int = 500,
        on_loss: Callable[[Loss], object] | None = None,
    ) -> Iterator[Recorded]:
        """The events of a stream in order, asked for page by page as they are used up.

        Args:
            stream: Its name.
            start: The least sequence wanted.
            stop: The greatest one wanted; else all that are there.
            page: How many to ask for at once, 1 to 1,000.
            on_loss: Told of events that were removed before the reading came to them; returning accepts the loss, and
                the reading goes on behind it. Without it, iterating raises `HistoryLost`.

        Raises:
            HistoryLost: Events were removed while the stream was read.
            NotFound: There is no such stream.
            Gone: It was deleted for good, or the store was made anew while it was read.
        """
        wanted: dict[str, str | int] = {"from": start, "limit": page}
        if stop is not None:
            wanted["to"] = stop
        path = f"/api/v1/streams/{quote(stream, safe='')}/events"
        while True:
            answer = self._call("GET", f"{path}?{urlencode(wanted)}")
            try:
                found = members(decoded(answer))
                events = [Recorded.from_text(text) for text in elements(found["events"].text)]
                loss = loss_of({name: found[name].value for name in _LOSSES & found.keys()})
            except (ValueError, KeyError, EventstoreError) as error:
                raise self._not_understood("a read", answer) from error
            if loss != Loss():
                if on_loss is None:
                    raise HistoryLost(loss, cursor="")
                on_loss(loss)
            yield from events
            following = found.get("next")
            if following is None or following.value is None:
                return
            wanted["cursor"] = str(following.value)

    def subscribe(
        self,
        *,
        filters: Iterable[Mapping[str, Any]] = (),
        stream: str | Iterable[str] | None = None,
        start: Literal["now", "start"] = "now",
        cursor: str | None = None,
        on_loss: Callable[[Loss], object] | None = None,
        patience: float | None = None,
        ping_every: float = 240.0,
        follow_dataref: bool = True,
    ) -> Subscription:
        """The events that match, those stored so far and then those to come; see `Subscription`.

        Once this has returned, every matching event that is published from then on will be handed out.

        Args:
            filters: In the dialects of the CloudEvents Subscriptions API 1.0 (3.2.4), such as
                `{"prefix": {"type": "io.flunq.task."}}` or `{"sql": "priority > 3"}`; all of them must match.
            stream: A stream's name, or up to 100 of them; else all streams.
            start: `now`, or `start` for the oldest event that is kept.
            cursor: Goes on where a `Subscription.cursor` stood, or that of a page of `GET /api/v1/events`; `start`
                counts only where it is None or empty.
            on_loss: Told of events that were removed before they were received; returning accepts the loss, and the
                subscription goes on. Without it, iterating raises `HistoryLost`.
            patience: Seconds in which it tries to connect, now and whenever a connection breaks; None for ever. The log
                (`eventstore_client`) says that it does, and why.
            ping_every: Seconds between signs of life; the hub lets a connection go that is quiet for 10 minutes.
            follow_dataref: Fetch the data of an event that is too large for a frame, from `url`; without it, or if the
                event is not kept there any more, it is handed out as it came, with `dataref` and no data.

        Raises:
            Invalid: A filter, a stream's name or the cursor is wrong.
            Denied: The hub does not take the credential, or it allows something else.
            Gone: A stream named was deleted for good.
            ConnectFailed: `websocket_url` is missing, or the hub stayed away for longer than `patience`.
            Unencrypted: As `EventStore` says.
        """
        if isinstance(filters, str | bytes | dict):
            raise TypeError("subscribe takes several filters; put a single one in a list")
        streams = [stream] if isinstance(stream, str) else [*(stream or ())]
        return Subscription(
            self._live_url(),
            Request(filters=[*filters], streams=streams, start=start),
            cursor=cursor or None,
            backoff=self._live_backoff(patience),
            ping_every=ping_every,
            on_loss=on_loss,
            credentials=self.credentials,
            whole=Whole(self._transport) if follow_dataref else None,
        )

    def work(
        self,
        name: str,
        *,
        on_loss: Callable[[Loss], object] | None = None,
        patience: float | None = None,
        ping_every: float = 240.0,
        alive_every: float | None = None,
        follow_dataref: bool = True,
    ) -> Worker:
        """A member of a durable subscription, to be given a handler; see `Worker.run`.

        Args:
            name: The subscription's.
            on_loss: Told of events that were removed before they were handled. Without it, running raises
                `HistoryLost`.
            patience: As for `subscribe`.
            ping_every: As for `subscribe`.
            alive_every: Seconds within which the hub hears that the member is at work on what it was sent, also while a
                handler runs; None, or more than that, for a third of the subscription's `ack_deadline`.
            follow_dataref: As for `subscribe`.

        Raises:
            ConnectFailed: `websocket_url` is missing.
            Unencrypted: As `EventStore` says.
        """
        return Worker(
            self._live_url(),
            name,
            backoff=self._live_backoff(patience),
            ping_every=ping_every,
            alive_every=alive_every,
            on_loss=on_loss,
            credentials=self.credentials,
            whole=Whole(self._transport) if follow_dataref else None,
        )

    def stream(self, stream: str) -> Mapping[str, Any]:
        """What the hub says of a stream: its head, first, count, bytes, times, retention and labels.

        Raises:
            NotFound: There is no such stream.
        """
        return self._object(self._call("GET", f"/api/v1/streams/{quote(stream, safe='')}"))

    def health(self) -> Mapping[str, Any]:
        """What the hub says of itself. It is asked once, for the answer is about now.

        Raises:
            Unavailable: It is there, and cannot work.
        """
        return self._object(self._transport.send("GET", "/health"))

    def close(self) -> None:
        """Let the connections go. Calls in flight end as they would have."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _call(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        return self.backoff.call(lambda: self._transport.send(method, path, body=body, headers=headers))

    def _live_backoff(self, patience: float | None) -> Backoff:
        return replace(self.backoff, patience=inf if patience is None else patience)

    def _live_url(self) -> str:
        return private_url(websocket_url(self.websocket_url, url=str(self.url)), self.credentials)

    def _object(self, answer: bytes) -> Mapping[str, Any]:
        try:
            found = json.loads(answer)
        except ValueError as error:
            raise self._not_understood("a question", answer) from error
        if not isinstance(found, dict):
            raise self._not_understood("a question", answer)
        return found

    def _not_understood(self, what: str, answer: bytes) -> UnexpectedAnswer:
        return UnexpectedAnswer(
            f"{self.url} answers {what} with {answer[:80]!r}, as no hub does; is it the hub that runs there?"
        )


def _precondition(expected: int | None) -> Mapping[str, str]:
    if expected is None:
        return {}
    return {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}
