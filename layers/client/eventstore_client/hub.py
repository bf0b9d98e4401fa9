"""The client's entry point, `EventStore`: publish, read, search, subscribe and work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from eventstore_client.batches import BatchPublisher
from eventstore_client.calls import several
from eventstore_client.connected_hub import DEFAULT_URL, ConnectedHub
from eventstore_client.datarefs import DataFetcher
from eventstore_client.events import encode_event
from eventstore_client.messages import Request
from eventstore_client.searches import Search, selection_query
from eventstore_client.subscription import Subscription
from eventstore_client.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Unpack

    from eventstore_client.events import Publishable, Recorded, Stored
    from eventstore_client.losses import Loss
    from eventstore_client.searches import Order, Selection

__all__ = ["DEFAULT_URL", "EventStore"]


@dataclass(slots=True)
class EventStore(ConnectedHub):
    """A connection pool to one hub. Threads may share it; it is a context manager.

    A forked process may use its parent's `EventStore`, over connections of its own. Subscriptions and workers belong to
    the process that created them. All calls block: in an event loop, run them in a thread (`asyncio.to_thread`).

    A request that fails because the hub is unreachable or busy is retried (`Backoff`). Retrying `publish` is safe: the
    hub stores one event per source and id, and reports it as a duplicate even if `expected` no longer holds.

    Requests and WebSockets use the proxies that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY configure, in upper or
    lower case, unless the hub is on this machine. A proxy sees the hub's host and port, never the credentials.

    Attributes:
        url: The hub's REST address; by default EVENTSTORE_URL, else `DEFAULT_URL`.
        connections: The number of connections kept open; set it to the number of threads.
        backoff: How, and for how long, requests are retried. `subscribe` and `work` retry in the same way, for as long
            as their own `patience` allows.
        websocket_url: The hub's WebSocket address. If `url` comes from the environment, the default is
            EVENTSTORE_WEBSOCKET_URL. A hub such as `make dev` needs neither: the address is derived from `url`.
        credentials: `Bearer`, `ApiKey` or `AwsIam`; by default the value of EVENTSTORE_TOKEN or EVENTSTORE_API_KEY.
            They are sent to this hub only (redirects are not followed), and only over https and wss, unless the hub is
            on this machine (localhost, 127.0.0.0/8, ::1).
        new_id: Returns the id of a published event that has none; by default, a random UUID.

    Raises:
        ConnectFailed: `url` is not an HTTP address, or the environment's proxy is not an HTTP proxy.
        NoCredentials: Both EVENTSTORE_TOKEN and EVENTSTORE_API_KEY are set.
        Unencrypted: There are credentials, and the address is neither encrypted nor on this machine. `subscribe` and
            `work` raise it for `websocket_url`.
    """

    def publish(
        self, events: Iterable[Publishable], *, stream: str | None = None, expected: int | None = None
    ) -> list[Stored]:
        """Store events in one request, all or none of each stream, and return the position of each.

        Args:
            events: The events in order; at most 1,000, 256 KiB each and 3 MiB together. A mapping without an `id` gets
                one from `new_id`, which is kept when the request is retried.
            stream: The stream of all events; by default, the attributes of each event decide.
            expected: The sequence of the stream's last event, as far as the caller knows; 0 for a new stream.

        Raises:
            WrongExpectedVersion: The stream ends at another sequence. Nothing was stored.
            EventConflict: The stream holds another event of the same source and id. Nothing was stored in it.
            Invalid: An event is invalid; `errors` names it by its index.
        """
        if isinstance(events, str | bytes | dict):
            raise TypeError("publish() expects a list of events; wrap a single event in a list")
        texts = [encode_event(event, new_id=self.new_id) for event in events]
        return self._rest.publish(texts, stream=stream, expected=expected) if texts else []

    def publish_all(
        self,
        events: Iterable[Publishable],
        *,
        stream: str | None = None,
        batch: int = 1_000,
        linger: float = 0.0,
        on_stored: Callable[[Sequence[Stored]], object] | None = None,
    ) -> int:
        """Store any number of events in as many requests as they need, in order, and return their number.

        Each request is stored like one `publish`: all or none of its events of each stream. The requests before one
        that fails are stored. Events that have ids of their own can be passed again: each is stored once.

        The next events are taken from the iterable while a request is in progress. If the iterable raises an exception,
        the events before it are stored.

        Args:
            events: The events in order, 256 KiB each; it may be a generator without an end.
            stream: As for `publish`.
            batch: The greatest number of events per request, 1 to 1,000. A request has at most 512 KiB.
            linger: Seconds to wait for further events before a request that is not full is sent. By default, it is sent
                when the one before it is complete.
            on_stored: Called with the positions of the events of each request, in another thread.

        Raises:
            EventConflict, Invalid: As for `publish`. The error of a request is raised when the next event is taken, or
                at the end.
        """
        if isinstance(events, str | bytes | dict):
            raise TypeError("publish_all() expects an iterable of events; wrap a single event in a list")

        def send(texts: Sequence[str]) -> Sequence[Stored]:
            return self._rest.publish(texts, stream=stream, expected=None)

        with BatchPublisher(send, batch=batch, linger=linger, on_stored=on_stored) as publisher:
            for event in events:
                publisher.put(encode_event(event, new_id=self.new_id))
        return publisher.stored

    def read(
        self,
        stream: str,
        *,
        start: int = 1,
        stop: int | None = None,
        direction: Literal["forwards", "backwards"] = "forwards",
        page: int = 500,
        on_loss: Callable[[Loss], object] | None = None,
        **selection: Unpack[Selection],
    ) -> Iterator[Recorded]:
        """Iterate over the events of a stream in order, fetching a page whenever the last one is used up.

        Args:
            stream: The name of the stream.
            start: The lowest sequence to return.
            stop: The highest sequence to return; by default, the stream's end.
            direction: `forwards` for the oldest event first, `backwards` for the newest.
            page: Events per request, 1 to 1,000.
            on_loss: Called when events were removed before they were read. If it returns, the loss is accepted and
                reading continues behind it. Without it, iterating raises `HistoryLost`.
            **selection: The attributes of the events to return, by default all; see `Selection`.

        Raises:
            HistoryLost: Events were removed while the stream was read.
            NotFound: The stream does not exist.
            Gone: The stream was deleted permanently, or the store was reset while it was read.
        """
        query = {**selection_query(selection), "from": start, "to": stop, "direction": direction, "limit": page}
        fetch = lambda position: self._rest.read_page(stream, {**query, "cursor": position})  # noqa: E731 - it fits a line
        yield from Search(fetch, cursor=None, on_loss=on_loss)

    def search(
        self,
        *,
        stream: str | Iterable[str] | None = None,
        order: Order = "asc",
        cursor: str | None = None,
        page: int = 500,
        on_loss: Callable[[Loss], object] | None = None,
        **selection: Unpack[Selection],
    ) -> Search:
        """Iterate over the events of all streams in the order in which they were stored; see `Search`.

        Args:
            stream: Only events of this stream, or of these.
            order: `asc` for the oldest event first, `desc` for the newest.
            cursor: A `Search.cursor` from which to continue.
            page: Events per request, 1 to 1,000.
            on_loss: As for `read`.
            **selection: The attributes of the events to return, by default all; see `Selection`.

        Raises:
            Invalid: An option is invalid.
            HistoryLost: Events were removed during the search. To continue, search from `Search.cursor` with `on_loss`.
        """
        query = {**selection_query(selection), "stream": several(stream), "order": order, "limit": page}
        fetch = lambda position: self._rest.search_page({**query, "cursor": position})  # noqa: E731 - it fits a line
        return Search(fetch, cursor=cursor, on_loss=on_loss)

    def get(self, event_id: str, *, source: str | None = None, stream: str | None = None) -> Recorded:
        """Return an event by its id.

        Args:
            event_id: The CloudEvents id of the event.
            source: Its source, if several events have this id.
            stream: Its stream, if several events have this id.

        Raises:
            NotFound: There is no such event.
            Conflict: There are several; `problem["candidates"]` lists them.
        """
        return self._rest.event(event_id, {"source": source, "stream": stream})

    def subscribe(
        self,
        *,
        filters: Iterable[Mapping[str, Any]] = (),
        filter_name: str | None = None,
        stream: str | Iterable[str] | None = None,
        start: Literal["now", "start"] = "now",
        cursor: str | None = None,
        on_loss: Callable[[Loss], object] | None = None,
        patience: float | None = None,
        ping_every: float = 240.0,
        follow_dataref: bool = True,
    ) -> Subscription:
        """Follow the events that match, stored and new; see `Subscription`.

        When this returns, the subscription is active: it delivers every matching event published from then on.

        Args:
            filters: Filters in the dialects of the CloudEvents Subscriptions API 1.0 (3.2.4), such as
                `{"prefix": {"type": "io.flunq.task."}}` or `{"sql": "priority > 3"}`; all of them must match.
            filter_name: The name of a filter that the hub keeps; events must match it as well. The hub uses the
                definition that the filter has when the client connects, also when it connects again.
            stream: The name of a stream, or up to 100 names; by default, all streams.
            start: `now`, or `start` for the oldest event kept.
            cursor: A `Subscription.cursor`, or the cursor of a page of `GET /api/v1/events`, to resume from; `start`
                applies only if it is None or empty.
            on_loss: Called when events were removed before they were received. If it returns, the loss is accepted and
                the subscription continues. Without it, iterating raises `HistoryLost`.
            patience: Seconds to keep trying to connect, now and after a connection breaks; None for ever. The logger
                `eventstore_client` reports the retries and their reason.
            ping_every: Seconds between pings; the hub closes a connection that is idle for 10 minutes.
            follow_dataref: Fetch the data of an event that is too large for a frame, from `url`. Without it, or if the
                event is no longer kept, the event is delivered with `dataref` and without data.

        Raises:
            Invalid: A filter, the name of a stream or the cursor is invalid.
            Denied: The hub rejects the credentials, or they do not permit this subscription.
            Gone: A stream was deleted permanently.
            NotFound: There is no filter of this name.
            ConnectFailed: `websocket_url` is missing, or the hub was unreachable for longer than `patience`.
            Unencrypted: See `EventStore`.
        """
        if isinstance(filters, str | bytes | dict):
            raise TypeError("subscribe() expects a list of filters; wrap a single filter in a list")
        streams = several(stream) or []
        return Subscription(
            self._live_url(),
            Request(filters=[*filters], filter_name=filter_name, streams=streams, start=start),
            cursor=cursor or None,
            backoff=self._live_backoff(patience),
            ping_every=ping_every,
            on_loss=on_loss,
            credentials=self.credentials,
            fetch_data=DataFetcher(self._transport) if follow_dataref else None,
        )

    def work(
        self,
        name: str,
        *,
        on_loss: Callable[[Loss], object] | None = None,
        patience: float | None = None,
        ping_every: float = 240.0,
        alive_every: float | None = None,
        concurrency: int = 1,
        follow_dataref: bool = True,
    ) -> Worker:
        """Return a member of a durable subscription, which `Worker.run` gives a handler.

        Args:
            name: The name of the durable subscription.
            on_loss: Called when events were removed before they were handled. If it returns, the loss is accepted.
                Without it, `Worker.run` raises `HistoryLost`.
            patience: As for `subscribe`.
            ping_every: As for `subscribe`.
            alive_every: Seconds between heartbeats for the events that the member holds, sent while a handler runs,
                too. None, and any greater value, means a third of the subscription's `ack_deadline`.
            concurrency: The greatest number of events that are handled at the same time, in as many threads. Those of a
                stream are always handled one after the other, in order.
            follow_dataref: As for `subscribe`.

        Raises:
            ConnectFailed: `websocket_url` is missing.
            Unencrypted: See `EventStore`.
        """
        return Worker(
            self._live_url(),
            name,
            backoff=self._live_backoff(patience),
            ping_every=ping_every,
            alive_every=alive_every,
            concurrency=concurrency,
            on_loss=on_loss,
            credentials=self.credentials,
            fetch_data=DataFetcher(self._transport) if follow_dataref else None,
        )
