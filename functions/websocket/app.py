"""The WebSocket function: takes connections in, does what their messages ask, and forgets them when they end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from eventstore.adapters.aws import clients, sqs
from eventstore.adapters.redis import log, registry
from eventstore.cloudevents import from_json
from eventstore.durable import membership
from eventstore.errors import ConnectionNotFound, EventstoreError, Forbidden, Invalid, StreamGone
from eventstore.live import subscribe
from eventstore.subscriptions import BARE
from eventstore.write import publisher
from functions.access import access_of
from functions.hub import hub
from functions.websocket import actions, answers, connecting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from eventstore.access import Access

__all__ = ["handler"]

_LOGGER = logging.getLogger(__name__)

PRELOADED = (clients, log, membership, publisher, registry, sqs, subscribe)
"""What the first request needs: Lambda gives a function's start more processor than its requests."""


def handler(event: Mapping[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Handle one event of API Gateway's WebSocket API."""
    context = event["requestContext"]
    match context["eventType"]:
        case "CONNECT":
            return _connect(event)
        case "DISCONNECT":
            hub().members.disconnect(context["connectionId"])
            return {"statusCode": 200}
        case _:
            return {"statusCode": 200, "body": _message(context, event.get("body") or "")}


def _connect(event: Mapping[str, Any]) -> dict[str, Any]:
    try:
        protocol = connecting.accept(event)
    except Invalid as error:
        # The gateway tells the client the status alone; the reason is for who reads the log.
        _LOGGER.info("a connection is refused: %s: %s", error.code, error.detail)
        return {"statusCode": 400, "body": error.detail}
    except Forbidden as error:
        _LOGGER.info("a connection is refused: %s: %s", error.code, error.detail)
        return {"statusCode": 403, "body": error.detail}
    except StreamGone as error:
        _LOGGER.info("a connection is refused: %s: %s", error.code, error.detail)
        return {"statusCode": 410, "body": error.detail}
    except EventstoreError as error:
        _LOGGER.warning("%s: %s", error.code, error.detail)
        return {"statusCode": 503, "body": error.detail}
    return {"statusCode": 200} | ({"headers": {"Sec-WebSocket-Protocol": protocol}} if protocol else {})


def _message(context: Mapping[str, Any], body: str) -> str:
    connection = context["connectionId"]
    # Not by the route: an event may have an extension that is called action.
    try:
        access = access_of(context)
        known = hub().subscriptions.connection(connection)
    except EventstoreError as error:
        return answers.error(error)
    if known is None:
        return answers.error(ConnectionNotFound())
    if known.protocol == BARE:
        return _publish_bare(access, body)
    return actions.answer(actions.Caller(connection, access), body)


def _publish_bare(access: Access, body: str) -> str:
    identity, subject = hub().new_id(), ""
    try:
        event = from_json(body)
        subject = event.id
        return answers.bare_published(hub().publisher.publish([event], access=access), identity, subject)
    except EventstoreError as error:
        return answers.bare_refused(error, identity, subject)
    except Exception as error:
        _LOGGER.exception("an event failed")
        return answers.bare_refused(error, identity, subject)
