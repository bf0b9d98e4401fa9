"""The schemas of answers that concern durable subscriptions."""

from __future__ import annotations

from typing import Any

from functions.rest.openapi.filters import FILTER_SCHEMA
from functions.rest.openapi.shapes import COUNT, NAME, SEQUENCE, TIME, TOKEN, closed, many, ref

__all__ = ["SUBSCRIPTION_SCHEMAS", "SUMMARY"]

_FIGURES: dict[str, Any] = {
    "lag": COUNT
    | {
        "description": "Events that match and that it has yet to come to, as far as they were counted. Left out where "
        "the credential is for some streams alone, and in `GET /stats` where events would have to be read."
    },
    "lag_more": {"type": "boolean", "description": "Whether there may be more of these; with `lag`."},
    "log_lag": COUNT
    | {
        "description": "Events of the log that it has yet to come to, whether they match or not; per partition, 10,000 "
        "are 10,000 or more. Left out where the credential is for some streams alone."
    },
    "in_flight": COUNT | {"description": "Events that were sent and not acknowledged."},
    "held": COUNT | {"description": "Streams of which an event failed and is to be tried again."},
    "parked": COUNT | {"description": "Streams that are set aside."},
    "full": {
        "type": "boolean",
        "description": "Whether 1,000 streams of a partition are held or parked: nothing new of it is taken until "
        "there is room.",
    },
    "oldest_age": {
        "type": ["number", "null"],
        "minimum": 0,
        "description": "Seconds since the oldest event was stored that it has not acknowledged, parked ones apart; "
        "where `log_lag` is left out, of those that were sent or are to be tried again.",
    },
}
_TEXT: dict[str, Any] = {"type": "string"}

_DEFINITION: dict[str, Any] = {
    "id": NAME,
    "filters": many(ref("Filter")),
    "filter_name": NAME | {"description": "The named filter that it follows: an event must match that one, too."},
    "stream": many(NAME) | {"description": "Of these streams; without it, of all."},
    "ack_deadline": SEQUENCE,
    "max_attempts": SEQUENCE,
    "max_in_flight": SEQUENCE,
    "created": TIME,
    "version": SEQUENCE | {"description": "Counts its definitions, from 1."},
}
_LAGS = ("lag", "lag_more", "log_lag")

SUMMARY = closed({"id": NAME, "members": COUNT, **_FIGURES}, optional=_LAGS)
"""How a durable subscription stands, in all."""


def _standing() -> dict[str, Any]:
    owner = {"type": ["string", "null"], "description": "The connection that the partition belongs to."}
    version = SEQUENCE | {
        "description": "Of the definition that it goes by; that of a change comes with its next turn."
    }
    members = {
        "members": many(closed({"connection": _TEXT, "id": _TEXT | {"description": "As it calls the subscription."}})),
        "partitions": many(
            closed({"partition": COUNT, "owner": owner, "version": version, **_FIGURES}, optional=_LAGS)
        ),
        "cursor": TOKEN
        | {"description": "Its place: all before it was acknowledged, but for streams that are held or parked."},
    }
    return closed({**_DEFINITION, **_FIGURES, **members}, optional=("filter_name", "stream", *_LAGS))


def _dead_letter() -> dict[str, Any]:
    return closed(
        {
            "subscription": NAME,
            "stream": NAME,
            "partition": COUNT,
            "sequence": SEQUENCE | {"description": "Of the event that failed."},
            "attempts": SEQUENCE,
            "errors": many(_TEXT)
            | {"description": "Why it failed, attempt by attempt; the newest five, of 300 characters each."},
            "since": TIME | {"description": "When the stream was parked."},
            "letters": COUNT | {"description": "How many of its events the dead letter queue was given."},
            "event": ref("RecordedEvent"),
        },
        optional=("event",),
    )


SUBSCRIPTION_SCHEMAS: dict[str, Any] = {
    "Filter": FILTER_SCHEMA,
    "Subscription": closed(_DEFINITION, optional=("filter_name", "stream")),
    "Subscriptions": closed({"subscriptions": many(ref("Subscription")), "next": TOKEN}, optional=("next",)),
    "SubscriptionStanding": _standing(),
    "Moved": closed({"id": NAME, "partitions": many(COUNT)}),
    "DeadLetter": _dead_letter(),
    "DeadLetters": closed({"dead_letters": many(ref("DeadLetter")), "next": TOKEN}, optional=("next",)),
    "Redriven": closed({"subscription": NAME, "streams": many(NAME)}),
}
