"""The streams of a hub: describing, creating, changing, forking and deleting them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import UNCHANGED, Call, empty, etag_condition, given, listing, path_of, seconds
from eventstore_client.operations import Asynchronous, Blocking, listed, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.calls import Listing, Reply, Unchanged
    from eventstore_client.rest import Rest

__all__ = ["AsyncStreams", "Origin", "Retention", "StreamCalls", "StreamInfo", "Streams"]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a stream keeps its events. Without a limit, it keeps them for ever.

    Attributes:
        max_age: The time since an event was stored; None for no limit.
        max_events: The number of the newest events; None for no limit.
    """

    max_age: timedelta | None = None
    max_events: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fork comes from. Events `first` to `until` of that stream have the sequences from 1 in the fork.

    Attributes:
        stream: The name of the other stream.
        first: The sequence of the first event there: 1, unless older events were removed before.
        until: The sequence of the last event there.
        complete: Whether all of these events are copied.
    """

    stream: str
    first: int
    until: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """The description of a stream.

    Attributes:
        name: Its name.
        head: The sequence of the newest event ever stored; 0 if there was none.
        first: The sequence of the oldest event kept; `head` + 1 if none is kept.
        count: The number of events kept.
        bytes: Their size.
        created: The time of its creation.
        updated: The time of its last change.
        retention: How long it keeps events.
        labels: Its labels.
        forked_from: Where a fork comes from; None for every other stream.
        etag: The version of this description, for `expected`; None in a list and after a creation.
        raw: The description as the hub sent it, with members that this version of the client does not know.
    """

    name: str
    head: int
    first: int
    count: int
    bytes: int
    created: datetime
    updated: datetime
    retention: Retention
    labels: Mapping[str, str]
    forked_from: Origin | None = None
    etag: str | None = None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, members: Mapping[str, Any], *, etag: str | None = None) -> StreamInfo:
        """Parse a description that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: It is not a description.
        """
        retention = members["retention"]
        max_age = retention.get("max_age")
        return cls(
            name=members["id"],
            head=int(members["head"]),
            first=int(members["first"]),
            count=int(members["count"]),
            bytes=int(members["bytes"]),
            created=datetime.fromisoformat(members["created"]),
            updated=datetime.fromisoformat(members["updated"]),
            retention=Retention(None if max_age is None else timedelta(seconds=max_age), retention.get("max_events")),
            labels=MappingProxyType(dict(members["labels"])),
            forked_from=_origin(members.get("forked_from")),
            etag=etag,
            raw=members,
        )


class StreamCalls:
    """The operations of `Streams` and `AsyncStreams`."""

    __slots__ = ()

    @listed
    def list(self, *, prefix: str | None = None, page: int = 100) -> Call[Listing[StreamInfo]]:
        """Iterate over the streams by name, fetching a page whenever the last one is used up.

        Args:
            prefix: Only streams whose names start with it.
            page: Streams per request, 1 to 1,000.
        """
        query = {"prefix": prefix, "limit": page}
        return listing(path_of("streams"), "streams", StreamInfo.parse, query=query)

    @request
    def get(self, name: str) -> Call[StreamInfo]:
        """Return the description of a stream.

        Raises:
            NotFound: The stream does not exist.
            Gone: The stream was deleted permanently.
        """
        return Call(method="GET", path=path_of("streams", name), parse=_parse)

    @request
    def create(
        self,
        name: str,
        *,
        max_age: float | timedelta | None = None,
        max_events: int | None = None,
        labels: Mapping[str, str] | None = None,
        new: bool = False,
    ) -> Call[StreamInfo]:
        """Create a stream with settings; one without needs no creation, since publishing creates it.

        An existing stream with the same settings is returned.

        Args:
            name: The name of the stream.
            max_age: The time that events are kept, in seconds or as a timedelta; None for no limit.
            max_events: The number of the newest events that are kept; None for no limit.
            labels: Up to 64 labels.
            new: Raise an error if the stream exists. A creation whose response was lost, and that is retried, raises
                it, too.

        Raises:
            Conflict: The stream exists with other settings.
            WrongExpectedVersion: The stream exists, and `new` is set.
            Gone: A stream of this name was deleted permanently.
        """
        limits = {"max_age": None if max_age is None else seconds(max_age), "max_events": max_events}
        body = {
            "id": name,
            "retention": {limit: value for limit, value in limits.items() if value is not None},
            "labels": dict(labels or {}),
        }
        headers = {"If-None-Match": "*"} if new else {}
        return Call(method="POST", path=path_of("streams"), parse=_parse, headers=headers, body=body)

    @request
    def change(
        self,
        name: str,
        *,
        max_age: float | timedelta | Unchanged | None = UNCHANGED,
        max_events: int | Unchanged | None = UNCHANGED,
        labels: Mapping[str, str | None] | Unchanged | None = UNCHANGED,
        expected: int | str | None = None,
    ) -> Call[StreamInfo]:
        """Change the retention or the labels of a stream. Events that it no longer keeps are removed.

        Args:
            name: The name of the stream.
            max_age: As for `create`; None removes the limit.
            max_events: As for `create`; None removes the limit.
            labels: The labels to set; a label of None is removed, and None removes all.
            expected: Change it only if it ends at this sequence, or is still described by this `StreamInfo.etag`.

        Raises:
            NotFound: The stream does not exist.
            WrongExpectedVersion: `expected` does not hold.
        """
        age = max_age if max_age is None or max_age is UNCHANGED else seconds(max_age)
        retention = given(max_age=age, max_events=max_events)
        body = {
            **({"retention": retention} if retention else {}),
            **given(labels=labels if labels is None or labels is UNCHANGED else dict(labels)),
        }
        path = path_of("streams", name)
        headers = _condition(expected)
        return Call(method="PATCH", path=path, parse=_parse, headers=headers, body=body, is_patch=True)

    @request
    def fork(self, name: str, to: str, *, until: int | None = None) -> Call[StreamInfo]:
        """Make a stream of the first events of another one: the same events, in the same order.

        Subscriptions receive events of a fork only if they name it, and `search` and `get` find them only by its name.
        So a workflow can be replayed into a subscription of its own, and reaches no worker of other streams. A fork
        that was interrupted is continued by the same call, which returns it once it is complete.

        Args:
            name: The name of the stream.
            to: The name of the fork, which contains `~fork`, such as `order-7~fork`.
            until: The sequence of the last event to copy; None for the newest, or that of the fork if it exists.

        Raises:
            NotFound: The stream does not exist.
            Gone: The stream was deleted permanently.
            Invalid: The name is not that of a fork, or the stream does not hold the event `until`.
            Conflict: Another stream has the name of the fork, or the fork cannot be completed.
        """
        body = {"to": to} if until is None else {"to": to, "until": until}
        return Call(
            method="POST", path=path_of("streams", name, "fork"), parse=_parse, body=body, is_partial=_is_incomplete
        )

    @request
    def delete(self, name: str, *, expected: int | str | None = None, permanent: bool = False) -> Call[None]:
        """Delete the events of a stream. Later events continue its sequence.

        Args:
            name: The name of the stream.
            expected: Delete it only if it ends at this sequence, or is still described by this `StreamInfo.etag`.
            permanent: Reject all later events. A stream of this name cannot be created again.

        Raises:
            NotFound: The stream does not exist.
            WrongExpectedVersion: `expected` does not hold.
            Gone: The stream was deleted permanently before.
        """
        query = {"permanent": "true" if permanent else None}
        path = path_of("streams", name)
        headers = _condition(expected)
        return Call(method="DELETE", path=path, parse=empty, query=query, headers=headers, already_done=lambda: None)


@dataclass(frozen=True, slots=True)
class Streams(StreamCalls, Blocking):
    """The streams of one hub (`EventStore.streams`)."""

    _rest: Rest


@dataclass(frozen=True, slots=True)
class AsyncStreams(StreamCalls, Asynchronous):
    """The streams of one hub (`AsyncEventStore.streams`)."""

    _rest: Rest


def _parse(reply: Reply) -> StreamInfo:
    return StreamInfo.parse(json.loads(reply.body), etag=reply.etag)


def _origin(members: Mapping[str, Any] | None) -> Origin | None:
    if members is None:
        return None
    return Origin(members["stream"], int(members["first"]), int(members["until"]), bool(members["complete"]))


def _is_incomplete(fork: StreamInfo) -> bool:
    return fork.forked_from is not None and not fork.forked_from.complete


def _condition(expected: int | str | None) -> Mapping[str, str]:
    return etag_condition(str(expected) if isinstance(expected, int) else expected)
