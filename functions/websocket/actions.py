"""The actions of `eventstore.v1`, each with what it is answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from eventstore import groups
from eventstore.errors import EventstoreError, UnknownAction
from eventstore.subscriptions import Subscription
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
    if "subscription" in message.found:
        return _join(caller, message)
    asked = Subscribe.of(message)
    subscription = Subscription(hub().new_id(), caller.connection, asked.id, asked.filter, asked.streams)
    subscriptions = hub().subscriptions
    subscribed = subscriptions.start(subscription, access=caller.access, cursors=asked.cursors, oldest=asked.oldest)
    subscriptions.wake(subscribed)
    return answers.subscribed(message.request, asked.id, subscribed)


def _join(caller: Caller, message: Message) -> str:
    asked = Join.of(message)
    durable, partitions = hub().members.join(caller.connection, asked.id, asked.name, access=caller.access)
    return answers.message(
        "subscribed",
        id=asked.id,
        subscription=asked.name,
        partitions=list(partitions),
        ack_deadline=durable.rules.ack_deadline // 1000,
        request=message.request,
    )


def _ack(caller: Caller, message: Message) -> str:
    asked = Ack.of(message)
    if asked.stream is None:
        hub().members.acknowledge(caller.connection, asked.id, asked.cursors, access=caller.access)
    else:
        ack = groups.AckStream(caller.connection, asked.stream, asked.sequence, asked.frame)
        hub().members.acknowledge_stream(asked.id, ack, access=caller.access)
    return answers.message("acknowledged", id=asked.id, request=message.request)


def _nack(caller: Caller, message: Message) -> str:
    asked = Nack.of(message)
    about = (asked.stream, asked.sequence, asked.reason, asked.delay, asked.park, asked.frame)
    hub().members.fail(asked.id, groups.Nack(caller.connection, *about), access=caller.access)
    return answers.message("acknowledged", id=asked.id, request=message.request)


def _release(caller: Caller, message: Message) -> str:
    asked = Release.of(message)
    hub().members.release(caller.connection, asked.id, asked.partition, access=caller.access, frame=asked.frame)
    return answers.message("released", id=asked.id, partition=asked.partition, request=message.request)


def _unsubscribe(caller: Caller, message: Message) -> str:
    message.only(UNSUBSCRIBE.members)
    own_id = message.subscription()
    hub().members.unsubscribe(caller.connection, own_id)
    return answers.message("unsubscribed", id=own_id, request=message.request)


def _publish(caller: Caller, message: Message) -> str:
    asked = Publish.of(message)
    results = hub().publisher.publish(asked.events, access=caller.access, stream=asked.stream, expected=asked.expected)
    return answers.published(message.request, results)


def _ping(_: Caller, message: Message) -> str:
    message.only(PING.members)
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
