"""The service `SubscriptionService`: durable subscriptions and what they have parked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict

from eventstore.errors import InvalidRequest
from eventstore.streams import DurableName
from eventstore.subscriptions import SubscriptionKey, version_tag
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as event_store
from eventstore_proto.flunq.eventstore.v1 import subscription_service_pb2 as messages
from eventstore_server.grpc.bodies import body_of, message_like, names_page
from eventstore_server.grpc.selections import filter_messages, filter_values
from functions.rest.subscription_answers import definition, standing
from functions.rest.subscription_models import changes, new_subscription, replay_place
from functions.rest.tokens import SUBSCRIPTIONS, next_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.access import Access
    from eventstore.durable.status import Standing
    from eventstore.subscriptions import Durable
    from eventstore_server.grpc.call import Call

__all__ = ["DurableCalls", "figures_of"]

_STARTS: Mapping[int, str] = {event_store.START_NOW: "now", event_store.START_OLDEST: "start"}
_RULES = ("ack_deadline", "max_attempts", "max_in_flight")
_REST: Sequence[str] = ("cursor", "members", "open_circuits")
_FIGURES = tuple(field.name for field in messages.Figures.DESCRIPTOR.fields)


class DurableCalls:
    """Manages durable subscriptions."""

    async def create_subscription(
        self, request: messages.CreateSubscriptionRequest, call: Call
    ) -> messages.CreateSubscriptionResponse:
        """Create a durable subscription, or return the one with the same definition."""

        def create(access: Access) -> messages.CreateSubscriptionResponse:
            body = body_of(
                {
                    "id": request.id,
                    "filters": filter_values(request.filters),
                    "filter_name": request.filter_name,
                    "stream": list(request.streams),
                    "from": _STARTS.get(request.start, ""),
                    "cursor": ".".join(request.cursors),
                    **_rules(request),
                    "target": _target(request.target),
                }
            )
            key = SubscriptionKey(call.hub.new_id())
            durable, start = new_subscription(body, key=key, now=call.hub.clock.now())
            durable, created = call.hub.durable_subscriptions.create(durable, start, access=access)
            return messages.CreateSubscriptionResponse(subscription=_message(durable), created=created)

        return await call.run(create)

    async def list_subscriptions(
        self, request: messages.ListSubscriptionsRequest, call: Call
    ) -> messages.ListSubscriptionsResponse:
        """Return a page of the durable subscriptions, sorted by name."""
        page = names_page(SUBSCRIPTIONS, request)

        def listed(access: Access) -> messages.ListSubscriptionsResponse:
            durables = call.hub.directory.list(
                access=access, prefix=page.prefix, after=page.after, count=page.limit + 1
            )
            return messages.ListSubscriptionsResponse(
                subscriptions=map(_message, durables[: page.limit]),
                next=next_token(SUBSCRIPTIONS, durables, page.limit),
            )

        return await call.run(listed)

    async def get_subscription(
        self, request: messages.GetSubscriptionRequest, call: Call
    ) -> messages.GetSubscriptionResponse:
        """Return the definition and the figures of a durable subscription."""

        def described(access: Access) -> messages.GetSubscriptionResponse:
            return _status_message(
                call.hub.directory.describe(DurableName(request.id), access=access), now=call.hub.clock.now()
            )

        return await call.run(described)

    async def change_subscription(
        self, request: messages.ChangeSubscriptionRequest, call: Call
    ) -> messages.ChangeSubscriptionResponse:
        """Change the definition of a durable subscription."""

        def change(access: Access) -> messages.ChangeSubscriptionResponse:
            requested = changes(json.dumps(_changed(request)).encode())
            name, versions = DurableName(request.id), _versions(request)
            durable = call.hub.durable_subscriptions.change(name, requested, access=access, versions=versions)
            return messages.ChangeSubscriptionResponse(subscription=_message(durable), version=version_tag(durable))

        return await call.run(change)

    async def replay_subscription(
        self, request: messages.ReplaySubscriptionRequest, call: Call
    ) -> messages.ReplaySubscriptionResponse:
        """Move a durable subscription to another position."""

        def replay(access: Access) -> Sequence[int]:
            since = request.since.ToJsonString() if request.HasField("since") else ""
            start = _STARTS.get(request.start, "")
            place = replay_place(body_of({"from": start, "cursor": request.cursor, "since": since}))
            return call.hub.durable_subscriptions.replay(DurableName(request.id), place, access=access)

        return messages.ReplaySubscriptionResponse(partitions=await call.run(replay))

    async def delete_subscription(
        self, request: messages.DeleteSubscriptionRequest, call: Call
    ) -> messages.DeleteSubscriptionResponse:
        """Delete a durable subscription with its state and parked events."""

        def delete(access: Access) -> None:
            name, versions = DurableName(request.id), _versions(request)
            call.hub.durable_subscriptions.delete(name, access=access, versions=versions)

        await call.run(delete)
        return messages.DeleteSubscriptionResponse()


def figures_of(answer: Mapping[str, Any]) -> messages.Figures:
    """Return the figures that an answer of REST has among its members."""
    return message_like(messages.Figures(), {name: answer[name] for name in _FIGURES if name in answer})


def _status_message(status: Standing, *, now: int) -> messages.GetSubscriptionResponse:
    answer: dict[str, Any] = dict(standing(status, now=now))
    response = messages.GetSubscriptionResponse(
        subscription=_message(status.durable), figures=figures_of(answer), version=version_tag(status.durable)
    )
    response.partitions.extend(_partition(dict(part)) for part in answer["partitions"])
    rest = {name: answer[name] for name in _REST if name in answer}
    return message_like(response, rest)


def _partition(answer: Mapping[str, Any]) -> messages.PartitionFigures:
    own = {name: answer[name] for name in ("partition", "owner", "version", "circuit") if name in answer}
    return message_like(messages.PartitionFigures(figures=figures_of(answer)), own)


def _message(durable: Durable) -> messages.Subscription:
    answer: dict[str, Any] = dict(definition(durable))
    filters = filter_messages(answer.pop("filters"))
    return message_like(messages.Subscription(filters=filters), answer)


def _rules(request: messages.CreateSubscriptionRequest | messages.ChangeSubscriptionRequest) -> dict[str, object]:
    return {rule: getattr(request, rule) for rule in _RULES if request.HasField(rule)}


def _target(target: messages.Target) -> dict[str, Any]:
    members: dict[str, Any] = MessageToDict(target, preserving_proto_field_name=True)
    return members


def _changed(request: messages.ChangeSubscriptionRequest) -> dict[str, object]:
    """Return the body of the change, in which null removes (RFC 7396)."""
    body: dict[str, object] = _rules(request)
    if request.HasField("filters"):
        body["filters"] = filter_values(request.filters.filters)
    if request.HasField("filter_name"):
        body["filter_name"] = request.filter_name or None
    if request.remove_target and request.HasField("target"):
        raise InvalidRequest("target and remove_target exclude each other; send one of them", pointer="/remove_target")
    if request.remove_target:
        body["target"] = None
    elif request.HasField("target"):
        body["target"] = _target(request.target)
    return body


def _versions(
    request: messages.ChangeSubscriptionRequest | messages.DeleteSubscriptionRequest,
) -> Sequence[str] | None:
    return [request.expected_version] if request.HasField("expected_version") else None
