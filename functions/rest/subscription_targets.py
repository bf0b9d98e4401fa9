"""The targets of durable subscriptions, as bodies name them: a model of each kind, and the changes of any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)

from eventstore.subscriptions import Target
from functions.rest.models import Body, refusal, whole, without_default
from functions.rest.problems import InvalidBody
from functions.rest.subscription_answers import HIDDEN, target_members
from functions.rest.target_forms import Bus, Function, HeaderName, Headers, Queue, Secret, Url, broken_rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import ValidationInfo

__all__ = ["MODELS", "NewTarget", "TargetChanges", "changed_target"]

_FEW, _MANY = 10, 100
_BATCHED = "batched"

Few = Annotated[int, BeforeValidator(whole), Field(ge=1, le=_FEW, description="The most events of one call.")]
Many = Annotated[int, BeforeValidator(whole), Field(ge=1, le=_MANY, description="The most events of one call.")]
Concurrency = Annotated[
    int,
    BeforeValidator(whole),
    Field(ge=1, le=50, description="How many streams of a partition are pushed side by side."),
]
Mode = Annotated[
    Literal["structured", "binary", "batched"],
    Field(
        description="The content mode of the CloudEvents HTTP binding; without it, `structured`, or `batched` if "
        "`batch` is more than 1."
    ),
]


class NewLambdaTarget(Body):
    """A Lambda function that events are pushed to."""

    function: Function = Field(alias="lambda")
    batch: Many = 10
    concurrency: Concurrency = 5

    def target(self) -> Target:
        """Return the target as a value."""
        return Target("lambda", self.function, self.batch, self.concurrency)


class NewSqsTarget(Body):
    """An SQS queue that events are pushed to."""

    sqs: Queue
    batch: Few = 10
    concurrency: Concurrency = 5

    def target(self) -> Target:
        """Return the target as a value."""
        return Target("sqs", self.sqs, self.batch, self.concurrency)


class NewHttpTarget(Body):
    """A URL that events are pushed to."""

    http: Url
    batch: Many = Field(
        default=1,
        description="The most events of one call; without it, 10 if `mode` is `batched`, else 1.",
        json_schema_extra=without_default,
    )
    concurrency: Concurrency = 5
    mode: Mode = Field(default="structured", json_schema_extra=without_default)
    headers: Headers = Field(default_factory=dict)
    secret: Secret = Field(default="", json_schema_extra=without_default)

    @field_validator("mode")
    @classmethod
    def _takes_the_batch(cls, mode: str, info: ValidationInfo) -> str:
        # `batch` is declared before `mode`; it is absent if it is wrong itself.
        if mode != _BATCHED and info.data.get("batch", 1) > 1:
            raise broken_rule(f"must be {_BATCHED}, or batch must be 1: a request in mode {mode} has one event")
        return mode

    def target(self) -> Target:
        """Return the target as a value."""
        given = self.model_fields_set
        mode = self.mode if "mode" in given else _BATCHED if self.batch > 1 else "structured"
        batch = self.batch if "batch" in given or mode != _BATCHED else _FEW
        headers = tuple(sorted(self.headers.items()))
        return Target("http", self.http, batch, self.concurrency, mode=mode, headers=headers, secret=self.secret)


class NewEventBridgeTarget(Body):
    """An EventBridge event bus that events are pushed to."""

    eventbridge: Bus
    batch: Few = 10
    concurrency: Concurrency = 5

    def target(self) -> Target:
        """Return the target as a value."""
        return Target("eventbridge", self.eventbridge, self.batch, self.concurrency)


_Kinds = NewLambdaTarget | NewSqsTarget | NewHttpTarget | NewEventBridgeTarget
_BY_KIND: Mapping[str, type[_Kinds]] = {
    "lambda": NewLambdaTarget,
    "sqs": NewSqsTarget,
    "http": NewHttpTarget,
    "eventbridge": NewEventBridgeTarget,
}


def _of_its_kind(value: object) -> _Kinds:
    """Check a target by the model of its kind, so that errors do not speak of other kinds."""
    if not isinstance(value, dict):
        raise broken_rule("must be an object")
    kinds = [kind for kind in _BY_KIND if kind in value]
    if len(kinds) != 1:
        raise broken_rule(f"must have exactly one of: {', '.join(_BY_KIND)}")
    return _BY_KIND[kinds[0]].model_validate(value)


NewTarget = Annotated[_Kinds, PlainValidator(_of_its_kind, json_schema_input_type=_Kinds)]


class _Changed(Body):
    target: NewTarget


class TargetChanges(Body):
    """What is to be another in a target (RFC 7396); one of another kind replaces it as a whole."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    function: Function | None = Field(default=None, alias="lambda", json_schema_extra=without_default)
    sqs: Queue | None = Field(default=None, json_schema_extra=without_default)
    http: Url | None = Field(default=None, json_schema_extra=without_default)
    eventbridge: Bus | None = Field(default=None, json_schema_extra=without_default)
    batch: Many | None = Field(default=None, json_schema_extra=without_default)
    concurrency: Concurrency | None = Field(default=None, json_schema_extra=without_default)
    mode: Mode | None = Field(default=None, json_schema_extra=without_default)
    headers: dict[HeaderName, str | None] | None = Field(
        default=None,
        description="Null removes one, or all; `***` leaves the value of one as it is.",
        json_schema_extra=without_default,
    )
    secret: Secret | None = Field(default=None, json_schema_extra=without_default)

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise broken_rule("must have at least one member")
        return self


MODELS: Sequence[type[Body]] = (*_BY_KIND.values(), TargetChanges)
"""The parts of bodies that concern targets."""


def changed_target(present: Target | None, changes: TargetChanges) -> Target:
    """Return the target that changes make of the present one.

    Args:
        present: The present target; None if there is none.
        changes: The changes.

    Raises:
        InvalidBody: The result would not be a target, or would send hidden headers to another host.
    """
    given = changes.model_dump(by_alias=True, exclude_unset=True)
    kinds = {kind for kind in _BY_KIND if given.get(kind) is not None}
    kept = None if present is None or kinds - {present.kind} else present
    if changes.headers is not None:
        given["headers"] = _merged(dict(kept.headers) if kept else {}, changes.headers)
    merged = {**target_members(kept), **given} if kept else given
    members = {name: value for name, value in merged.items() if value is not None}
    try:
        changed = _Changed.model_validate({"target": members}).target.target()
    except ValidationError as error:
        raise refusal(error) from error
    if kept is not None:
        _require_known_values(kept, changed, changes.headers or {})
    return changed


def _merged(kept: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    """Return headers after a merge; upper and lower case of their names make no difference."""
    values = {name.lower(): value for name, value in kept.items()}
    named = {name.lower() for name in given}
    merged = {name: value for name, value in kept.items() if name.lower() not in named}
    for name, value in given.items():
        if value is not None:
            merged[name] = values.get(name.lower(), value) if value == HIDDEN else value
    return merged


def _require_known_values(present: Target, changed: Target, given: Mapping[str, str | None]) -> None:
    """Raise `InvalidBody` if headers whose values the caller did not send would go to another host."""
    if changed.kind != "http" or urlsplit(present.address)[:2] == urlsplit(changed.address)[:2]:
        return
    sent = {name.lower() for name, value in given.items() if value != HIDDEN}
    if unsent := [name for name, _ in changed.headers if name.lower() not in sent]:
        reason = f"send the value of {unsent[0]!r} again, or null: it was given for another host"
        raise InvalidBody([("/target/headers", reason)])
