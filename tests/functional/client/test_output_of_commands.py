"""`--output` of the commands, errors as JSON, suggestions and colours."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.client.fake_hub import FakeHub
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

EVENT = '{"specversion":"1.0","id":"1","source":"/s","type":"t","workflowid":"wf","data":{"n": 1e400}}'
NOWHERE = ("--url", "http://127.0.0.1:9", "--patience", "0")


def run(hub: FakeHub, *arguments: str) -> int:
    command, *rest = arguments
    return main([command, "--url", hub.url, "--patience", "1", *rest])


def error_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The error, which is the only line of standard error; there is no standard output."""
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    error: dict[str, Any] = json.loads(line)
    return error


class TestResults:
    def test_positions_are_records(self, hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
        stored = {"stream": "wf", "sequence": 1, "id": "1", "duplicate": False}

        run(hub, "publish", EVENT, "--output", "json")
        assert json.loads(capsys.readouterr().out) == [stored]
        run(hub, "publish", EVENT, "--output", "ndjson")
        assert json.loads(capsys.readouterr().out) == {**stored, "duplicate": True}
        run(hub, "publish", EVENT, "--output", "table")
        head, _, row = capsys.readouterr().out.splitlines()
        assert (head.split(), row.split()) == ([*stored], ["wf", "1", "1", "true"])

    def test_the_summary_of_a_load_is_a_record(
        self, hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "events.json").write_text(EVENT)

        assert run(hub, "load", str(tmp_path / "events.json"), "--output", "json") == 0

        printed = capsys.readouterr()
        summary = json.loads(printed.out)
        assert (summary["events"], summary["new"], summary["duplicates"], summary["streams"]) == (1, 1, 0, 1)
        assert printed.err == ""

    def test_the_run_of_a_demo_is_printed_as_events(self, hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
        run(hub, "demo", "--runs", "5", "--output", "ndjson")
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        run(hub, "demo", "--runs", "5", "--output", "json")

        assert lines == json.loads(capsys.readouterr().out)
        assert [line["hubsequence"] for line in lines] == [f"{number}" for number in range(1, len(lines) + 1)]

    def test_events_that_arrive_are_one_array(
        self, live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        live_hub.publish("a", 3)

        options = ["--from", "start", "--count", "2", "--output", "json"]
        main(["subscribe", *NOWHERE, "--websocket-url", live_hub.url, *options])

        assert [event["hubsequence"] for event in json.loads(capsys.readouterr().out)] == ["1", "2"]

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_an_array_is_complete_after_a_signal(self, live_hub: FakeWebSocketHub, number: signal.Signals) -> None:
        live_hub.publish("a", 2)
        command = ["subscribe", "--from=start", "--output=json", "--url=http://127.0.0.1:9", "--websocket-url"]
        with subprocess.Popen(
            [sys.executable, "-m", "eventstore_client", *command, live_hub.url],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                lines = [process.stdout.readline() for _ in range(3)]
                process.send_signal(number)
                rest, _ = process.communicate(timeout=20)
            finally:
                process.kill()

        assert len(json.loads("".join(lines) + rest)) == 2
        assert process.returncode == (0 if number is signal.SIGTERM else 130)

    def test_events_of_work_are_one_array(self, live_hub: FakeWebSocketHub) -> None:
        events = [
            {"specversion": "1.0", "id": f"id-{number}", "source": "/s", "type": "t"}
            | {"hubstream": "a", "hubsequence": f"{number}", "hubtime": "2026-01-05T09:00:00Z"}
            for number in (1, 2)
        ]
        owned = {"type": "owned", "partition": 1, "frame": 1, "cursor": "c0"}
        live_hub.shares.append(
            [owned, {"type": "events", "partition": 1, "frame": 2, "events": events, "cursor": "c2"}]
        )
        command = ["work", "workers", "--output=json", "--url=http://127.0.0.1:9", "--websocket-url", live_hub.url]
        with subprocess.Popen(
            [sys.executable, "-m", "eventstore_client", *command],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                lines = [process.stdout.readline() for _ in range(3)]
                process.terminate()
                rest, _ = process.communicate(timeout=20)
            finally:
                process.kill()

        assert [event["id"] for event in json.loads("".join(lines) + rest)] == ["id-1", "id-2"]


class TestErrors:
    def test_a_problem_of_the_hub_has_its_code(self, hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(hub, "publish", EVENT, "--expected", "7", "--output", "json") == 1

        error = error_of(capsys)
        assert error.pop("problem")["actual"] == 0
        assert error == {
            "code": "wrong-expected-version",
            "detail": "it ends at 0",
            "exit_code": 1,
            "status": 412,
        }

    def test_an_unavailable_hub_is_reported(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["read", "wf", *NOWHERE, "--output", "ndjson"]) == 3

        error = error_of(capsys)
        assert (error["code"], error["exit_code"]) == ("connect-failed", 3)
        assert error["detail"].startswith("no response from http://127.0.0.1:9")

    def test_invalid_input_is_reported(self, hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "events.ndjson"
        path.write_text("{}\n[]\n")

        assert run(hub, "load", str(path), "--output=json") == 1

        error = error_of(capsys)
        assert error["code"] == "bad-input"
        assert f"{path}:1" in error["detail"]
        assert f"{path}:2" in error["detail"]

    @pytest.mark.parametrize(
        ("arguments", "detail"),
        [
            ("read --output json", "the following arguments are required: STREAM"),
            ("read s --output=ndjson --from x", "argument --from: must be an integer, not 'x'"),
            ("work w --output json --exec", "argument --exec: expected a command, such as --exec ./handle.sh"),
            ("streams delete s --output json --expcted 1", "; did you mean --expected?"),
        ],
    )
    def test_invalid_arguments_are_reported(
        self, arguments: str, detail: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(arguments.split())

        error = error_of(capsys)
        assert (ended.value.code, error["exit_code"], error["code"]) == (2, 2, "invalid-arguments")
        assert detail in error["detail"]
        assert error["command"].startswith(f"eventstore {arguments.split(maxsplit=1)[0]}")

    @pytest.mark.parametrize(
        "arguments", ["work w --exec", "read s --output table --from x", "read --output json --table"]
    )
    def test_arguments_that_select_no_json_are_reported_for_people(
        self, arguments: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            main(arguments.split())

        assert capsys.readouterr().err.startswith("usage: eventstore ")

    def test_the_default_of_events_leaves_errors_for_people(
        self, hub: FakeHub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(hub, "read", "nowhere") == 1
        assert capsys.readouterr().err.startswith("eventstore: there is no stream 'nowhere'")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ("streems list", "streams"),
        ("streams lst", "list"),
        ("streams ls", "list"),
        ("dead-letters redrvie s", "redrive"),
        ("streams describe s", "show"),
        ("read s --output jsn", "json"),
        ("dead-letters redrive s --how strat", "start"),
        ("search --filtername f", "--filter-name"),
        ("read s --oputput=json", "--output"),
    ],
)
def test_what_is_misspelled_gets_a_suggestion(arguments: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())

    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {meant}?\n")


def test_an_option_of_another_command_is_not_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stats", "--expected", "1"])

    assert capsys.readouterr().err.endswith("error: unrecognized arguments: --expected 1\n")


@pytest.mark.parametrize(
    ("variables", "has_colours"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False), ({}, False)],
    ids=str,
)
def test_a_table_on_a_terminal_has_colours_unless_they_are_turned_off(
    hub: FakeHub, variables: dict[str, str], *, has_colours: bool
) -> None:
    run(hub, "publish", EVENT)
    environment = {name: value for name, value in os.environ.items() if name not in {"TERM", "NO_COLOR"}}
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "eventstore_client", "read", "wf", "--table", "--url", hub.url],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path), **variables},
        stdout=theirs,
        check=True,
    )
    os.close(theirs)
    printed = os.read(ours, 65_536).decode()
    os.close(ours)

    assert ("\x1b[" in printed) is has_colours
    assert "type" in printed


def test_a_table_in_a_file_has_no_colours(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    run(hub, "publish", EVENT)
    run(hub, "read", "wf", "--table")

    assert "\x1b" not in capsys.readouterr().out
