"""Events to publish, and what calls return of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from grpc_status.rpc_status import from_call

from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1.events_pb2 import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["bodies", "event", "failing", "ids", "publish", "take", "violations"]


def event(identity: str, **members: object) -> Event:
    body = {"specversion": "1.0", "id": identity, "source": "/tests", "type": "io.flunq.tested", **members}
    return Event(json=json.dumps(body).encode())


def publish(stream: str, *identities: str, **options: Any) -> messages.PublishRequest:  # noqa: ANN401 - further fields
    return messages.PublishRequest(stream=stream, events=map(event, identities), **options)


def bodies(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [json.loads(message.json) for message in events]


def ids(events: Iterable[Event]) -> list[str]:
    return [body["id"] for body in bodies(events)]


def take(responses: Iterator[Any], content: str) -> Any:  # noqa: ANN401 - a response
    """The next response with such a content."""
    return next(response for response in responses if response.WhichOneof("content") == content)


def failing(call: Callable[[], object]) -> tuple[grpc.StatusCode, ErrorInfo]:
    """How a call fails: its code, and the reason that programs read."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info = ErrorInfo()
    status = from_call(caught.value)
    assert status is not None, caught.value
    assert status.details[0].Unpack(info)
    assert info.domain == "flunq.io"
    return caught.value.code(), info


def violations(call: Callable[[], object]) -> list[str]:
    """The fields of which a call says that they are wrong."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    status = from_call(caught.value)
    assert status is not None
    bad = BadRequest()
    (packed,) = [detail for detail in status.details if detail.Is(BadRequest.DESCRIPTOR)]
    assert packed.Unpack(bad)
    return [violation.field for violation in bad.field_violations]
