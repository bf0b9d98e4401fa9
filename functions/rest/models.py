"""Bodies that are no CloudEvents, checked by pydantic; their JSON Schemas stand in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from eventstore.errors import Malformed
from eventstore.streams import Retention, StreamConfig, stream_name
from functions.rest.problems import InvalidBody

__all__ = ["Body", "NewStream", "new_stream", "parsed", "whole"]

_MOST = 10**12


def whole(value: object) -> object:
    """A number without a fraction as an integer."""
    # To JSON Schema, 60.0 is an integer: JSON has one kind of number.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Limit = Annotated[int, BeforeValidator(whole), Field(ge=1, le=_MOST)]
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

    id: str = Field(
        description="Its name.", json_schema_extra={"pattern": "^[A-Za-z0-9._:~-]{1,200}$"}, examples=["wf-1"]
    )
    retention: RetentionLimits = RetentionLimits()
    labels: dict[LabelName, LabelValue] = Field(
        default_factory=dict, max_length=64, description="Yours, for whatever you need."
    )


BodyT = TypeVar("BodyT", bound=Body)


def parsed(model: type[BodyT], body: bytes) -> BodyT:
    """A body as what it is to be.

    Raises:
        Malformed: It is no JSON.
        InvalidBody: A member is missing, unknown or wrong.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        places = [("".join(f"/{step}" for step in found["loc"]), found["msg"]) for found in error.errors()]
        if error.errors()[0]["type"] == "json_invalid":
            raise Malformed(f"not JSON: {places[0][1]}") from error
        raise InvalidBody(places) from error


def new_stream(body: bytes) -> tuple[str, StreamConfig]:
    """The name and the settings that a body asks for; raises `InvalidStream`, and as `parsed` does."""
    asked = parsed(NewStream, body)
    retention = Retention(asked.retention.max_age, asked.retention.max_events)
    return stream_name(asked.id, pointer="/id"), StreamConfig(retention, asked.labels)
