"""Streams that durable subscriptions have parked: calls of REST as calls of gRPC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import Reply
from eventstore_client.grpc.messages import subscriptions
from eventstore_client.grpc.rpcs import json_reply, limit_of, name_of, page_rpc, refuse, text_of, unary
from eventstore_client.grpc.values import members_of

if TYPE_CHECKING:
    from eventstore_client.calls import Call
    from eventstore_client.grpc.rpcs import Rpc

__all__ = ["list_dead_letters", "purge", "redrive"]

_SERVICE = "flunq.eventstore.v1.SubscriptionService"
_MODES = {
    "start": subscriptions.REDRIVE_MODE_START,
    "skip": subscriptions.REDRIVE_MODE_SKIP,
    "drop": subscriptions.REDRIVE_MODE_DROP,
}


def list_dead_letters(call: Call[Any]) -> Rpc[Any]:
    """Return a page of parked streams; one stream of one subscription includes the event that failed."""
    query = call.query
    subscription, stream = name_of(query, "subscription"), name_of(query, "stream")
    limit = limit_of(query)
    if subscription and stream:
        return unary(
            f"{_SERVICE}/GetDeadLetter",
            subscriptions.GetDeadLetterRequest(subscription=subscription, stream=stream),
            subscriptions.GetDeadLetterResponse,
            _letter_page,
            absent=json_reply({"dead_letters": []}),
        )
    request = subscriptions.ListDeadLettersRequest(
        subscription=subscription, stream=stream, limit=limit, cursor=text_of(query, "cursor")
    )
    method = f"{_SERVICE}/ListDeadLetters"
    return page_rpc(method, request, subscriptions.ListDeadLettersResponse, member="dead_letters", item=members_of)


def redrive(call: Call[Any]) -> Rpc[subscriptions.RedriveDeadLettersResponse]:
    """Resume parked streams."""
    body = call.body
    if body["how"] not in _MODES:
        refuse(f"how must be {' or '.join(_MODES)}, not {body['how']!r}", pointer="/how", code="invalid-body")
    request = subscriptions.RedriveDeadLettersRequest(
        subscription=body["subscription"], stream=name_of(body, "stream"), mode=_MODES[body["how"]]
    )
    return unary(
        f"{_SERVICE}/RedriveDeadLetters",
        request,
        subscriptions.RedriveDeadLettersResponse,
        lambda response: json_reply({"streams": list(response.streams)}),
    )


def purge(call: Call[Any]) -> Rpc[subscriptions.PurgeDeadLettersResponse]:
    """Drop all parked events."""
    request = subscriptions.PurgeDeadLettersRequest(
        subscription=name_of(call.query, "subscription"), stream=name_of(call.query, "stream")
    )
    return unary(
        f"{_SERVICE}/PurgeDeadLetters",
        request,
        subscriptions.PurgeDeadLettersResponse,
        lambda response: json_reply({"streams": list(response.streams)}),
    )


def _letter_page(response: subscriptions.GetDeadLetterResponse) -> Reply:
    letter = json.dumps(members_of(response.dead_letter))
    event = f',"event":{response.event.json.decode()}' if response.HasField("event") else ""
    return Reply(f'{{"dead_letters":[{letter[:-1]}{event}}}]}}'.encode())
