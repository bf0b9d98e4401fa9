"""The WebSocket function: accepts connections, executes their messages, and removes closed connections."""

from __future__ import annotations

import logging
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis import log, registry
from eventstore.cloudevents import from_json
from eventstore.durable import membership
from eventstore.errors import ConnectionNotFound, EventstoreError, FilterNotFound, Forbidden, Invalid, StreamGone
from eventstore.live import subscribe
from eventstore.subscriptions import BARE, ConnectionId
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

_REJECTIONS: Mapping[type[EventstoreError], int] = {Invalid: 400, Forbidden: 403, FilterNotFound: 404, StreamGone: 410}
"""The statuses of connections that are rejected for what their clients sent."""

PRELOADED = (log, membership, publisher, registry, subscribe)
"""Modules that the first request uses: imported at init, when Lambda provides more CPU than to a request."""

# The server handles messages by this function too, and runs where nothing of AWS is installed.
with suppress(ModuleNotFoundError):
    for _module in ("calls", "environment", "sqs_dispatch_queue"):
        import_module(f"eventstore.adapters.aws.{_module}")


def handler(event: Mapping[str, Any], _: LambdaContext) -> dict[str, Any]:
    """Handle an event of API Gateway's WebSocket API."""
    context = event["requestContext"]
    match context["eventType"]:
        case "CONNECT":
            return _connect(event)
        case "DISCONNECT":
            hub().members.disconnect(ConnectionId(context["connectionId"]))
            return {"statusCode": 200}
        case _:
            return {"statusCode": 200, "body": _message(context, event.get("body") or "")}


def _connect(event: Mapping[str, Any]) -> dict[str, Any]:
    try:
        protocol = connecting.accept(event)
    except tuple(_REJECTIONS) as error:
        status = next(status for kind, status in _REJECTIONS.items() if isinstance(error, kind))
        # The gateway sends the client only the status; the log has the reason.
        _LOGGER.info("connection rejected: %s: %s", error.code, error.detail)
        return {"statusCode": status, "body": error.detail}
    except EventstoreError as error:
        _LOGGER.warning("%s: %s", error.code, error.detail)
        return {"statusCode": 503, "body": error.detail}
    return {"statusCode": 200} | ({"headers": {"Sec-WebSocket-Protocol": protocol}} if protocol else {})


def _message(context: Mapping[str, Any], body: str) -> str:
    connection = ConnectionId(context["connectionId"])
    # The subprotocol decides, not the route: a bare event may have an extension named action.
    try:
        access = access_of(context)
        state = hub().subscriptions.connection(connection)
    except EventstoreError as error:
        return answers.error(error)
    if state is None:
        return answers.error(ConnectionNotFound())
    if state.protocol == BARE:
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
        _LOGGER.exception("publishing a bare event failed")
        return answers.bare_refused(error, identity, subject)
