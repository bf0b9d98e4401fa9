"""The actions of `eventstore.v1`, each with what it is answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from eventstore import groups
from eventstore.access import Access, Scope
from eventstore.errors import EventstoreError, UnknownAction
from eventstore.hub import bootstrap
from eventstore.publish import PartlyPublished
from eventstore.subscriptions import Subscription
from functions.access import durable_of
from functions.websocket import answers
from functions.websocket.requests import Ack, Join, Message, Nack, Publish, Release, Subscribe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Caller", "answer"]

_LOGGER = logging.getLogger(__name__)


class Caller(NamedTuple):
    """Who sent a message, and what it may do."""

    connection: str
    access: Access


def answer(caller: Caller, body: str) -> str:
    """Do what a message asks for; whatever becomes of it, there is an answer."""
    message = Message({})
    try:
        message = Message.parse(body)
        action = _ACTIONS.get(message.action)
        if action is None:
            raise UnknownAction(
                f"there is no action {message.action[:40]!r}; there are {', '.join(_ACTIONS)}", pointer="/action"
            )
        return action(caller, message)
    except (EventstoreError, PartlyPublished) as error:
        failure: Exception = error
    except Exception as error:
        _LOGGER.exception("a message failed")
        failure = error
    return answers.error(failure, request=message.request, own_id=message.own_id)


def _subscribe(caller: Caller, message: Message) -> str:
    caller.access.require(Scope.SUBSCRIBE)
    if "subscription" in message.found:
        return _join(caller, message)
    asked = Subscribe.of(message)
    caller.access.require_streams(asked.streams, pointer="/stream")
    wanted = asked.filter if asked.streams else caller.access.confined(asked.filter)
    subscription = Subscription(bootstrap.new_id(), caller.connection, asked.id, wanted, asked.streams)
    subscriptions = bootstrap.subscriptions()
    subscribed = subscriptions.start(subscription, cursors=asked.cursors, oldest=asked.oldest)
    subscriptions.ring(subscribed)
    return answers.subscribed(message.request, asked.id, subscribed)


def _join(caller: Caller, message: Message) -> str:
    asked = Join.of(message)
    durable = durable_of(caller.access, asked.name)
    partitions = bootstrap.members().join(caller.connection, asked.id, durable)
    return answers.message(
        "subscribed",
        id=asked.id,
        subscription=asked.name,
        partitions=list(partitions),
        ack_deadline=durable.rules.ack_deadline // 1000,
        request=message.request,
    )


def _ack(caller: Caller, message: Message) -> str:
    caller.access.require(Scope.SUBSCRIBE)
    asked = Ack.of(message)
    if asked.stream is None:
        bootstrap.members().acknowledge(caller.connection, asked.id, asked.cursors)
    else:
        bootstrap.members().acknowledge_stream(
            caller.connection, asked.id, asked.stream, asked.sequence, frame=asked.frame
        )
    return answers.message("acknowledged", id=asked.id, request=message.request)


def _nack(caller: Caller, message: Message) -> str:
    caller.access.require(Scope.SUBSCRIBE)
    asked = Nack.of(message)
    about = (asked.stream, asked.sequence, asked.reason, asked.delay, asked.park, asked.frame)
    bootstrap.members().fail(asked.id, groups.Nack(caller.connection, *about))
    return answers.message("acknowledged", id=asked.id, request=message.request)


def _release(caller: Caller, message: Message) -> str:
    caller.access.require(Scope.SUBSCRIBE)
    asked = Release.of(message)
    bootstrap.members().release(caller.connection, asked.id, asked.partition, frame=asked.frame)
    return answers.message("released", id=asked.id, partition=asked.partition, request=message.request)


def _unsubscribe(caller: Caller, message: Message) -> str:
    message.only("id")
    own_id = message.subscription()
    bootstrap.members().unsubscribe(caller.connection, own_id)
    return answers.message("unsubscribed", id=own_id, request=message.request)


def _publish(caller: Caller, message: Message) -> str:
    caller.access.require(Scope.PUBLISH)
    asked = Publish.of(message)
    caller.access.require_events(asked.events, stream=asked.stream)
    results = bootstrap.store().publish(asked.events, stream=asked.stream, expected=asked.expected)
    return answers.published(message.request, results)


def _ping(_: Caller, message: Message) -> str:
    message.only()
    return answers.message("pong", request=message.request)


_ACTIONS: Mapping[str, Callable[[Caller, Message], str]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "publish": _publish,
    "ping": _ping,
    "ack": _ack,
    "nack": _nack,
    "release": _release,
}
