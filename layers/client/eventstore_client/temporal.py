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
from hashlib import blake2b
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from eventstore.cloudevents.json_text import elements, members
from eventstore.errors import InvalidEvent, InvalidStream
from eventstore.streams import stream_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.cloudevents.json_text import Member

__all__ = ["history_events", "is_history", "stream_for"]

_TYPE = "io.temporal."
_SPELLED_OUT = "EVENT_TYPE_"
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._:-]")
_NAME_LENGTH = 200


def is_history(document: Mapping[str, Member]) -> bool:
    """Whether an object is a history rather than an event; CloudEvents allows no attribute that is an array."""
    return "specversion" not in document and isinstance(_value(document, "events"), list)


def history_events(document: Mapping[str, Member], *, name: str) -> Sequence[str]:
    """The history's events in its order, each in the CloudEvents JSON format.

    Args:
        document: The history.
        name: The workflow's id where the history has none.

    Raises:
        InvalidEvent: It is no history: an event has no `eventId` or `eventType`, or they do not count on.
    """
    texts = elements(document["events"].text)
    read = [members(text) for text in texts]
    started = _attributes(read[0]) if read else {}
    workflow = str(started.get("workflowId") or name)
    run = _run(read, started)
    previous = 0
    events = []
    for index, (event, text) in enumerate(zip(read, texts, strict=True)):
        number = _number(event, index)
        if number <= previous:
            raise InvalidEvent(f"eventId {number} follows {previous}; a history counts up", pointer=f"/events/{index}")
        previous = number
        attributes = {
            "specversion": "1.0",
            "id": f"{run}:{number}" if run else str(number),
            "source": f"/temporal/workflows/{quote(workflow, safe='')}",
            "type": _type(event, index),
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


def stream_for(workflow: str) -> str:
    """The stream of a workflow: its id, where what no stream's name can hold becomes `~` and two hexadecimal digits.

    Two ids never get one name by that, unless somebody wrote such an escape into an id of their own. A name
    that would be too long ends in a digest of the id.
    """
    try:
        return stream_name(workflow)
    except InvalidStream:
        name = _NOT_IN_NAMES.sub(_escaped, workflow)
    if len(name) > _NAME_LENGTH:
        digest = blake2b(workflow.encode(), digest_size=8).hexdigest()
        name = f"{name[: _NAME_LENGTH - len(digest) - 1]}~{digest}"
    return name


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in found[0].encode())


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


def _number(event: Mapping[str, Member], index: int) -> int:
    # 64-bit integers are strings in protocol buffers' JSON, and some writers leave them numbers.
    text = event["eventId"].text.strip('"') if "eventId" in event else ""
    if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
        raise InvalidEvent("an event of a history has an eventId, counted from 1", pointer=f"/events/{index}/eventId")
    return int(text)


def _type(event: Mapping[str, Member], index: int) -> str:
    # WorkflowTaskStarted and EVENT_TYPE_WORKFLOW_TASK_STARTED are one type, as older and newer servers spell it.
    spelled = str(_value(event, "eventType") or "")
    name = spelled.removeprefix(_SPELLED_OUT) if spelled.startswith(_SPELLED_OUT) else _CAPITAL.sub("_", spelled)
    if not _NAME.fullmatch(name.lower()):
        raise InvalidEvent(
            f"eventType is {spelled[:80]!r}; one is such as WorkflowExecutionStarted or "
            "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED",
            pointer=f"/events/{index}/eventType",
        )
    return _TYPE + name.lower()
