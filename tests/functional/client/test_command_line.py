from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import eventstore_client
from eventstore_client.cli.main import main

if TYPE_CHECKING:
    from tests.functional.client.fake_hub import FakeHub

EVENT = '{"specversion":"1.0","id":"1","source":"/s","type":"t","workflowid":"wf","data":{"n": 1e400}}'


def run(hub: FakeHub, *arguments: str) -> int:
    command, *rest = arguments
    return main([command, "--url", hub.url, "--patience", "1", *rest])


def standard_input(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))


def test_loaded_events_can_be_read(hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "events.ndjson").write_text(f"{EVENT}\n")

    assert run(hub, "load", str(tmp_path / "events.ndjson")) == 0
    assert run(hub, "read", "wf") == 0

    [line] = capsys.readouterr().out.splitlines()
    assert '"data":{"n": 1e400}' in line
    assert json.loads(line)["hubsequence"] == "1"


def test_a_load_ends_with_a_summary(hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "events.json").write_text(f"[{EVENT}]")
    run(hub, "load", str(tmp_path / "events.json"))
    run(hub, "load", str(tmp_path / "events.json"))

    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("1 event in 1 stream: 1 new, 0 duplicates, ")
    assert second.startswith("1 event in 1 stream: 0 new, 1 duplicate, ")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])

    assert end.value.code == 0
    assert capsys.readouterr().out == f"eventstore {eventstore_client.__version__}\n"


def test_several_files_and_standard_input_load_together(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "history.json").write_text('{"events": [{"eventId": 1, "eventType": "TimerFired"}]}')
    standard_input(monkeypatch, EVENT)

    assert run(hub, "load", str(tmp_path / "history.json"), "-") == 0
    assert set(hub.streams) == {"history", "wf"}


def test_a_load_may_name_the_stream(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, EVENT)

    assert run(hub, "load", "--stream", "elsewhere", "-") == 0
    assert set(hub.streams) == {"elsewhere"}


def test_bad_input_is_named_in_one_line_each(hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(f"{EVENT}\n{{}}\n[]\n")

    assert run(hub, "load", str(path)) == 1

    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"{path}:2", f"{path}:3"]
    assert hub.publishes == 0


def test_a_file_that_is_not_there_is_bad_input(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(hub, "load", "nowhere.json") == 1
    assert capsys.readouterr().err == "eventstore: nowhere.json: cannot be read: No such file or directory\n"


def test_an_unavailable_hub_has_its_own_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "events.json").write_text(EVENT)

    code = main(["load", "--url", "http://127.0.0.1:9", "--patience", "0", str(tmp_path / "events.json")])

    assert code == 3
    assert "no response from http://127.0.0.1:9" in capsys.readouterr().err


