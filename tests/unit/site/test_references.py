"""The pages that are made from the code name all that the code has."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import eventstore_client
from eventstore_client.cli.arguments import parser
from eventstore_client.cli.parsers import Parser
from eventstore_site.command_line_reference import command_line_reference
from eventstore_site.json_schemas import cell, properties, type_text
from eventstore_site.python_reference import python_reference
from eventstore_site.rest_reference import rest_reference
from eventstore_site.websocket_reference import websocket_reference
from functions.rest import asyncapi, openapi

if TYPE_CHECKING:
    import pytest


def headings(page: str, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.*)$", page, re.MULTILINE)


def test_the_page_of_the_rest_api_has_each_call_once_and_each_body() -> None:
    document = json.loads(json.dumps(openapi.document(server="/")))
    page = rest_reference(document)

    calls = [
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    assert sorted(headings(page, 3)) == sorted([*calls, *document["components"]["schemas"]])
    assert "| `stream` | query |" in page
    assert "| 412 | " in page


def test_links_of_the_page_of_the_rest_api_lead_to_a_heading() -> None:
    page = rest_reference(json.loads(json.dumps(openapi.document(server="/"))))

    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= {heading.lower() for heading in headings(page, 3)}


def test_the_page_of_the_websocket_api_has_each_message_with_its_directions() -> None:
    document = json.loads(json.dumps(asyncapi.document()))
    page = websocket_reference(document)

    assert headings(page, 3) == list(document["components"]["messages"])
    assert "| [subscribe](#subscribe) | from the client |" in page
    assert "| [subscribed](#subscribed) | from the hub | an answer to it |" in page


def test_the_page_of_the_command_line_has_the_help_of_each_command() -> None:
    root = parser()
    assert isinstance(root, Parser)

    page = command_line_reference(root, root.leaves())

    assert {"eventstore publish", "eventstore dead-letters redrive", "eventstore subscribe"} <= set(headings(page, 2))
    assert page.count("\nusage: eventstore") == len(headings(page, 2)) + 1


def test_the_page_of_the_command_line_is_the_same_in_each_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    root = parser()
    pages = []
    for width in ("40", "200"):
        monkeypatch.setenv("COLUMNS", width)
        pages.append(command_line_reference(root, []))
    assert pages[0] == pages[1]


def test_the_page_of_the_python_client_has_each_class_that_it_exports() -> None:
    page = python_reference(eventstore_client)

    shown = re.findall(r"^::: eventstore_client\.(\w+)$", page, re.MULTILINE)
    classes = {name for name in eventstore_client.__all__ if isinstance(getattr(eventstore_client, name), type)}
    assert set(shown) == classes
    assert len(shown) == len(set(shown))
    assert headings(page, 2)[0] == "The hub"
    assert headings(page, 2)[-1] == "Errors"


def test_a_type_is_a_few_words() -> None:
    def named(name: str) -> str:
        return f"[{name}]"

    assert type_text({"type": "array", "items": {"$ref": "#/components/schemas/A"}}, named) == "array of [A]"
    assert type_text({"anyOf": [{"type": "string"}, {"type": "null"}]}, named) == "string or null"
    assert type_text({"enum": ["now", "start"]}, named) == "`now`, `start`"
    assert type_text({"const": 1}, named) == "`1`"
    assert type_text({"type": "string", "format": "date-time"}, named) == "string (date-time)"
    assert type_text({"type": "object", "additionalProperties": {"type": "integer"}}, named) == "object of integer"
    assert type_text({}, named) == "any JSON"


def test_a_member_has_its_limits_and_its_default() -> None:
    schema = {
        "required": ["n"],
        "properties": {"n": {"type": "integer", "minimum": 1, "default": 5, "description": "How many | of\nthem."}},
    }

    assert (
        list(properties(schema, str))[2]
        == "| `n` | integer | required. How many \\| of them. Default: `5`. At least 1. |"
    )
    assert list(properties({"type": "string"}, str)) == []
    assert cell("a\n|b") == "a \\|b"
