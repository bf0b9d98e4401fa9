from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.cloudevents.json_text import elements, members
from eventstore.errors import InvalidEvent
from eventstore_client.cli.temporal import history_events, is_history

if TYPE_CHECKING:
    from pathlib import Path


def event(number: object = "1", kind: object = "TimerStarted", **members: object) -> dict[str, Any]:
    return {"eventId": number, "eventType": kind, **members}


def started(**attributes: object) -> dict[str, Any]:
    return event("1", "WorkflowExecutionStarted", workflowExecutionStartedEventAttributes=attributes)


def converted(*events: dict[str, Any], name: str = "file") -> list[dict[str, Any]]:
    document = members(json.dumps({"events": events}))
    return [json.loads(text) for text in history_events(elements(document["events"].text), name=name)]


def test_a_history_is_distinguished_from_an_event() -> None:
    assert is_history(members('{"events": []}'))
    assert not is_history(members('{"specversion": "1.0", "events": []}'))
    assert not is_history(members('{"events": "many"}'))


@pytest.mark.parametrize("spelled", ["WorkflowTaskTimedOut", "EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT"])
def test_both_spellings_are_one_type(spelled: str) -> None:
    [made] = converted(event(kind=spelled))

    assert made["type"] == "io.temporal.workflow_task_timed_out"


def test_an_unknown_event_type_is_kept() -> None:
    [made] = converted(event(kind="UnknownEvent"))

    assert made["type"] == "io.temporal.unknown_event"


def test_a_history_names_its_workflow_and_its_run() -> None:
    made = converted(started(workflowId="trip", originalExecutionRunId="r1"), event("2"))

    assert [(m["workflowid"], m["executionid"], m["id"]) for m in made] == [
        ("trip", "r1", "r1:1"),
        ("trip", "r1", "r1:2"),
    ]


def test_a_history_that_names_no_workflow_is_named_for_its_file() -> None:
    [made] = converted(started(originalExecutionRunId="r1"), name="my-history")

    assert made["workflowid"] == "my-history"


def test_a_history_that_names_no_run_has_none() -> None:
    [made] = converted(event("1"))

    assert "executionid" not in made
    assert made["id"] == "1"


@pytest.mark.parametrize("cause", ["ResetWorkflow", "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"])
def test_a_run_that_was_reset_goes_by_its_own_id_from_its_first_event(cause: str) -> None:
    reset = event("2", "WorkflowTaskFailed", workflowTaskFailedEventAttributes={"cause": cause, "newRunId": "r2"})

    assert [made["executionid"] for made in converted(started(originalExecutionRunId="r1"), reset)] == ["r2", "r2"]


def test_a_task_that_failed_otherwise_makes_no_new_run() -> None:
    failed = event("2", "WorkflowTaskFailed", workflowTaskFailedEventAttributes={"cause": "Other", "newRunId": "r2"})

    assert [made["executionid"] for made in converted(started(originalExecutionRunId="r1"), failed)] == ["r1", "r1"]


def test_the_events_of_two_workflows_with_one_run_id_do_not_clash() -> None:
    [first] = converted(started(originalExecutionRunId="r1"), name="one")
    [second] = converted(started(originalExecutionRunId="r1"), name="two")

    assert (first["source"], first["id"]) != (second["source"], second["id"])


def test_time_is_when_the_event_happened() -> None:
    [made] = converted(event(eventTime="2020-12-10T18:54:05.627515990Z"))

    assert made["time"] == "2020-12-10T18:54:05.627515990Z"


def test_an_event_id_may_be_a_number() -> None:
    assert [made["id"] for made in converted(event(1), event(2))] == ["1", "2"]


@pytest.mark.parametrize("number", [None, "0", "-1", "1.5", "x", True, []])
def test_an_event_id_that_does_not_count_is_refused(number: object) -> None:
    with pytest.raises(InvalidEvent, match="eventId"):
        converted(event(number))


def test_event_ids_that_go_back_are_refused() -> None:
    with pytest.raises(InvalidEvent, match="eventId 2 follows 2"):
        converted(event("2"), event("2"))


@pytest.mark.parametrize("kind", [None, "", "Timer Started", 7, "EVENT_TYPE_"])
def test_an_event_of_no_type_is_refused(kind: object) -> None:
    with pytest.raises(InvalidEvent, match="eventType"):
        converted(event(kind=kind))


def test_every_event_of_the_material_is_converted_verbatim(material: Path) -> None:
    for path in sorted((material / "workflows" / "temporal").glob("*.json")):
        document = members(path.read_text())

        made = history_events(elements(document["events"].text), name=path.stem)

        assert [members(text)["data"].text for text in made] == elements(document["events"].text)


def test_no_two_histories_of_the_material_share_an_event(material: Path) -> None:
    seen: set[tuple[str, str]] = set()
    for path in sorted((material / "workflows" / "temporal").glob("*.json")):
        for text in history_events(elements(members(path.read_text())["events"].text), name=path.stem):
            made = json.loads(text)
            assert (made["source"], made["id"]) not in seen
            seen.add((made["source"], made["id"]))

    assert len(seen) > 700
