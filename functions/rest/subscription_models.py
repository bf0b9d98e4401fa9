"""Bodies that concern durable subscriptions: pydantic checks them and makes their schemas, as in `models`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from eventstore.durable.admin import UNCHANGED, Changes, StartPosition
from eventstore.filters import parse_filters
from eventstore.filters.named import FilterReference
from eventstore.groups import DeliverySettings
from eventstore.streams import NAME_PATTERN, DurableName, FilterName, StreamName
from eventstore.subscriptions import Durable, SubscriptionKey
from functions.rest.models import Body, parsed, whole, without_default
from functions.rest.problems import InvalidBody
from functions.rest.queries import milliseconds
from functions.rest.subscription_targets import MODELS as TARGETS
from functions.rest.subscription_targets import NewTarget, TargetChanges, changed_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "MODELS",
    "NewSubscription",
    "Redrive",
    "Replay",
    "SubscriptionChanges",
    "changes",
    "new_subscription",
    "redrive",
    "replay_place",
]

_STREAMS = 100
_CURSOR = 10**6
_LONGEST_CALL_MS = 100_000

Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
Names = Annotated[list[Name], Field(min_length=1, max_length=_STREAMS)]
Cursor = Annotated[str, Field(min_length=1, max_length=_CURSOR)]


def _several(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _time_without_default(schema: dict[str, Any]) -> None:
    without_default(schema)
    schema["format"] = "date-time"


# `parse_filters` checks a filter, and the document refers to its schema, `openapi.filters`.
Filters = list[Any]
AckDeadline = Annotated[
    int,
    BeforeValidator(whole),
    Field(
        ge=1,
        le=3600,
        description="Seconds that a member may take for what it was sent, or a call of the target: then at most 100.",
    ),
]
MaxAttempts = Annotated[
    int,
    BeforeValidator(whole),
    Field(ge=1, le=100, description="How often an event is tried before its stream is parked."),
]
MaxInFlight = Annotated[
    int,
    BeforeValidator(whole),
    Field(ge=1, le=1000, description="Events of a partition that may wait for acknowledgement."),
]


class NewSubscription(Body):
    """A durable subscription to be made."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["from", "cursor"]}})

    id: Name = Field(description="Its name.", examples=["workers"])
    filters: Filters = Field(
        default_factory=list,
        description="Which events: those that match every one. The dialects of the CloudEvents Subscriptions API.",
    )
    filter_name: Name = Field(
        default="",
        description="Of these, only what this named filter matches. The subscription follows its changes.",
        json_schema_extra=without_default,
        examples=["failures"],
    )
    stream: Annotated[Names, BeforeValidator(_several, json_schema_input_type=Name | Names)] = Field(
        default_factory=list, description="Only of this stream, or these; without it, of all."
    )
    start: Literal["now", "start"] = Field(
        default="now", alias="from", description="With the oldest event kept, or with what is published from now on."
    )
    cursor: Cursor = Field(
        default="",
        description="Behind these places, instead of `from`; several cursors are joined by a dot.",
        json_schema_extra=without_default,
    )
    ack_deadline: AckDeadline = 30
    max_attempts: MaxAttempts = 5
    max_in_flight: MaxInFlight = 100
    target: NewTarget | None = Field(
        default=None, description="Where its events are pushed, in place of members.", json_schema_extra=without_default
    )


class SubscriptionChanges(Body):
    """What is to be another in a durable subscription (RFC 7396); what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    filters: Filters = Field(
        default_factory=list, description="Which events, from here on: those that match every one."
    )
    filter_name: Name | None = Field(
        default=None,
        description="The named filter to follow, beside `filters`; null follows none.",
        json_schema_extra=without_default,
    )
    ack_deadline: AckDeadline = Field(default=30, json_schema_extra=without_default)
    max_attempts: MaxAttempts = Field(default=5, json_schema_extra=without_default)
    max_in_flight: MaxInFlight = Field(default=100, json_schema_extra=without_default)
    target: TargetChanges | None = Field(
        default=None,
        description="Where its events are pushed; null removes it, and connections may be members then.",
        json_schema_extra=without_default,
    )


class Replay(Body):
    """Where a durable subscription is to go on: one of the three."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    start: Literal["now", "start"] = Field(
        default="now", alias="from", description="As it was made.", json_schema_extra=without_default
    )
    cursor: Cursor = Field(
        default="",
        description="Behind these places; several cursors are joined by a dot.",
        json_schema_extra=without_default,
    )
    since: str = Field(
        default="",
        description="With the events stored at or after this time (RFC 3339).",
        min_length=1,
        json_schema_extra=_time_without_default,
        examples=["2018-04-05T17:31:00Z"],
    )


