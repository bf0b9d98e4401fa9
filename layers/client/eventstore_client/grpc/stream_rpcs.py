"""Managing streams: calls of REST as calls of gRPC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_client.calls import Reply
from eventstore_client.grpc.messages import streams
from eventstore_client.grpc.rpcs import json_reply, limit_of, name_of, page_rpc, refuse, text_of, unary, version_of
from eventstore_client.grpc.values import members_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.calls import Call
    from eventstore_client.grpc.rpcs import Rpc

__all__ = ["change", "create", "delete", "describe", "fork", "list_streams"]

_SERVICE = "flunq.eventstore.v1.StreamService"


def list_streams(call: Call[Any]) -> Rpc[streams.ListStreamsResponse]:
    """Return a page of the streams."""
    query = call.query
    request = streams.ListStreamsRequest(
        prefix=name_of(query, "prefix"), limit=limit_of(query), cursor=text_of(query, "cursor")
    )
    method = f"{_SERVICE}/ListStreams"
    return page_rpc(method, request, streams.ListStreamsResponse, member="streams", item=_members)


def describe(call: Call[Any], name: str) -> Rpc[streams.GetStreamResponse]:
    """Return the description of a stream."""
    del call
    request = streams.GetStreamRequest(stream=name)
    return unary(
        f"{_SERVICE}/GetStream",
        request,
        streams.GetStreamResponse,
        lambda response: json_reply(_members(response.stream), version=response.version),
    )


def create(call: Call[Any]) -> Rpc[streams.CreateStreamResponse]:
    """Create a stream."""
    body = call.body
    limits = {name: _limit(body["retention"], name) for name in body["retention"]}
    request = streams.CreateStreamRequest(
        stream=body["id"],
        retention=streams.Retention(**limits),
        labels=body["labels"],
        must_be_new="If-None-Match" in call.headers,
    )
    return unary(
        f"{_SERVICE}/CreateStream",
        request,
        streams.CreateStreamResponse,
        lambda response: json_reply(_members(response.stream)),
    )


def change(call: Call[Any], name: str) -> Rpc[streams.ChangeStreamResponse]:
    """Change the retention or the labels of a stream."""
    request = streams.ChangeStreamRequest(stream=name, expected_version=version_of(call))
    for limit, value in call.body.get("retention", {}).items():
        # 0 removes a limit, and null does so over REST.
        setattr(request, limit, 0 if value is None else _limit(call.body["retention"], limit))
    labels = call.body.get("labels", {})
    if labels is None:
        refuse("gRPC cannot remove all labels of a stream at once: name each as None", code="not-supported")
    for label, value in labels.items():
        if value is None:
            request.removed_labels.append(label)
        else:
            request.labels[label] = value
    return unary(
        f"{_SERVICE}/ChangeStream",
        request,
        streams.ChangeStreamResponse,
        lambda response: json_reply(_members(response.stream), version=response.version),
    )


def fork(call: Call[Any], name: str) -> Rpc[streams.ForkStreamResponse]:
    """Copy the first events of a stream to a fork."""
    body = call.body
    request = streams.ForkStreamRequest(stream=name, to=name_of(body, "to"), until=body.get("until"))
    return unary(
        f"{_SERVICE}/ForkStream",
        request,
        streams.ForkStreamResponse,
        lambda response: json_reply(_members(response.stream)),
    )


def delete(call: Call[Any], name: str) -> Rpc[streams.DeleteStreamResponse]:
    """Delete the events of a stream, or the stream permanently."""
    request = streams.DeleteStreamRequest(
        stream=name, permanent=call.query.get("permanent") == "true", expected_version=version_of(call)
    )
    return unary(f"{_SERVICE}/DeleteStream", request, streams.DeleteStreamResponse, lambda _: Reply(b""))


def _members(stream: streams.Stream) -> dict[str, Any]:
    members = members_of(stream)
    retention: Mapping[str, int] = members["retention"]
    return {**members, "retention": {limit: value for limit, value in retention.items() if value}}


def _limit(retention: Mapping[str, Any], name: str) -> int:
    value = retention[name]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        refuse(f"{name} must be an integer of at least 1, not {value!r}", pointer=f"/retention/{name}")
    return value
