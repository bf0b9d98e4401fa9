"""Durable subscriptions and what they have parked: calls of REST as calls of gRPC."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import ParseDict

from eventstore_client.calls import Reply, several
from eventstore_client.grpc.filters import filter_json, filter_messages
from eventstore_client.grpc.messages import subscriptions
from eventstore_client.grpc.rpcs import json_reply, limit_of, name_of, page_rpc, refuse, text_of, unary, version_of
from eventstore_client.grpc.values import members_of, set_time, start_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.calls import Call
    from eventstore_client.grpc.rpcs import Rpc

__all__ = ["change", "create", "delete", "describe", "figures", "list_subscriptions", "replay"]

_SERVICE = "flunq.eventstore.v1.SubscriptionService"
_RULES = ("ack_deadline", "max_attempts", "max_in_flight")


def list_subscriptions(call: Call[Any]) -> Rpc[subscriptions.ListSubscriptionsResponse]:
    """Return a page of the durable subscriptions."""
    query = call.query
    request = subscriptions.ListSubscriptionsRequest(
        prefix=name_of(query, "prefix"), limit=limit_of(query), cursor=text_of(query, "cursor")
    )
    method = f"{_SERVICE}/ListSubscriptions"
    return page_rpc(method, request, subscriptions.ListSubscriptionsResponse, member="subscriptions", item=_definition)


def describe(call: Call[Any], name: str) -> Rpc[subscriptions.GetSubscriptionResponse]:
    """Return a durable subscription, and how far it is."""
    del call
    request = subscriptions.GetSubscriptionRequest(id=name)
    return unary(
        f"{_SERVICE}/GetSubscription",
        request,
        subscriptions.GetSubscriptionResponse,
        lambda response: json_reply(_standing(response), version=response.version),
    )


def create(call: Call[Any]) -> Rpc[subscriptions.CreateSubscriptionResponse]:
    """Create a durable subscription."""
    body = call.body
    request = subscriptions.CreateSubscriptionRequest(
        id=body["id"],
        filters=filter_messages(body["filters"]),
        filter_name=name_of(body, "filter_name"),
        streams=several(body.get("stream")) or (),
        cursors=[body["cursor"]] if "cursor" in body else (),
        target=_target(body["target"]) if "target" in body else None,
        **{rule: body[rule] for rule in _RULES if rule in body},
    )
    if "from" in body:
        request.start = start_of(body["from"])
    return unary(
        f"{_SERVICE}/CreateSubscription",
        request,
        subscriptions.CreateSubscriptionResponse,
        lambda response: json_reply(_definition(response.subscription)),
    )


def change(call: Call[Any], name: str) -> Rpc[subscriptions.ChangeSubscriptionResponse]:
    """Change a durable subscription."""
    body = call.body
    request = subscriptions.ChangeSubscriptionRequest(
        id=name, expected_version=version_of(call), **{rule: body[rule] for rule in _RULES if rule in body}
    )
    if "filters" in body:
        request.filters.SetInParent()
        request.filters.filters.extend(filter_messages(body["filters"]))
    if "filter_name" in body:
        request.filter_name = name_of(body, "filter_name")
    if "target" in body and body["target"] is None:
        request.remove_target = True
    elif "target" in body:
        request.target.CopyFrom(_target(body["target"]))
    return unary(
        f"{_SERVICE}/ChangeSubscription",
        request,
        subscriptions.ChangeSubscriptionResponse,
        lambda response: json_reply(_definition(response.subscription), version=response.version),
    )


def replay(call: Call[Any], name: str) -> Rpc[subscriptions.ReplaySubscriptionResponse]:
    """Move a durable subscription to another position."""
    body = call.body
    if len(body) != 1:
        refuse("invalid body: send exactly one of: from, cursor, since", code="invalid-body")
    request = subscriptions.ReplaySubscriptionRequest(id=name)
    if "from" in body:
        request.start = start_of(body["from"])
    elif "cursor" in body:
        request.cursor = body["cursor"]
    else:
        set_time(request.since, body["since"])
    return unary(
        f"{_SERVICE}/ReplaySubscription",
        request,
        subscriptions.ReplaySubscriptionResponse,
        lambda response: json_reply({"partitions": list(response.partitions)}),
    )


def delete(call: Call[Any], name: str) -> Rpc[subscriptions.DeleteSubscriptionResponse]:
    """Delete a durable subscription."""
    request = subscriptions.DeleteSubscriptionRequest(id=name, expected_version=version_of(call))
    method = f"{_SERVICE}/DeleteSubscription"
    return unary(method, request, subscriptions.DeleteSubscriptionResponse, lambda _: Reply(b""))


def figures(message: subscriptions.Figures) -> dict[str, Any]:
    """Return figures as REST has them: the age is null if there is none."""
    return {"oldest_age": None, **members_of(message)}


def _definition(message: subscriptions.Subscription) -> dict[str, Any]:
    members = members_of(message)
    members["filters"] = [filter_json(item) for item in message.filters]
    if message.HasField("target") and not message.target.headers:
        del members["target"]["headers"]
    return {name: value for name, value in members.items() if name not in {"filter_name", "stream"} or value}


def _standing(message: subscriptions.GetSubscriptionResponse) -> dict[str, Any]:
    has_target = message.subscription.HasField("target")
    return {
        **_definition(message.subscription),
        **figures(message.figures),
        **({"open_circuits": message.open_circuits} if has_target else {}),
        "cursor": message.cursor or None,
        "members": [members_of(member) for member in message.members],
        "partitions": [_partition(part) for part in message.partitions],
    }


def _partition(message: subscriptions.PartitionFigures) -> dict[str, Any]:
    members = members_of(message)
    del members["figures"]
    if "circuit" in members and not message.circuit.reason:
        del members["circuit"]["reason"]
    return {**members, "owner": message.owner or None, **figures(message.figures)}


def _target(target: Mapping[str, Any]) -> subscriptions.Target:
    """Return a target; raises ValueError if it has a member that no target has, or of another type."""
    return ParseDict(json.loads(json.dumps(dict(target))), subscriptions.Target())
