"""Bodies that are no CloudEvents: pydantic checks them, and makes the schemas of the OpenAPI document from them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from eventstore.cloudevents.json_text import decoded, single
from eventstore.errors import Malformed
from eventstore.streams import FORK_MARK, FORK_PATTERN, NAME_PATTERN, Retention, StreamConfig, StreamName, stream_name
from functions.rest.problems import InvalidBody

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic_core import ErrorDetails

__all__ = [
    "MODELS",
    "Body",
    "ForkRequest",
    "NewStream",
    "StreamChanges",
    "fork_request",
    "new_stream",
    "parsed",
    "refusal",
    "stream_changes",
    "whole",
    "without_default",
]

_MOST = 10**12
_LABELS = 64


def whole(value: object) -> object:
    """A number without a fraction as an integer."""
    # To JSON Schema, 60.0 is an integer: JSON has one kind of number.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def without_default(schema: dict[str, Any]) -> None:
    """Take the default out of the schema of a member that means nothing where it is left out."""
    schema.pop("default", None)


Limit = Annotated[int, BeforeValidator(whole), Field(ge=1, le=_MOST)]
_RULES = {
    "missing": "is missing, and this call needs it",
    "extra_forbidden": "is no member that this call knows",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be a string",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be true or false",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "rule": "{reason}",
    "string_pattern_mismatch": "must be 1 to 200 of: letters, digits and . _ : ~ -",
}
"""What pydantic finds, by its stable types, in words that say what would be right."""

LabelName = Annotated[str, Field(min_length=1, max_length=63)]
LabelValue = Annotated[str, Field(max_length=256)]


class Body(BaseModel):
    """A JSON object of which every member is known."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RetentionLimits(Body):
    """How long a stream keeps its events; without a limit, for ever."""

    max_age: Limit | None = Field(default=None, description="In seconds, counted from when an event was stored.")
    max_events: Limit | None = Field(default=None, description="The newest that many are kept.")


class NewStream(Body):
    """A stream to be made."""

    # The core checks the name, and says which character is wrong.
    id: str = Field(description="Its name.", json_schema_extra={"pattern": f"^{NAME_PATTERN}$"}, examples=["wf-1"])
    retention: RetentionLimits = RetentionLimits()
    labels: dict[LabelName, LabelValue] = Field(
        default_factory=dict, max_length=_LABELS, description="Yours, for whatever you need."
    )


class RetentionChanges(Body):
    """Limits that are to be others; null removes one, and what is left out stays as it is."""

    max_age: Limit | None = Field(default=None, description="In seconds, counted from when an event was stored.")
    max_events: Limit | None = Field(default=None, description="The newest that many are kept.")


class StreamChanges(Body):
    """What is to be another in a stream (RFC 7396): null removes a limit or a label; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    retention: RetentionChanges | None = Field(default=None, description="Null keeps events for ever.")
    labels: dict[LabelName, LabelValue | None] | None = Field(
        default=None, max_length=_LABELS, description="Null removes all of them."
    )


class ForkRequest(Body):
    """A fork of a stream to be made."""

    to: str = Field(
        description=f"Its name, which contains `{FORK_MARK}`: by that, subscriptions and reads of all streams leave it "
        "out.",
        json_schema_extra={"pattern": f"^{FORK_PATTERN}$", "maxLength": 200},
        examples=["acme:wf-1~fork"],
    )
    until: Limit | None = Field(
        default=None,
        description="The sequence of the last event to copy; without it the newest one, or that of the fork if it "
        "exists.",
        json_schema_extra=without_default,
    )


MODELS: Sequence[type[Body]] = (NewStream, StreamChanges, ForkRequest)
"""The bodies of calls that concern streams."""

BodyT = TypeVar("BodyT", bound=Body)


def parsed(model: type[BodyT], body: bytes) -> BodyT:
    """A body as what it is to be.

    Args:
        model: What it is to be.
        body: The body, in JSON.

    Raises:
        Malformed: It is no JSON.
        InvalidBody: A member is missing, unknown or wrong.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            # Read again, for words that name what is wrong.
            single(decoded(body))
            raise Malformed("not JSON: it cannot be read") from error
        raise refusal(error) from error


def refusal(error: ValidationError) -> InvalidBody:
    """What pydantic found, in words that say where and why."""
    return InvalidBody([(_pointer(details["loc"]), _reason(details)) for details in error.errors()])


def _pointer(place: Sequence[int | str]) -> str:
    """The place as RFC 6901 has it; pydantic says of a key that it is one, and of a union which part."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in place if step != "[key]")


def _reason(details: ErrorDetails) -> str:
    """What is wrong, and what would be right."""
    rule, about = details["type"], details.get("ctx", {})
    if rule in _RULES:
        return _RULES[rule].format(**about)
    return f"breaks a rule: {details['msg']}"


def new_stream(body: bytes) -> tuple[StreamName, StreamConfig]:
    """The name and the settings that a body asks for; raises `InvalidStream`, and as `parsed` does."""
    asked = parsed(NewStream, body)
    retention = Retention(asked.retention.max_age, asked.retention.max_events)
    return stream_name(asked.id, pointer="/id"), StreamConfig(retention, asked.labels)


def fork_request(body: bytes) -> tuple[StreamName, int | None]:
    """The name of a fork, and the last sequence to copy; raises `InvalidStream`, and as `parsed` does."""
    asked = parsed(ForkRequest, body)
    return stream_name(asked.to, pointer="/to"), asked.until


def stream_changes(body: bytes) -> Callable[[StreamConfig], StreamConfig]:
    """What a body makes of a stream's settings (RFC 7396).

    Raises:
        Malformed, InvalidBody: As `parsed` says; also when it changes nothing, or, once applied, there are too many
            labels.
    """
    asked = parsed(StreamChanges, body)
    if not asked.model_fields_set:
        raise InvalidBody([("", "send at least one of: retention, labels")])

    def changed(config: StreamConfig) -> StreamConfig:
        retention, labels = config.retention, dict(config.labels)
        if "retention" in asked.model_fields_set:
            limits = asked.retention
            given = {} if limits is None else {name: getattr(limits, name) for name in limits.model_fields_set}
            retention = Retention() if limits is None else replace(retention, **given)
        if "labels" in asked.model_fields_set:
            merged: dict[str, str | None] = {} if asked.labels is None else {**labels, **asked.labels}
            labels = {name: value for name, value in merged.items() if value is not None}
            if len(labels) > _LABELS:
                raise InvalidBody([("/labels", f"the stream would have {len(labels)}; at most {_LABELS} are kept")])
        return replace(config, retention=retention, labels=labels)

    return changed
