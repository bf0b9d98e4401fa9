from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.errors import SettingsError
from eventstore.ports.instances import InstanceId
from eventstore_server.call_scope import CallScope, call_scope
from eventstore_server.logs import configure_logs, log_format

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER = logging.getLogger("tests.logs")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    output = io.StringIO()
    # pytest's own handlers stay: `configure_logs` closes those that it replaces.
    root.handlers = []
    try:
        configure_logs("json", level="DEBUG", instance=InstanceId("i1"), output=output)
        yield output
    finally:
        root.handlers, root.level = before, level


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_record_is_one_line_of_json(output: io.StringIO) -> None:
    LOGGER.warning("%d\n\u2028é", 1)
    [line] = lines(output)
    assert line.pop("time").endswith("Z")
    assert line == {"level": "WARNING", "logger": "tests.logs", "message": "1\n\u2028é", "instance": "i1"}


def test_a_traceback_is_a_member(output: io.StringIO) -> None:
    try:
        raise ValueError("no")
    except ValueError:
        LOGGER.exception("it failed")
    [line] = lines(output)
    assert line["message"] == "it failed"
    assert line["traceback"].endswith("ValueError: no")


def test_a_record_has_the_ids_of_the_call_that_its_thread_works_for(output: io.StringIO) -> None:
    with call_scope(CallScope("rest", request_id="r1")):
        LOGGER.info("a")
    with call_scope(CallScope("websocket", connection_id="c1")):
        LOGGER.info("b")
    LOGGER.info("c")
    a, b, c = lines(output)
    assert (a["door"], a["request_id"]) == ("rest", "r1")
    assert (b["door"], b["connection_id"]) == ("websocket", "c1")
    assert not {"door", "request_id", "connection_id"} & c.keys()


@pytest.mark.parametrize("library", ["botocore.auth", "redis.connection", "urllib3.connectionpool"])
def test_libraries_do_not_log_what_they_send(output: io.StringIO, library: str) -> None:
    logging.getLogger(library).debug("authorization: secret")
    logging.getLogger(library).info("authorization: secret")
    assert not output.getvalue()


def test_a_library_does_not_although_a_part_of_it_has_a_level_of_its_own(output: io.StringIO) -> None:
    part = logging.getLogger("botocore.part")
    part.setLevel(logging.INFO)
    part.info("authorization: secret")
    assert not output.getvalue()
    part.warning("a")
    assert [line["message"] for line in lines(output)] == ["a"]


def test_the_format_is_plain_on_a_terminal_and_json_elsewhere() -> None:
    assert log_format({}, output=Terminal()) == "plain"
    assert log_format({}, output=io.StringIO()) == "json"


def test_the_format_can_be_chosen() -> None:
    assert log_format({"LOG_FORMAT": "json"}, output=Terminal()) == "json"
    with pytest.raises(SettingsError, match="'xml'"):
        log_format({"LOG_FORMAT": "xml"}, output=Terminal())
