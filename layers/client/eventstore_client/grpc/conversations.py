"""Subscriptions over gRPC in the messages of `eventstore.v1`, which `Session` and `Member` speak. Without I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore_client.grpc.filters import filter_messages
from eventstore_client.grpc.messages import event_store
from eventstore_client.grpc.statuses import failure_members
from eventstore_client.grpc.values import event_texts, missing_members, start_of
from eventstore_client.messages import SUBSCRIPTION_ID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PONG", "subscribe_request", "subscribe_text", "work_request", "work_text"]

PONG = '{"type":"pong"}'
"""The answer to a ping. The keepalive of HTTP/2 probes the connection."""

_RECOVERIES: Mapping[int, str] = {
    event_store.RECOVERY_COMPLETE: "complete",
    event_store.RECOVERY_TRUNCATED: "truncated",
    event_store.RECOVERY_NEW_EPOCH: "new-epoch",
}


def subscribe_request(message: Mapping[str, Any]) -> event_store.SubscribeRequest:
    """Return the request for a message that subscribes (`messages.Request`).

    Raises:
        Invalid: A filter is one that no message can carry.
        TypeError, ValueError: Another member is.
    """
    return event_store.SubscribeRequest(
        filters=filter_messages(message.get("filters", ())),
        filter_name=message.get("filter_name", ""),
        streams=message.get("stream", ()),
        start=start_of(message["from"]) if "from" in message else event_store.START_UNSPECIFIED,
        cursors=_listed(message.get("cursor", ())),
    )


def subscribe_text(response: event_store.SubscribeResponse) -> str:
    """Return a message to an ephemeral subscription."""
    kind = response.WhichOneof("content")
    if kind == "subscribed":
        content = response.subscribed
        return _text(
            "subscribed",
            cursor=response.cursor,
            recovery=_RECOVERIES.get(content.recovery, "unknown"),
            renewed=list(content.renewed),
            **missing_members(content.missing),
        )
    return _frame_text(response, kind)


def work_request(message: Mapping[str, Any]) -> event_store.WorkRequest:
    """Return the request for a message of a member (`messages.join_request` and `member_request`).

    Raises:
        TypeError, ValueError: A member of it is one that no request can carry.
    """
    request = event_store.WorkRequest(request=int(message.get("request", 0)))
    match message["action"]:
        case "subscribe":
            request.join.subscription = message["subscription"]
        case "ack" if "cursor" in message:
            request.ack.cursors.extend(_listed(message["cursor"]))
        case "ack":
            request.ack.MergeFrom(event_store.Ack(**_members(message, "stream", "sequence", "frame")))
        case "nack":
            nack = event_store.Nack(**_members(message, "stream", "sequence", "frame", "reason", "park"))
            if "delay" in message:
                nack.delay_seconds = message["delay"]
            request.nack.MergeFrom(nack)
        case "release":
            request.release.SetInParent()
            request.release.MergeFrom(event_store.Release(**_members(message, "partition", "frame")))
        case "unsubscribe":
            request.leave.SetInParent()
        case action:
            raise ValueError(f"a member cannot send {action!r} over gRPC")
    return request


def work_text(response: event_store.WorkResponse) -> str:
    """Return a message to a member of a durable subscription."""
    kind = response.WhichOneof("content")
    match kind:
        case "joined":
            return _text("subscribed", ack_deadline=response.joined.ack_deadline)
        case "changed":
            return _text("changed", ack_deadline=response.changed.ack_deadline, version=response.changed.version)
        case "answer":
            request = str(response.answer.request)
            if response.answer.HasField("failure"):
                return _text("error", **failure_members(response.answer.failure), request=request)
            return _text("acknowledged", request=request)
        case "owned":
            return _frame_text(response, kind, ack_deadline=response.owned.ack_deadline)
        case _:
            return _frame_text(response, kind)


def _frame_text(
    response: event_store.SubscribeResponse | event_store.WorkResponse, kind: str | None, **members: object
) -> str:
    if kind == "truncated":
        members |= missing_members(response.truncated)
    if response.cursor:
        members["cursor"] = response.cursor
    numbers = {"partition": response.partition, "frame": response.frame}
    if kind != "events":
        return _text(kind, **numbers, **members)
    events = response.events
    if events.attempt:
        members["attempt"] = events.attempt
    members |= {name: value for name in ("stream", "reason") if (value := getattr(events, name))}
    return f'{_text(kind, **numbers, **members)[:-1]},"events":{event_texts(events.events)}}}'


def _text(kind: str | None, **members: object) -> str:
    return json.dumps({"type": kind, "id": SUBSCRIPTION_ID, **members}, separators=(",", ":"))


def _members(message: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: message[name] for name in names if name in message}


def _listed(cursor: str | Sequence[str]) -> Sequence[str]:
    return [cursor] if isinstance(cursor, str) else cursor
