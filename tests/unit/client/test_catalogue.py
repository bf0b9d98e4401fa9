"""Constructors make valid events of the catalogue, and type checkers know their parameters."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from eventstore.cloudevents import from_json
from eventstore.cloudevents.catalogue import document, event_types
from eventstore.streams import stream_of
from eventstore_client import catalogue, events
from eventstore_client.cli.demo import runs
from eventstore_client.events import encode_event

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path(__file__).parents[3]
_FAMILIES = sorted(document()["x-families"])
_IDS = {"workflowid": "order-7", "executionid": "e-1", "taskid": "t-1"}


def family_of(name: str) -> str:
    families = document()["x-families"]
    return max(
        (one for one in families if name.startswith(families[one]["prefix"])),
        key=lambda one: len(families[one]["prefix"]),
    )


def constructor(name: str) -> Callable[..., dict[str, Any]]:
    family = family_of(name)
    made: Callable[..., dict[str, Any]] = getattr(
        getattr(events, family), name.removeprefix(document()["x-families"][family]["prefix"])
    )
    return made


def example(name: str) -> dict[str, Any]:
    (data,) = catalogue.schema(name)["examples"]
    return dict(data)


def is_valid(event: dict[str, Any]) -> bool:
    return Draft202012Validator(catalogue.schema(event["type"]), format_checker=FormatChecker()).is_valid(event["data"])


def mypy(tmp_path: Path, program: str) -> str:
    file = tmp_path / "program.py"
    file.write_text(program)
    options = ["--strict", "--no-incremental", f"--cache-dir={os.devnull}", "--config-file=", "--follow-imports=silent"]
    environment = {**os.environ, "MYPYPATH": f"{_ROOT}/layers/eventstore:{_ROOT}/layers/client"}
    command = [sys.executable, "-m", "mypy", *options, "--explicit-package-bases", "--namespace-packages", str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path).stdout


def test_the_constructors_are_what_is_generated_from_the_catalogue() -> None:
    generator = runpy.run_path(str(_ROOT / "layers/client/generate_events.py"))
    folder = _ROOT / "layers/client/eventstore_client/catalogue"
    written = {family: (folder / f"{family}.py").read_text() for family in _FAMILIES}
    assert generator["modules"]() == written


@pytest.mark.parametrize("name", event_types())
def test_every_constructor_makes_a_valid_event_of_its_type(name: str) -> None:
    family = document()["x-families"][family_of(name)]
    ids = {attribute: _IDS[attribute] for attribute in (*family["required"], *family["optional"])}
    event = constructor(name)(source="/tests", **ids, **example(name))
    assert (event["type"], event["source"], event["data"]) == (name, "/tests", example(name))
    assert event["dataschema"] == catalogue.schema(name)["$id"]
    assert {key: event[key] for key in ids} == ids
    assert event["subject"] == {**ids, **example(name)}[family["subject"]]
    assert is_valid(event)
    from_json(encode_event(event))


@pytest.mark.parametrize("name", event_types())
def test_a_constructor_requires_what_the_schema_requires(name: str) -> None:
    with pytest.raises(TypeError, match="source"):
        constructor(name)()
    for member in catalogue.schema(name).get("required", ()):
        family = document()["x-families"][family_of(name)]
        ids = {attribute: _IDS[attribute] for attribute in family["required"]}
        with pytest.raises(TypeError, match=member):
            constructor(name)(
                source="/tests", **ids, **{key: value for key, value in example(name).items() if key != member}
            )


def test_an_event_has_an_id_and_the_time_if_none_is_given() -> None:
    before = datetime.now(UTC)
    first, second = (events.timer.fired(source="/timer", workflowid="order-7") for _ in range(2))
    assert first["id"] != second["id"]
    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(first["time"]) <= datetime.now(UTC)
    assert first["data"] == {}


def test_attributes_that_are_given_are_those_of_the_event() -> None:
    event = events.task.completed(
        source="/workers", workflowid="order-7", taskid="t-1", id="1", time="2026-01-05T09:00:00Z", subject="charge",
        tenantid="acme", correlationid="c", causationid="0", output={"receipt": "R-1"},
    )  # fmt: skip
    assert event == {
        "specversion": "1.0",
        "id": "1",
        "source": "/workers",
        "type": "io.flunq.task.completed",
        "time": "2026-01-05T09:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "https://flunq.io/schemas/v1/io.flunq.task.completed",
        "workflowid": "order-7",
        "taskid": "t-1",
        "subject": "charge",
        "tenantid": "acme",
        "correlationid": "c",
        "causationid": "0",
        "data": {"output": {"receipt": "R-1"}},
    }
    assert stream_of(from_json(json.dumps(event))) == "acme:order-7"


def test_a_time_is_written_in_utc_and_needs_a_time_zone() -> None:
    due = datetime(2026, 1, 5, 10, 0, tzinfo=timezone(timedelta(hours=1)))
    event = events.timer.scheduled(source="/timer", workflowid="order-7", fire_at=due, time=due)
    assert event["time"] == event["data"]["fire_at"] == "2026-01-05T09:00:00.000Z"
    with pytest.raises(ValueError, match="has no time zone; use datetime"):
        events.timer.scheduled(source="/timer", workflowid="order-7", fire_at=datetime(2026, 1, 5))  # noqa: DTZ001


def test_the_events_of_the_demo_are_valid() -> None:
    made = [event for run in runs(60) for event in run.events]
    assert [event for event in made if not is_valid(event)] == []


def test_an_event_is_created_by_its_type_or_its_short_name() -> None:
    event = catalogue.create("workflow.execution.failed", {"error": "late"}, source="/engine", workflowid="order-7")
    assert (event["type"], event["workflowid"], event["data"]) == (
        "io.flunq.execution.failed",
        "order-7",
        {"error": "late"},
    )
    assert catalogue.create("io.flunq.workflow.paused", {}, source="/engine")["type"] == "io.flunq.workflow.paused"


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("task.complete", {}, "'task.complete' is not in the catalogue; did you mean 'task.completed'?"),
        ("order.placed", {}, "'order.placed' is not in the catalogue; catalogue.event_types() lists its types"),
        ("task.failed", {}, "the data of io.flunq.task.failed must have error"),
        (
            "io.flunq.system.alert",
            {"severity": "info"},
            "the data of io.flunq.system.alert must have component and message",
        ),
    ],
)
def test_an_event_that_cannot_be_created_is_refused_with_the_reason(
    name: str, data: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}$"):
        catalogue.create(name, data, source="/tests")


def test_a_filter_of_types_accepts_short_names_and_prefixes() -> None:
    assert catalogue.type_filter("workflow.created") == {"exact": {"type": "io.flunq.workflow.created"}}
    assert catalogue.type_filter("task.failed", "order.placed", "io.flunq.timer.*") == {
        "any": [
            {"exact": {"type": "io.flunq.task.failed"}},
            {"exact": {"type": "order.placed"}},
            {"prefix": {"type": "io.flunq.timer."}},
        ]
    }
    with pytest.raises(ValueError, match="at least one type"):
        catalogue.type_filter()


def test_the_client_imports_the_catalogue_only_when_it_is_used() -> None:
    program = (
        "import sys; from eventstore_client import events; before = [m for m in sys.modules if 'catalogue' in m]; "
        "events.task.started(source='/w', workflowid='o', taskid='t'); after = set(sys.modules); "
        "print(before, *(f'eventstore_client.catalogue.{name}' in after for name in ('task', 'timer')))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] True False"


def test_events_has_the_families_and_no_other_names() -> None:
    assert all(
        getattr(events, family) is import_module(f"eventstore_client.catalogue.{family}") for family in _FAMILIES
    )
    with pytest.raises(AttributeError, match="no attribute 'tasks'"):
        events.tasks  # noqa: B018


_REFUSED = {
    "task.completed(source='/w', workflowid='o')": 'Missing named argument "taskid"',
    "task.completed(source='/w', workflowid='o', taskid='t', duration='4')": 'Unexpected keyword argument "duration"',
    "task.completed(source='/w', workflowid='o', taskid='t', duration_ms='4')": 'expected "int | None"',
    "task.finished(source='/w')": 'Module has no attribute "finished"',
    "system.alert(source='/w', component='c', severity='fatal', message='m')": "Literal['fatal']",
    "tasks": 'Module has no attribute "tasks"',
}


def test_a_type_checker_accepts_what_is_right_and_refuses_what_is_wrong(tmp_path: Path) -> None:
    program = """
from eventstore_client import catalogue, events

one: dict[str, object] = events.task.completed(
    source="/w", workflowid="o", taskid="t", output={"a": [1]}, duration_ms=4, tenantid="acme"
)
two = events.system.alert(source="/w", component="timer", severity="warning", message="late")
three = catalogue.create("task.failed", {"error": "late"}, source="/w", workflowid="o")
"""
    right = len(program.splitlines())
    program += "".join(f"events.{call}\n" for call in _REFUSED)
    complaints = [line for line in mypy(tmp_path, program).splitlines() if ": error: " in line]
    assert len(complaints) == len(_REFUSED)
    for number, (complaint, expected) in enumerate(zip(complaints, _REFUSED.values(), strict=True), start=right + 1):
        assert complaint.startswith(f"program.py:{number}: ")
        assert expected in complaint
