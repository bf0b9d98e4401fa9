"""Workflow histories in Temporal's JSON form (temporal.api.history.v1.History), as CloudEvents.

An event's data is the text of the history's event, to the letter. What a history says of itself decides the rest:

* `workflowid` stands in its first event; a history without it is named for its file.
* `executionid` is the run. A run that was reset starts with a copy of the old run's events, the old run's id in the
  first of them; its own id stands where the reset does, in the last WorkflowTaskFailed of cause RESET_WORKFLOW.
* `source` stands for the workflow and `id` for run and `eventId`: they are the same however often, and in whatever
  company, a history is loaded. Histories of several files that share a run id do not mix, for their workflows differ.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from eventstore.cloudevents.json_text import members
from eventstore.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.cloudevents.json_text import Member

__all__ = ["history_events", "is_history", "is_history_event", "workflow_of"]

_TYPE = "io.temporal."
_SPELLED_OUT = "EVENT_TYPE_"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def is_history(document: Mapping[str, Member]) -> bool:
    """Whether an object is a history rather than an event; CloudEvents allows no attribute that is an array."""
    return "specversion" not in document and isinstance(_value(document, "events"), list)


def is_history_event(document: Mapping[str, Member]) -> bool:
    """Whether an object is an event of a history, such as a bare array of a history begins with."""
    return "specversion" not in document and {"eventId", "eventType"} <= document.keys()


def workflow_of(texts: Sequence[str]) -> str:
    """The workflow's id, as the first of a history's events says it; empty if it does not."""
    return str(_attributes(members(texts[0])).get("workflowId") or "") if texts else ""


def history_events(texts: Sequence[str], *, name: str, pointer: str = "/events") -> Sequence[str]:
    """The history's events in its order, each in the CloudEvents JSON format.

    Args:
        texts: The history's events in Temporal's form.
        name: The workflow's id where the history has none.
        pointer: Where they stand in their document (RFC 6901), for errors.

    Raises:
        InvalidEvent: It is no history: an event has no `eventId` or `eventType`, or they do not count on.
    """
    read = [members(text) for text in texts]
    started = _attributes(read[0]) if read else {}
    workflow = str(started.get("workflowId") or name)
    if not workflow.isascii() and any("\ud800" <= character <= "\udfff" for character in workflow):
        raise InvalidEvent("workflowId has half of a surrogate pair, which is no character", pointer=f"{pointer}/0")
    run = _run(read, started)
    previous = 0
    events = []
    for index, (event, text) in enumerate(zip(read, texts, strict=True)):
        number = _number(event, f"{pointer}/{index}")
        if number <= previous:
            raise InvalidEvent(
                f"eventId {number} follows {previous}; a history counts up", pointer=f"{pointer}/{index}"
            )
        previous = number
        attributes = {
            "specversion": "1.0",
            "id": f"{run}:{number}" if run else str(number),
            "source": f"/temporal/workflows/{quote(workflow, safe='')}",
            "type": _type(event, f"{pointer}/{index}"),
            "datacontenttype": "application/json",
            "workflowid": workflow,
        }
        if run:
            attributes["executionid"] = run
        time = _value(event, "eventTime")
        if isinstance(time, str):
            attributes["time"] = time
        events.append(f'{json.dumps(attributes)[:-1]}, "data": {text}}}')
    return events


def _value(found: Mapping[str, Member], name: str) -> object:
    return found[name].value if name in found else None


def _attributes(event: Mapping[str, Member]) -> Mapping[str, Any]:
    # The protocol buffer's oneof: exactly one member is named for the kind of event.
    for name, member in event.items():
        if name.endswith("EventAttributes") and isinstance(member.value, dict):
            return member.value
    return {}


def _run(events: Sequence[Mapping[str, Member]], started: Mapping[str, Any]) -> str:
    run = str(started.get("originalExecutionRunId") or started.get("firstExecutionRunId") or "")
    for event in events:
        attributes = _attributes(event)
        cause = str(attributes.get("cause", "")).replace("_", "").upper()
        if cause.endswith("RESETWORKFLOW") and attributes.get("newRunId"):
            run = str(attributes["newRunId"])
    return run


def _number(event: Mapping[str, Member], pointer: str) -> int:
    # 64-bit integers are strings in protocol buffers' JSON, and some writers leave them numbers.
    text = event["eventId"].text.strip('"') if "eventId" in event else ""
    if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
        raise InvalidEvent("an event of a history has an eventId, counted from 1", pointer=f"{pointer}/eventId")
    return int(text)


def _type(event: Mapping[str, Member], pointer: str) -> str:
    # WorkflowTaskStarted and EVENT_TYPE_WORKFLOW_TASK_STARTED are one type, as older and newer servers spell it.
    spelled = str(_value(event, "eventType") or "")
    name = spelled.removeprefix(_SPELLED_OUT) if spelled.startswith(_SPELLED_OUT) else _CAPITAL.sub("_", spelled)
    if not _NAME.fullmatch(name.lower()):
        raise InvalidEvent(
            f"eventType is {spelled[:80]!r}; one is such as WorkflowExecutionStarted or "
            "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            pointer=f"{pointer}/eventType",
        )
    return _TYPE + name.lower()
