"""The schemas of bodies: of requests from the models that check them, of answers from the types that builders return.

What publishers send and filters are declared (`events`, `filters`), for the core parses both without types.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from functions.answers import about, connections, filters, members, problems, streams, subscriptions
from functions.answers import schemas as event_schemas
from functions.rest import filter_models, models, schema_models, subscription_models
from functions.rest.openapi.derived import derived
from functions.rest.openapi.events import EVENT_SCHEMAS
from functions.rest.openapi.filters import FILTER_SCHEMA
from functions.rest.openapi.shapes import ref
from functions.rest.problems import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

__all__ = ["schemas"]

_ANSWERS: Sequence[object] = (
    members.RecordedEvent,
    members.Batch,
    members.Results,
    streams.EventPage,
    streams.StreamPage,
    streams.Stream,
    streams.Streams,
    subscriptions.Subscription,
    subscriptions.Subscriptions,
    subscriptions.SubscriptionStanding,
    subscriptions.Moved,
    subscriptions.DeadLetters,
    subscriptions.Redriven,
    filters.NamedFilter,
    filters.NamedFilters,
    event_schemas.EventSchema,
    event_schemas.EventSchemas,
    connections.Connections,
    about.Health,
    about.Stats,
    about.Renewed,
    problems.Problem,
)
"""The types of what calls answer; `derived` finds those within them."""


def schemas() -> dict[str, Any]:
    """All of them, by name."""
    return {**_bodies(), **_answers(), **EVENT_SCHEMAS, "Filter": FILTER_SCHEMA}


def _bodies() -> dict[str, Any]:
    """The schemas of the bodies of requests, as pydantic makes them from the models that check those."""
    modules = (models, subscription_models, filter_models, schema_models)
    bodies: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "validation") for module in modules for model in module.MODELS
    ]
    _, schema = models_json_schema(bodies, ref_template="#/components/schemas/{model}")
    definitions: dict[str, Any] = schema["$defs"]
    for name in ("NewSubscription", "SubscriptionChanges", "FilterDefinition"):
        # The core checks filters, so the models do not know their schema.
        definitions[name]["properties"]["filters"]["items"] = ref("Filter")
    return definitions


def _answers() -> dict[str, Any]:
    definitions = derived(_ANSWERS, closed=True)
    for name in ("Problem", "RecordedEvent"):
        # The gateway makes problems too, and an event has its publisher's extensions.
        del definitions[name]["additionalProperties"]
    # The codes are those of the core's errors, so the type does not list them.
    definitions["Problem"]["properties"]["code"]["enum"] = CODES
    return definitions