def test_retrying_is_reported_once(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    hub.faults.extend([503, 503, 503])

    assert run(hub, "publish", EVENT) == 0
    assert capsys.readouterr().err.count("retrying") == 1


def test_publishing_prints_stream_and_sequence(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    run(hub, "publish", EVENT)
    run(hub, "publish", EVENT)

    assert capsys.readouterr().out == "wf\t1\t1\nwf\t1\t1\tduplicate\n"


def test_publishing_takes_standard_input(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    standard_input(monkeypatch, EVENT)

    assert run(hub, "publish", "-", "--stream", "s") == 0
    assert capsys.readouterr().out == "s\t1\t1\n"


def test_publishing_where_the_stream_ends_elsewhere_is_refused(
    hub: FakeHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(hub, "publish", EVENT, "--expected", "7") == 1
    assert capsys.readouterr().err == "eventstore: it ends at 0 (wrong-expected-version, HTTP 412)\n"


def test_reading_starts_at_the_given_sequence(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(1, 6):
        run(hub, "publish", EVENT.replace('"1"', f'"{number}"'))
    capsys.readouterr()

    run(hub, "read", "wf", "--from", "4")

    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["4", "5"]


def test_an_event_with_line_breaks_is_read_as_one_line(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    run(hub, "publish", EVENT.replace("1e400", '\r\n1.0,\n"s": "a\\nb"'))
    capsys.readouterr()

    run(hub, "read", "wf")

    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["data"] == {"n": 1.0, "s": "a\nb"}


def test_reading_a_stream_that_is_not_there_is_refused(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(hub, "read", "nowhere") == 1
    assert "there is no stream 'nowhere'" in capsys.readouterr().err


def test_the_demo_prints_a_run_read_back_from_start_to_end(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(hub, "demo", "--runs", "12", "--seed", "5") == 0

    table = capsys.readouterr().out.splitlines()
    assert "io.flunq.execution.started" in table[5]
    assert "io.flunq.workflow.completed" in table[-1]
    assert any("io.flunq.task.retried" in row for row in table)
    assert len(hub.streams) == 12


def test_the_demo_may_be_run_again(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    run(hub, "demo", "--runs", "5")
    run(hub, "demo", "--runs", "5")

    assert " 0 new, " in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["load"],
        ["load", "--publishers", "0", "f"],
        ["read", "s", "--from", "x"],
        ["demo", "--start", "2026-01-05"],
        ["publish", "{}", "--expected", "-1"],
    ],
    ids=" ".join,
)
def test_wrong_usage_has_its_own_exit_code(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert "usage: eventstore" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["load", "demo", "publish", "read", "subscribe", "work"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])

    assert ended.value.code == 0
    assert "--url" in capsys.readouterr().out


def test_ctrl_c_ends_a_load_with_its_own_code_and_keeps_what_was_stored(hub: FakeHub, tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text("".join(EVENT.replace('"1"', f'"{number}"') + "\n" for number in range(1, 2001)))
    begun, going_on = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        begun.set()
        going_on.wait(10)

    hub.before_publish = hold
    with subprocess.Popen(
        [sys.executable, "-m", "eventstore_client", "load", "--url", hub.url, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    ) as load:
        assert begun.wait(20)
        load.send_signal(signal.SIGINT)
        going_on.set()
        _, said = load.communicate(timeout=20)

    assert load.returncode == 130
    assert said.splitlines()[0].startswith("eventstore: interrupted; run it again to resume")
    assert f"{len(hub.streams['wf']):,} new" in said
    assert [json.loads(body)["id"] for body in hub.bodies("wf")] == [str(n + 1) for n in range(len(hub.streams["wf"]))]


@pytest.mark.parametrize("closed", [1, 2])
def test_a_load_with_a_closed_output_prints_nothing(hub: FakeHub, tmp_path: Path, closed: int) -> None:
    (tmp_path / "events.json").write_text(EVENT)
    command = ["-m", "eventstore_client", "load", "--url", hub.url, str(tmp_path / "events.json")]
    process = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: os.close(closed),
        check=False,
    )
    assert (process.returncode, len(hub.streams["wf"])) == (0, 1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full is Linux's")
def test_a_page_that_cannot_be_printed_is_a_failure(hub: FakeHub) -> None:
    run(hub, "publish", EVENT)
    with Path("/dev/full").open("w") as full:
        process = subprocess.run(
            [sys.executable, "-m", "eventstore_client", "read", "wf", "--url", hub.url],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr == "eventstore: cannot write the output: [Errno 28] No space left on device\n"


def test_characters_that_the_encoding_lacks_are_printed_as_json_escapes(hub: FakeHub) -> None:
    run(hub, "publish", EVENT.replace('{"n": 1e400}', '"grün 😀"'))
    process = subprocess.run(
        [sys.executable, "-m", "eventstore_client", "read", "wf", "--url", hub.url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(process.stdout)["data"] == "grün 😀"
    assert process.stdout.isascii()


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["raed", "wf"], "; did you mean read?"),
        (["read", "--tabel", "wf"], "; did you mean --table?"),
        (["--url", "http://127.0.0.1:8081", "read", "wf"], "; options follow the command: eventstore read --url"),
    ],
)
def test_a_misspelt_option_gets_a_suggestion(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)

    assert meant in capsys.readouterr().err
