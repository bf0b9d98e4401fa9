"""The calls for events, which both faces of the client have: publish, read, search, get and subscribe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from eventstore_client.calls import Call, path_of, several
from eventstore_client.connected_hub import ConnectedHub
from eventstore_client.events import Stored, encode_event
from eventstore_client.operations import followed, request, searched, worked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Unpack

    from eventstore_client.calls import Reply
    from eventstore_client.events import Publishable
    from eventstore_client.feed import FeedOptions
    from eventstore_client.losses import Loss
    from eventstore_client.recorded import Recorded
    from eventstore_client.searches import Order, SearchOptions, Selection
    from eventstore_client.worker_options import WorkerOptions

__all__ = ["EventCalls", "publish_call"]

# ruff: noqa: PLC0415 - each call imports what it needs: most programs use few of them

_BATCH = "application/cloudevents-batch+json"


class EventCalls(ConnectedHub):
    """The operations of `EventStore` and `AsyncEventStore` for events."""

    __slots__ = ()

    def _encode(self, event: Publishable) -> str:
        """Return the text of an event, with the trace of the caller."""
        attributes = self.tracing.attributes() if self.tracing else {}
        return encode_event(event, new_id=self.new_id, attributes=attributes)

    @request
    def publish(
        self, events: Iterable[Publishable], *, stream: str | None = None, expected: int | None = None
    ) -> Call[list[Stored]]:
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
        texts = [self._encode(event) for event in events]
        return publish_call(texts, stream=stream, expected=expected)

    @searched
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
    ) -> SearchOptions:
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
        from eventstore_client.searches import SearchOptions, selection_query

        query = {**selection_query(selection), "from": start, "to": stop, "direction": direction, "limit": page}
        return SearchOptions(path=path_of("streams", stream, "events"), query=query, on_loss=on_loss)

    @searched
    def search(
        self,
        *,
        stream: str | Iterable[str] | None = None,
        order: Order = "asc",
        cursor: str | None = None,
        page: int = 500,
        on_loss: Callable[[Loss], object] | None = None,
        **selection: Unpack[Selection],
    ) -> SearchOptions:
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
        from eventstore_client.searches import SearchOptions, selection_query

        query = {**selection_query(selection), "stream": several(stream), "order": order, "limit": page}
        return SearchOptions(path=path_of("events"), query=query, cursor=cursor, on_loss=on_loss)

    @request
    def get(self, event_id: str, *, source: str | None = None, stream: str | None = None) -> Call[Recorded]:
        """Return an event by its id.

        Args:
            event_id: The CloudEvents id of the event.
            source: Its source, if several events have this id.
            stream: Its stream, if several events have this id.

        Raises:
            NotFound: There is no such event.
            Conflict: There are several; `problem["candidates"]` lists them.
        """
        query = {"source": source, "stream": stream}
        return Call(method="GET", path=path_of("events", event_id), parse=_parse_event, query=query)

    @followed
    def subscribe(
        self,
        *,
        type: str | Iterable[str] | None = None,  # noqa: A002 - the name of the attribute, as in `search`
        filters: Iterable[Mapping[str, Any]] = (),
        filter_name: str | None = None,
        stream: str | Iterable[str] | None = None,
        start: Literal["now", "start"] = "now",
        cursor: str | None = None,
        on_loss: Callable[[Loss], object] | None = None,
        patience: float | None = None,
        ping_every: float = 240.0,
        follow_dataref: bool = True,
    ) -> FeedOptions:
        """Follow the events that match, stored and new; see `Subscription`.

        When this returns, the subscription is active: it delivers every matching event published from then on.

        Args:
            type: Only events of this type, or of these; a type that ends in `*` is a prefix.
            filters: Filters in the dialects of the CloudEvents Subscriptions API 1.0 (3.2.4), such as
                `{"prefix": {"type": "io.flunq.task."}}` or `{"sql": "priority > 3"}`; all of them must match.
            filter_name: The name of a filter that the hub keeps; events must match it as well. The hub uses the
                definition that the filter has when the client connects, also when it connects again.
            stream: The name of a stream, or up to 100 names; by default, all streams but forks.
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
        from eventstore_client.datarefs import DataFetcher
        from eventstore_client.feed import FeedOptions
        from eventstore_client.messages import Request
        from eventstore_client.type_filters import filters_of_types

        if isinstance(filters, str | bytes | dict):
            raise TypeError("subscribe() expects a list of filters; wrap a single filter in a list")
        streams = several(stream) or []
        return FeedOptions(
            url=self._live_url(),
            request=Request(
                filters=[*filters_of_types(type), *filters], filter_name=filter_name, streams=streams, start=start
            ),
            cursor=cursor or None,
            backoff=self._live_backoff(patience),
            ping_every=ping_every,
            on_loss=on_loss,
            credentials=self.credentials,
            fetch_data=DataFetcher(self._transport) if follow_dataref else None,
        )

    @worked
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
    ) -> WorkerOptions:
        """Return a member of a durable subscription, which `Worker.run` gives a handler.

        Args:
            name: The name of the durable subscription.
            on_loss: Called when events were removed before they were handled. If it returns, the loss is accepted.
                Without it, `Worker.run` raises `HistoryLost`.
            patience: As for `subscribe`.
            ping_every: As for `subscribe`.
            alive_every: Seconds between heartbeats for the events that the member holds, sent while a handler runs,
                too. None, and any greater value, means a third of the subscription's `ack_deadline`.
            concurrency: The greatest number of events that are handled at the same time, in as many threads or tasks.
                Those of a stream are always handled one after the other, in order.
            follow_dataref: As for `subscribe`.

        Raises:
            ConnectFailed: `websocket_url` is missing.
            Unencrypted: See `EventStore`.
        """
        from eventstore_client.datarefs import DataFetcher
        from eventstore_client.worker_options import WorkerOptions

        return WorkerOptions(
            url=self._live_url(),
            name=name,
            backoff=self._live_backoff(patience),
            ping_every=ping_every,
            alive_every=alive_every,
            concurrency=concurrency,
            on_loss=on_loss,
            credentials=self.credentials,
            fetch_data=DataFetcher(self._transport) if follow_dataref else None,
            tracing=self.tracing,
        )


def publish_call(texts: Sequence[str], *, stream: str | None, expected: int | None = None) -> Call[list[Stored]]:
    """Return the call that stores events.

    Args:
        texts: The JSON text of each event; none need no request.
        stream: The stream of all events; None leaves it to the attributes of each event.
        expected: The last sequence of the stream, 0 for a new stream; None skips the check.
    """

    def parse(reply: Reply) -> list[Stored]:
        results = json.loads(reply.body)["results"]
        stored = [Stored(r["stream"], int(r["sequence"]), r["id"], bool(r["duplicate"])) for r in results]
        if len(stored) != len(texts):
            raise ValueError(f"{len(stored)} results for {len(texts)} events")
        return stored

    return Call(
        method="POST",
        path=path_of("events"),
        parse=parse,
        query={"stream": stream},
        headers={"Content-Type": _BATCH, **_precondition(expected)},
        batch=texts,
        known=None if texts else list,
    )


def _precondition(expected: int | None) -> Mapping[str, str]:
    if expected is None:
        return {}
    return {"If-Match": f'"{expected}"'} if expected else {"If-None-Match": "*"}


def _parse_event(reply: Reply) -> Recorded:
    from eventstore.cloudevents.json_text import decoded
    from eventstore_client.recorded import Recorded

    return Recorded.from_text(decoded(reply.body))
