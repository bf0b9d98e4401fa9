"""The advice of the hub, in the words of the command line."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import eventstore.adapters.redis.streams
import eventstore.errors
import eventstore.write.publisher
from eventstore_client.cli.registry import COMMANDS
from eventstore_client.cli.wording import in_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

_REST = re.compile(r"/api/v1|\b(GET|PUT|POST|PATCH|DELETE) |If-(None-)?Match|\bETag|\?[a-z]+=")
"""What belongs to the REST API, and says nothing to a person in a shell."""


def _details() -> Iterator[str]:
    """The texts of the errors of the core, without the documentation of its code."""
    files = [
        *Path(eventstore.errors.__file__).parent.glob("*.py"),
        Path(eventstore.adapters.redis.streams.__file__),
        Path(eventstore.write.publisher.__file__),
    ]
    for file in files:
        tree = ast.parse(file.read_text())
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                # The values have a text of their own, of which the commands know nothing.
                yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                yield node.value


def test_no_error_of_the_core_names_the_rest_api_on_the_command_line() -> None:
    named = [detail for detail in _details() if _REST.search(detail)]

    assert len(named) > 10, "the errors of the core name calls of the REST API, and this test does not find them"
    assert [detail for detail in map(in_commands, named) if _REST.search(detail)] == []


def test_commands_that_are_advised_exist() -> None:
    advised = [name for detail in map(in_commands, _details()) for name in re.findall(r"`eventstore ([a-z-]+)", detail)]

    assert len(advised) > 5
    assert {*advised} <= {*COMMANDS}


@pytest.mark.parametrize(
    ("said", "here"),
    [
        ("create it with POST /api/v1/subscriptions", "create it with `eventstore subscriptions create`"),
        (
            "If-Match must be * or a list of ETags, not 'x'",
            "--expected must be an etag, as `show` prints it, not 'x'",
        ),
        ("select one with ?source= and ?stream=", "select one with --source and --stream"),
        ("the stream is full", "the stream is full"),
    ],
)
def test_the_words_are_those_of_the_command_line(said: str, here: str) -> None:
    assert in_commands(said) == here
