"""Converting workflow histories in Temporal's JSON format (temporal.api.history.v1.History) to CloudEvents.

The data of an event are the unchanged text of the history's event. The attributes come from the history:

* `workflowid` comes from the first event. A history without it uses the name of its file.
* `executionid` is the run id. The history of a reset run begins with a copy of the old run's events, with the old run
  id in the first; the new run id is in the last WorkflowTaskFailed with the cause RESET_WORKFLOW.
* `source` is derived from the workflow, and `id` from the run and `eventId`. They are the same whenever, and with
  whichever other files, a history is loaded. Histories with the same run id do not mix, because their workflows differ.
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
_ENUM_PREFIX = "EVENT_TYPE_"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def is_history(document: Mapping[str, Member]) -> bool:
    """Whether a JSON object is a history, and not an event, which has no array as an attribute."""
    return "specversion" not in document and isinstance(_value(document, "events"), list)


def is_history_event(document: Mapping[str, Member]) -> bool:
    """Whether a JSON object is an event of a history, as the first of an array may be."""
    return "specversion" not in document and {"eventId", "eventType"} <= document.keys()


def workflow_of(texts: Sequence[str]) -> str:
    """Return the workflow id in the first event of a history; empty if there is none."""
    return str(_attributes(members(texts[0])).get("workflowId") or "") if texts else ""


def history_events(texts: Sequence[str], *, name: str, pointer: str = "/events") -> Sequence[str]:
    """Return the events of a history in order, in the CloudEvents JSON format.

    Args:
        texts: The events in Temporal's format.
        name: The workflow id if the history has none.
        pointer: The JSON pointer (RFC 6901) of the array of events, for errors.

    Raises:
        InvalidEvent: An event has no valid `eventId` or `eventType`, or the `eventId`s do not increase.
    """
    parsed = [members(text) for text in texts]
    started = _attributes(parsed[0]) if parsed else {}
    workflow = str(started.get("workflowId") or name)
    if not workflow.isascii() and any("\ud800" <= character <= "\udfff" for character in workflow):
        raise InvalidEvent("workflowId has an unpaired surrogate", pointer=f"{pointer}/0")
    run = _run_id(parsed, started)
    previous = 0
    events = []
    for index, (event, text) in enumerate(zip(parsed, texts, strict=True)):
        number = _number(event, f"{pointer}/{index}")
        if number <= previous:
            raise InvalidEvent(f"eventId {number} follows {previous}; it must be greater", pointer=f"{pointer}/{index}")
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


def _value(event: Mapping[str, Member], name: str) -> object:
    return event[name].value if name in event else None


def _attributes(event: Mapping[str, Member]) -> Mapping[str, Any]:
    # A oneof in protocol buffers: exactly one member has the name of the event's type.
    for name, member in event.items():
        if name.endswith("EventAttributes") and isinstance(member.value, dict):
            return member.value
    return {}


def _run_id(events: Sequence[Mapping[str, Member]], started: Mapping[str, Any]) -> str:
    run = str(started.get("originalExecutionRunId") or started.get("firstExecutionRunId") or "")
    for event in events:
        attributes = _attributes(event)
        cause = str(attributes.get("cause", "")).replace("_", "").upper()
        if cause.endswith("RESETWORKFLOW") and attributes.get("newRunId"):
            run = str(attributes["newRunId"])
    return run


def _number(event: Mapping[str, Member], pointer: str) -> int:
    # 64-bit integers are strings in the JSON of protocol buffers; some programs write them as numbers.
    text = event["eventId"].text.strip('"') if "eventId" in event else ""
    if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
        raise InvalidEvent("an event of a history must have an eventId of 1 or more", pointer=f"{pointer}/eventId")
    return int(text)


def _type(event: Mapping[str, Member], pointer: str) -> str:
    # Older servers write WorkflowTaskStarted, newer ones EVENT_TYPE_WORKFLOW_TASK_STARTED.
    spelled = str(_value(event, "eventType") or "")
    name = spelled.removeprefix(_ENUM_PREFIX) if spelled.startswith(_ENUM_PREFIX) else _CAPITAL.sub("_", spelled)
    if not _NAME.fullmatch(name.lower()):
        raise InvalidEvent(
            f"eventType is {spelled[:80]!r}; expected a type such as WorkflowExecutionStarted or "
            "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            pointer=f"{pointer}/eventType",
        )
    return _TYPE + name.lower()
