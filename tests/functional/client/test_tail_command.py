"""`eventstore tail`: as `subscribe`, with a table on a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

from eventstore_client.cli.main import main

if TYPE_CHECKING:
    import pytest

    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

COMMAND = ("tail", "--url", "http://127.0.0.1:9", "--from", "start", "--websocket-url")


def on_terminal(hub: FakeWebSocketHub, *options: str, **variables: str) -> list[str]:
    """The lines of a command whose standard output is a terminal."""
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    subprocess.run(
        [sys.executable, "-m", "eventstore_client", *COMMAND, hub.url, *options],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", **variables},
        stdout=theirs,
        check=True,
    )
    os.close(theirs)
    printed = os.read(ours, 65_536).decode()
    os.close(ours)
    return printed.splitlines()


def test_without_a_terminal_events_are_ndjson(live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]) -> None:
    live_hub.publish("a", 2)

    assert main([*COMMAND, live_hub.url, "--count", "2"]) == 0

    printed = capsys.readouterr()
    assert [json.loads(line)["hubsequence"] for line in printed.out.splitlines()] == ["1", "2"]
    assert printed.err.startswith("eventstore: to resume: --cursor ")


def test_on_a_terminal_events_are_a_table_with_colours(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a", 1, type="task.failed")
    live_hub.publish("b", 1, type="task.completed")

    head, _, *rows = on_terminal(live_hub, "--count", "2")

    assert "\x1b[1mstream\x1b[0m" in head
    assert sorted("\x1b[31mtask.failed\x1b[0m" in row for row in rows) == [False, True]
    assert sorted("\x1b[32mtask.completed\x1b[0m" in row for row in rows) == [False, True]


def test_no_color_turns_colours_off(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a")

    head, _, row = on_terminal(live_hub, "--count", "1", NO_COLOR="1")

    assert head.split() == ["stream", "#", "time", "type", "task", "what"]
    assert row.split()[:2] == ["a", "1"]


def test_a_row_is_cut_to_the_terminal(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a", 1, data={"reason": "x" * 500})

    [row] = on_terminal(live_hub, "--count", "1", NO_COLOR="1", COLUMNS="120")[2:]

    assert len(row) == 120
    assert row.endswith("xxx…")


def test_on_a_terminal_ndjson_can_be_selected(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a")

    [line] = on_terminal(live_hub, "--count", "1", "--output", "ndjson")

    assert json.loads(line)["hubsequence"] == "1"


def test_an_event_cannot_control_the_terminal(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a", 1, taskid="\x1b[2J", data={"reason": "one\ntwo"})

    [row] = on_terminal(live_hub, "--count", "1", NO_COLOR="1", COLUMNS="200")[2:]

    assert "\x1b" not in row
    assert r'"\u001b[2J"' in row
    assert r"one\ntwo" in row