class Redrive(Body):
    """Parked streams that are to go on."""

    subscription: Name = Field(description="Its name.")
    stream: Name = Field(
        default="",
        description="This one; without it, all that the subscription has parked.",
        json_schema_extra=without_default,
    )
    how: Literal["start", "skip", "drop"] = Field(
        default="start",
        description="With the event that failed, with the one behind it, or behind all that is parked.",
    )


MODELS: Sequence[type[Body]] = (NewSubscription, SubscriptionChanges, Replay, Redrive, *TARGETS)
"""The bodies of calls that concern durable subscriptions."""


def new_subscription(body: bytes, *, key: SubscriptionKey, now: int) -> tuple[Durable, StartPosition]:
    """The durable subscription that a body asks for, and where it is to start.

    Args:
        body: The body, in JSON.
        key: The key of the new subscription.
        now: The current time, in milliseconds since 1970.

    Raises:
        Malformed, InvalidBody: As `models.parsed` says.
        InvalidFilter: A filter breaks a rule.
    """
    asked = parsed(NewSubscription, body)
    if {"start", "cursor"} <= asked.model_fields_set:
        raise InvalidBody([("/from", "from and cursor contradict each other; send one of them")])
    own = parse_filters(asked.filters)
    durable = Durable(
        key=key,
        name=DurableName(asked.id),
        filter=own,
        streams=tuple(sorted(set(map(StreamName, asked.stream)))),
        settings=DeliverySettings(asked.ack_deadline * 1000, asked.max_attempts, asked.max_in_flight),
        created=now,
        target=None if asked.target is None else asked.target.target(),
        reference=FilterReference(FilterName(asked.filter_name), own) if asked.filter_name else None,
    )
    if durable.target is not None:
        _require_short(durable.settings)
    return durable, _place(asked)


def changes(body: bytes) -> Callable[[Durable], Changes]:
    """What is to be another, given the present definition.

    Raises:
        Malformed, InvalidBody: As `models.parsed` says; also once applied, if the target would break a rule.
        InvalidFilter: A filter breaks a rule.
    """
    asked = parsed(SubscriptionChanges, body)
    given = asked.model_fields_set
    if not given:
        raise InvalidBody(
            [("", "send at least one of: filters, filter_name, ack_deadline, max_attempts, max_in_flight, target")]
        )
    fixed = Changes(
        filter=parse_filters(asked.filters) if "filters" in given else None,
        filter_name=FilterName(asked.filter_name or "") if "filter_name" in given else None,
        ack_deadline_ms=asked.ack_deadline * 1000 if "ack_deadline" in given else None,
        max_attempts=asked.max_attempts if "max_attempts" in given else None,
        max_in_flight=asked.max_in_flight if "max_in_flight" in given else None,
        target=None if "target" in given else UNCHANGED,
    )

    def of(durable: Durable) -> Changes:
        patch = asked.target
        applied = fixed if patch is None else replace(fixed, target=changed_target(durable.target, patch))
        # Its filter does not matter here.
        result = applied.applied(durable, durable)
        if result.target is not None:
            _require_short(result.settings)
        return applied

    return of


def replay_place(body: bytes) -> StartPosition:
    """Where a durable subscription is to go on; raises as `models.parsed` does."""
    asked = parsed(Replay, body)
    if len(asked.model_fields_set) != 1:
        raise InvalidBody([("", "send exactly one of: from, cursor, since")])
    if not asked.since:
        return _place(asked)
    try:
        return StartPosition(since=max(0, milliseconds(asked.since)))
    except ValueError as error:
        raise InvalidBody(
            [("/since", f"{asked.since[:40]!r} is no time of RFC 3339; one is such as 2018-04-05T17:31:00Z")]
        ) from error


def redrive(body: bytes) -> tuple[DurableName, StreamName | None, str]:
    """Subscription, stream and manner; raises as `models.parsed` does."""
    asked = parsed(Redrive, body)
    return DurableName(asked.subscription), StreamName(asked.stream) if asked.stream else None, asked.how


def _place(asked: NewSubscription | Replay) -> StartPosition:
    return StartPosition(cursors=[asked.cursor] if asked.cursor else [], oldest=asked.start == "start")


def _require_short(settings: DeliverySettings) -> None:
    """Raise `InvalidBody` if a call of a target could take longer than the function that makes it has."""
    if settings.ack_deadline_ms > _LONGEST_CALL_MS:
        reason = f"must be at most {_LONGEST_CALL_MS // 1000} with a target, whose calls it limits"
        raise InvalidBody([("/ack_deadline", reason)])
