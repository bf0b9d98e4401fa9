"""The catalogue holds valid schemas, which say what flunq.io's events are."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource

from eventstore.cloudevents.catalogue import SCHEMAS, aliases, document, event_types, resolve, schema

_ALIASES = {
    "workflow.created": "io.flunq.workflow.created",
    "workflow.updated": "io.flunq.workflow.updated",
    "workflow.deleted": "io.flunq.workflow.deleted",
    "workflow.execution.started": "io.flunq.execution.started",
    "workflow.execution.completed": "io.flunq.execution.completed",
    "workflow.execution.failed": "io.flunq.execution.failed",
    "task.started": "io.flunq.task.started",
    "task.completed": "io.flunq.task.completed",
    "task.failed": "io.flunq.task.failed",
    "task.retried": "io.flunq.task.retried",
}


def found(name: str) -> dict[str, Any]:
    definition = schema(name)
    assert definition is not None
    return dict(definition)


def validator(definition: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(definition, format_checker=FormatChecker())


each_type = pytest.mark.parametrize("name", event_types())


def test_the_whole_catalogue_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(dict(document()))
    assert document()["$id"] == f"{SCHEMAS}events"


@each_type
def test_every_schema_is_valid_and_stands_alone(name: str) -> None:
    definition = found(name)
    Draft202012Validator.check_schema(definition)
    assert definition["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert definition["$id"] == f"{SCHEMAS}{name}"
    assert "$ref" not in str(definition)


@each_type
def test_the_example_of_every_type_is_valid(name: str) -> None:
    (example,) = found(name)["examples"]
    validator(found(name)).validate(example)


@each_type
def test_a_schema_within_the_catalogue_accepts_the_same_example(name: str) -> None:
    registry: Registry[Any] = Resource.from_contents(dict(document())) @ Registry()
    within = Draft202012Validator({"$ref": f"{SCHEMAS}{name}"}, registry=registry)
    (example,) = found(name)["examples"]
    within.validate(example)
    with pytest.raises(ValidationError):
        within.validate([])


@each_type
def test_no_type_accepts_data_without_its_required_members(name: str) -> None:
    definition = found(name)
    (example,) = definition["examples"]
    assert set(definition.get("required", ())) <= set(example)
    for member in definition.get("required", ()):
        with pytest.raises(ValidationError, match=member):
            validator(definition).validate({key: value for key, value in example.items() if key != member})


@each_type
def test_every_member_is_described_and_data_may_have_others(name: str) -> None:
    definition = found(name)
    assert all(member["description"].endswith(".") for member in definition["properties"].values())
    (example,) = definition["examples"]
    validator(definition).validate({**example, "customer": "C-1"})


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("task.completed", {"duration_ms": -1}),
        ("task.completed", {"executed_at": 5}),
        ("task.failed", {"error": ""} | {"attempt": 0}),
        ("io.flunq.system.alert", {"component": "timer", "severity": "fatal", "message": "late"}),
        ("io.flunq.system.metrics", {"component": "timer", "metrics": {"late": "4 s"}}),
    ],
)
def test_wrong_data_is_refused(name: str, data: dict[str, Any]) -> None:
    assert not validator(found(name)).is_valid(data)


def test_the_ten_short_names_stand_for_types_of_the_catalogue() -> None:
    assert aliases() == _ALIASES
    assert set(aliases().values()) <= set(event_types())


def test_a_short_name_resolves_to_its_type_and_any_other_text_to_itself() -> None:
    assert resolve("workflow.execution.started") == "io.flunq.execution.started"
    assert resolve("order.placed") == "order.placed"
    assert schema("task.failed") == schema("io.flunq.task.failed")


@pytest.mark.parametrize("name", ["order.placed", "io.flunq.task.exploded", "events", "task_name", ""])
def test_what_is_no_type_of_the_catalogue_has_no_schema(name: str) -> None:
    assert schema(name) is None


def test_every_type_belongs_to_one_family_and_no_family_is_empty() -> None:
    prefixes = [rules["prefix"] for rules in document()["x-families"].values()]
    assert all(any(name.startswith(prefix) for prefix in prefixes) for name in event_types())
    assert all(any(name.startswith(prefix) for name in event_types()) for prefix in prefixes)
    assert len(event_types()) == 32


def test_no_definition_of_a_member_is_unused() -> None:
    used = {member for name in event_types() for member in found(name)["properties"]}
    assert used == {name for name in document()["$defs"] if name not in event_types()}
