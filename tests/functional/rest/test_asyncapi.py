"""The AsyncAPI document: valid, served, and consistent with docs/protocol.md and the handler."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.errors import InvalidFilter, InvalidRequest, InvalidStream
from functions import protocol
from functions.rest.asyncapi import document
from functions.websocket.actions import _ACTIONS
from functions.websocket.requests import Ack, Join, Message, Nack, Publish, Release, Subscribe
from tests.documents import asyncapi, asyncapi_schema, failures, references, resolved, undescribed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.functional.rest.api import Api

_PROTOCOL = (Path(__file__).parents[3] / "docs/protocol.md").read_text()
_MESSAGES: dict[str, Any] = document()["components"]["messages"]


@pytest.mark.parametrize("auth", ["none", "iam", "jwt", "key"])
def test_the_document_is_valid_by_its_standard(auth: str) -> None:
    valid = json.loads(json.dumps(document(auth=auth)))
    assert not [f"{error.json_path}: {error.message}" for error in asyncapi_schema().iter_errors(valid)]
    assert bool(valid["components"]["securitySchemes"]) is (auth != "none")


@pytest.mark.parametrize("path", [("channels", "eventstore", "messages"), ("operations", "ping", "channel"), ("info",)])
def test_an_invalid_document_is_detected(path: tuple[str, ...]) -> None:
    faulty = copy.deepcopy(dict(asyncapi()))
    part = faulty
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = ["a fault"]
    assert not asyncapi_schema().is_valid(faulty)


def test_the_document_is_served(api: Api) -> None:
    reply = api.get("/api/v1/asyncapi.json")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json == asyncapi()


def test_every_reference_has_a_target() -> None:
    all_references = list(references(document(auth="key")))
    assert len(all_references) > 50
    for reference in all_references:
        resolved(document(auth="key"), reference)


@pytest.mark.parametrize("name", _MESSAGES)
def test_the_example_of_a_message_is_valid(name: str) -> None:
    for example in _MESSAGES[name]["examples"]:
        assert not failures(name, json.loads(json.dumps(example["payload"])))


def test_every_message_is_used_on_one_channel_by_an_operation() -> None:
    used = {
        reference.rpartition("/")[2] for reference in references(asyncapi()["operations"]) if "messages" in reference
    }
    assert used == _MESSAGES.keys()
    on_channels = [name for channel in asyncapi()["channels"].values() for name in channel["messages"]]
    assert sorted(on_channels) == sorted(_MESSAGES)


def test_every_action_of_the_function_is_in_the_document() -> None:
    assert {request.action for request in protocol.REQUESTS} == _ACTIONS.keys()


def constants(member: str) -> set[str]:
    """The values of a member in the messages of the document."""
    schemas = [message["payload"].get("properties", {}).get(member, {}) for message in _MESSAGES.values()]
    return {schema["const"] for schema in schemas if "const" in schema}


def test_the_document_has_the_actions_and_types_of_the_protocol() -> None:
    assert constants("action") == set(re.findall(r'"action":"(\w+)"', _PROTOCOL))
    bare = {kind for kind in constants("type") if kind.startswith("io.flunq.hub.")}
    assert bare == set(re.findall(r"io\.flunq\.hub\.\w+", _PROTOCOL))
    shown = set(re.findall(r'^← \{"type":"(\w+)"', _PROTOCOL, re.MULTILINE))
    assert shown <= constants("type")
    assert {kind for kind in constants("type") - bare - shown if f"`{kind}`" not in _PROTOCOL} == set()


def test_the_parameters_of_a_connection_are_those_of_the_protocol() -> None:
    table = _PROTOCOL.partition("The URL defines the subscription.")[2].partition("The hub answers 400")[0]
    names = {name for row in re.findall(r"^\| `([a-z_ ]+)` \|", table, re.MULTILINE) for name in row.split()}
    assert asyncapi()["channels"]["cloudevents"]["bindings"]["ws"]["query"]["properties"].keys() == names


def quoted() -> list[tuple[str, dict[str, Any]]]:
    """The complete messages in docs/protocol.md, each with its direction."""
    messages = []
    for arrow, text in re.findall(r"^([→←]) (\{.*\})$", _PROTOCOL, re.MULTILINE):
        if "…" not in text:
            messages.append((arrow, json.loads(text)))
    assert len(messages) > 10
    return messages


@pytest.mark.parametrize(("arrow", "message"), quoted(), ids=lambda value: json.dumps(value)[:60])
def test_messages_in_the_protocol_page_conform_to_the_document(arrow: str, message: dict[str, Any]) -> None:
    if arrow == "←":
        assert not undescribed(message)
    else:
        names = [request.name for request in protocol.REQUESTS if request.action == message["action"]]
        assert any(not failures(name, message) for name in names)


_READERS: Mapping[str, Callable[[Message], object]] = {
    "subscribe": Subscribe.of,
    "join": Join.of,
    "unsubscribe": lambda message: (message.require_known(protocol.UNSUBSCRIBE.members), message.subscription()),
    "publish": Publish.of,
    "ping": lambda message: message.require_known(protocol.PING.members),
    "ackCursors": Ack.of,
    "ackStream": Ack.of,
    "nack": Nack.of,
    "release": Release.of,
}


def accepted(name: str, message: dict[str, Any]) -> bool:
    try:
        _READERS[name](Message.parse(json.dumps(message)))
    except (InvalidFilter, InvalidRequest, InvalidStream):
        return False
    return True


_WRONG: Mapping[protocol.Kind, list[object]] = {
    protocol.Kind.ID: ["", "a b", "i" * 65, 7, None],
    protocol.Kind.TEXT: [7, None, ["a"]],
    protocol.Kind.TEXTS: [7, None, [], ["a", 7]],
    protocol.Kind.NAME: [7, None],
    protocol.Kind.NAMES: ["a/b", "", [], ["s"] * 101, 7],
    protocol.Kind.INTEGER: [-1, 1.5, "1", None, 10**15 + 1],
    protocol.Kind.BOOLEAN: ["true", 1, None],
    protocol.Kind.CHOICE: ["later", "", 7],
    protocol.Kind.FILTERS: [{}, "a", [{}], [{"exact": {}}], [{"like": {"type": "a"}}], [{"sql": ""}], [7]],
    protocol.Kind.EVENTS: [{}, "a", None],
}
_RIGHT: Mapping[protocol.Kind, list[object]] = {
    protocol.Kind.ID: ["s1", "A.b_c:d~e-" * 6],
    protocol.Kind.TEXT: ["", "why"],
    protocol.Kind.TEXTS: ["a.b", ["a", "b"]],
    protocol.Kind.NAME: ["wf-1", "n" * 200],
    protocol.Kind.NAMES: ["wf-1", ["wf-1", "acme:wf-1"]],
    protocol.Kind.INTEGER: [0, 7, 86_400],
    protocol.Kind.BOOLEAN: [True, False],
    protocol.Kind.CHOICE: ["now", "start"],
    protocol.Kind.FILTERS: [[], [{"all": [{"prefix": {"type": "a."}}, {"not": {"sql": "EXISTS subject"}}]}]],
    protocol.Kind.EVENTS: [[{"specversion": "1.0", "id": "1", "source": "urn:a:b", "type": "t"}]],
}


@pytest.mark.parametrize("request_", protocol.REQUESTS, ids=lambda request: request.name)
def test_a_request_is_read_and_described_by_the_same_rules(request_: protocol.Request) -> None:
    whole = dict(_MESSAGES[request_.name]["examples"][0]["payload"])

    def verdicts(message: dict[str, Any]) -> tuple[bool, bool]:
        return accepted(request_.name, message), not failures(request_.name, message)

    assert verdicts(whole) == (True, True)
    assert verdicts(whole | {"unknown": 1}) == (False, False)
    for member in request_.required:
        # Without a name, the subscription is not durable.
        if request_ is not protocol.JOIN or member is protocol.ID:
            assert verdicts({name: value for name, value in whole.items() if name != member.name}) == (False, False)
    for member in (*request_.members, protocol.REQUEST):
        rest = {name: value for name, value in whole.items() if not ({name, member.name} <= _exclusive(request_))}
        for value in _RIGHT[member.kind]:
            assert verdicts(rest | {member.name: value}) == (True, True), (member.name, value)
        for value in _WRONG[member.kind]:
            assert verdicts(rest | {member.name: value}) == (False, False), (member.name, value)
    if request_.exclusive:
        assert verdicts(whole | {"from": "now", "cursor": "a"}) == (False, False)


def _exclusive(request_: protocol.Request) -> set[str]:
    return {member.name for member in request_.exclusive}


def test_the_member_request_has_the_documented_maximum_length() -> None:
    ping = {"action": "ping", "request": "r" * protocol.REQUEST.maximum}
    longer = {"action": "ping", "request": ping["request"] + "r"}
    assert (accepted("ping", ping), failures("ping", ping)) == (True, [])
    assert (accepted("ping", longer), bool(failures("ping", longer))) == (False, True)
