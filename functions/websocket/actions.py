"""The actions of `eventstore.v1`, each with what it is answered."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from eventstore import bootstrap, groups
from eventstore.errors import EventstoreError, UnknownAction
from eventstore.store import PartlyPublished
from eventstore.subscriptions import Subscription
from functions.websocket import answers
from functions.websocket.requests import Ack, Join, Message, Nack, Publish, Release, Subscribe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["answer"]

_LOGGER = logging.getLogger(__name__)


def answer(connection: str, body: str) -> str:
    """Do what a message asks for; whatever becomes of it, there is an answer."""
    message = Message({})
    try:
        message = Message.parse(body)
        action = _ACTIONS.get(message.action)
        if action is None:
            raise UnknownAction(
                f"there is no action {message.action[:40]!r}; there are {', '.join(_ACTIONS)}", pointer="/action"
            )
        return action(connection, message)
    except (EventstoreError, PartlyPublished) as error:
        failure: Exception = error
    except Exception as error:
        _LOGGER.exception("a message failed")
        failure = error
    return answers.error(failure, request=message.request, own_id=message.own_id)


def _subscribe(connection: str, message: Message) -> str:
    if "subscription" in message.found:
        return _join(connection, message)
    asked = Subscribe.of(message)
    subscription = Subscription(bootstrap.new_id(), connection, asked.id, asked.filter, asked.streams)
    subscriptions = bootstrap.subscriptions()
    subscribed = subscriptions.start(subscription, cursors=asked.cursors, oldest=asked.oldest)
    subscriptions.ring(subscribed)
    return answers.subscribed(message.request, asked.id, subscribed)


def _join(connection: str, message: Message) -> str:
    asked = Join.of(message)
    partitions = bootstrap.members().join(connection, asked.id, asked.name)
    return answers.message(
        "subscribed", id=asked.id, subscription=asked.name, partitions=list(partitions), request=message.request
    )


def _ack(connection: str, message: Message) -> str:
    asked = Ack.of(message)
    if asked.stream is None:
        bootstrap.members().acknowledge(connection, asked.id, asked.cursors)
    else:
        bootstrap.members().acknowledge_stream(connection, asked.id, asked.stream, asked.sequence)
    return answers.message("acknowledged", id=asked.id, request=message.request)


def _nack(connection: str, message: Message) -> str:
    asked = Nack.of(message)
    nack = groups.Nack(connection, asked.stream, asked.sequence, asked.reason, asked.delay, asked.park)
    bootstrap.members().fail(asked.id, nack)
    return answers.message("acknowledged", id=asked.id, request=message.request)


def _release(connection: str, message: Message) -> str:
    asked = Release.of(message)
    bootstrap.members().release(connection, asked.id, asked.partition)
    return answers.message("released", id=asked.id, partition=asked.partition, request=message.request)


def _unsubscribe(connection: str, message: Message) -> str:
    message.only("id")
    own_id = message.subscription()
    bootstrap.members().unsubscribe(connection, own_id)
    return answers.message("unsubscribed", id=own_id, request=message.request)


def _publish(_: str, message: Message) -> str:
    asked = Publish.of(message)
    results = bootstrap.store().publish(asked.events, stream=asked.stream, expected=asked.expected)
    return answers.published(message.request, results)


def _ping(_: str, message: Message) -> str:
    message.only()
    return answers.message("pong", request=message.request)


_ACTIONS: Mapping[str, Callable[[str, Message], str]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "publish": _publish,
    "ping": _ping,
    "ack": _ack,
    "nack": _nack,
    "release": _release,
}
