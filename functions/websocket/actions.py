"""The actions of `eventstore.v1`, each with its response."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from eventstore import groups
from eventstore.errors import EventstoreError, UnknownAction
from eventstore.subscriptions import ConnectionId, Subscription, SubscriptionKey
from eventstore.write.publisher import PartlyPublished
from functions.hub import hub
from functions.protocol import PING, UNSUBSCRIBE
from functions.websocket import answers
from functions.websocket.requests import Ack, Join, Message, Nack, Publish, Release, Subscribe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eventstore.access import Access

__all__ = ["Caller", "answer"]

_LOGGER = logging.getLogger(__name__)


class Caller(NamedTuple):
    """The sender of a message: its connection and permissions."""

    connection: ConnectionId
    access: Access


def answer(caller: Caller, body: str) -> str:
    """Execute a message's action and return the response, which is an error if it fails in any way.

    Args:
        caller: The sender.
        body: The message.
    """
    message = Message({})
    try:
        message = Message.parse(body)
        action = _ACTIONS.get(message.action)
        if action is None:
            raise UnknownAction(
                f"unknown action {message.action[:40]!r}; actions are {', '.join(_ACTIONS)}", pointer="/action"
            )
        return action(caller, message)
    except (EventstoreError, PartlyPublished) as error:
        failure: Exception = error
    except Exception as error:
        _LOGGER.exception("a message failed")
        failure = error
    return answers.error(failure, request=message.request, own_id=message.own_id)


def _subscribe(caller: Caller, message: Message) -> str:
    if "subscription" in message.members:
        return _join(caller, message)
    request = Subscribe.of(message)
    selected = request.filter
    if request.filter_name is not None:
        selected = hub().filters.combined(selected, request.filter_name, access=caller.access)
    key = SubscriptionKey(hub().new_id())
    subscription = Subscription(key, caller.connection, request.id, selected, request.streams)
    subscriptions = hub().subscriptions
    subscribed = subscriptions.start(subscription, access=caller.access, cursors=request.cursors, oldest=request.oldest)
    subscriptions.wake(subscribed)
    return answers.subscribed(message.request, request.id, subscribed)


def _join(caller: Caller, message: Message) -> str:
    request = Join.of(message)
    durable, partitions = hub().members.join(caller.connection, request.id, request.name, access=caller.access)
    return answers.joined(message.request, request.id, durable, partitions)


def _ack(caller: Caller, message: Message) -> str:
    request = Ack.of(message)
    if request.stream is None:
        hub().members.acknowledge(caller.connection, request.id, request.cursors, access=caller.access)
    else:
        ack = groups.AckStream(caller.connection, request.stream, request.sequence, request.frame)
        hub().members.acknowledge_stream(request.id, ack, access=caller.access)
    return answers.acknowledged(message.request, request.id)


def _nack(caller: Caller, message: Message) -> str:
    request = Nack.of(message)
    about = (request.stream, request.sequence, request.reason, request.delay_ms, request.park, request.frame)
    hub().members.fail(request.id, groups.Nack(caller.connection, *about), access=caller.access)
    return answers.acknowledged(message.request, request.id)


def _release(caller: Caller, message: Message) -> str:
    request = Release.of(message)
    hub().members.release(caller.connection, request.id, request.partition, access=caller.access, frame=request.frame)
    return answers.released(message.request, request.id, request.partition)


def _unsubscribe(caller: Caller, message: Message) -> str:
    message.require_known(UNSUBSCRIBE.members)
    own_id = message.subscription()
    hub().members.unsubscribe(caller.connection, own_id)
    return answers.unsubscribed(message.request, own_id)


def _publish(caller: Caller, message: Message) -> str:
    request = Publish.of(message)
    results = hub().publisher.publish(
        request.events, access=caller.access, stream=request.stream, expected=request.expected
    )
    return answers.published(message.request, results)


def _ping(_: Caller, message: Message) -> str:
    message.require_known(PING.members)
    return answers.pong(message.request)


_ACTIONS: Mapping[str, Callable[[Caller, Message], str]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "publish": _publish,
    "ping": _ping,
    "ack": _ack,
    "nack": _nack,
    "release": _release,
}
