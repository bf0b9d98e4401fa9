"""`eventstore work`, against a scripted hub."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

COMMAND = ("work", "workers", "--url", "http://127.0.0.1:9", "--patience", "1", "--websocket-url")
OWNED = {"type": "owned", "partition": 1, "frame": 1, "cursor": "c0"}


def sent(frame: int, *sequences: int) -> dict[str, Any]:
    events = [
        {"specversion": "1.0", "id": f"id-{n}", "source": "/tests", "type": "t", "data": "é\n"}
        | {"hubstream": "a", "hubsequence": f"{n}", "hubtime": "2026-01-05T09:00:00Z"}
        for n in sequences
    ]
    return {"type": "events", "partition": 1, "frame": frame, "events": events, "cursor": f"c{frame}"}


@contextmanager
def working(hub: FakeWebSocketHub, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:  # noqa: ANN401
    with subprocess.Popen(
        [sys.executable, "-m", "eventstore_client", *COMMAND, hub.url, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def commands_of(hub: FakeWebSocketHub) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in message.items() if name not in {"id", "request"}} for message in hub.commands
    ]


def until_command(hub: FakeWebSocketHub, process: subprocess.Popen[str], count: int, number: signal.Signals) -> None:
    """Terminate the process once it has sent the given number of commands."""

    def react(_: dict[str, Any]) -> Sequence[dict[str, Any]]:
        if len(hub.commands) == count:
            process.send_signal(number)
        return []

    hub.react = react


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_events_are_printed_and_acknowledged_until_a_signal_ends_it(
    live_hub: FakeWebSocketHub, number: signal.Signals, code: int
) -> None:
    live_hub.shares.append([OWNED, sent(2, 1, 2)])
    with working(live_hub) as process:
        until_command(live_hub, process, 1, number)
        out, stderr = process.communicate(timeout=20)

    assert process.returncode == code
    assert [json.loads(line)["hubsequence"] for line in out.splitlines()] == ["1", "2"]
    assert commands_of(live_hub) == [{"action": "ack", "cursor": "c2"}]
    assert "eventstore: 2 events handled, 0 failed" in stderr


def test_a_command_reads_each_event_and_knows_which_one_it_is(live_hub: FakeWebSocketHub, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    live_hub.shares.append([OWNED, sent(2, 1, 2)])
    script = f'cat >> {seen}; echo " $EVENT_ID $EVENT_TYPE $EVENT_STREAM $EVENT_SEQUENCE $EVENT_ATTEMPT" >> {seen}'
    with working(live_hub, "--exec", "sh", "-c", script) as process:
        until_command(live_hub, process, 1, signal.SIGTERM)
        process.communicate(timeout=20)

    first, second = seen.read_text().splitlines()
    assert first.endswith("} id-1 t a 1 1")
    assert json.loads(first[: first.rindex("}") + 1])["data"] == "é\n"
    assert second.endswith("} id-2 t a 2 1")


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("echo busy >&2; echo 'card declined ' >&2; exit 1", {"reason": "card declined"}),
        ("exit 3", {"reason": "sh exited with code 3"}),
        ("echo nonsense >&2; exit 65", {"reason": "nonsense", "park": True}),
        ("kill -9 $$", {"reason": "sh exited with code -9"}),
    ],
)
def test_the_exit_code_of_a_command_decides_on_the_event(
    live_hub: FakeWebSocketHub, script: str, wanted: dict[str, Any]
) -> None:
    live_hub.shares.append([OWNED, sent(2, 1)])
    with working(live_hub, "--exec", "sh", "-c", script) as process:
        until_command(live_hub, process, 2, signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)

    assert commands_of(live_hub)[0] == {"action": "nack", "stream": "a", "sequence": 1, **wanted}
    assert "0 events handled, 1 failed" in stderr


def test_the_current_event_is_finished_on_a_signal(live_hub: FakeWebSocketHub, tmp_path: Path) -> None:
    live_hub.shares.append([OWNED, sent(2, 1)])
    gate, done = tmp_path / "gate", tmp_path / "done"
    os.mkfifo(gate)
    with working(live_hub, "--exec", "sh", "-c", f"echo begun; read line < {gate}; echo $line > {done}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        gate.write_text("finished\n")
        _, stderr = process.communicate(timeout=20)

    assert done.read_text() == "finished\n"
    assert "1 event handled" in stderr
    assert commands_of(live_hub) == [{"action": "ack", "cursor": "c2"}]


def test_a_second_signal_ends_the_current_event_too(live_hub: FakeWebSocketHub, tmp_path: Path) -> None:
    live_hub.shares.append([OWNED, sent(2, 1)])
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with working(live_hub, "--exec", "sh", "-c", f"echo begun; exec cat {gate}") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "another signal interrupts it" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)

    assert (process.returncode, commands_of(live_hub)) == (130, [])
    assert "eventstore: interrupted" in stderr


def test_a_reader_that_closes_the_pipe_fails_no_event(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, 1, 2)])
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [sys.executable, "-m", "eventstore_client", *COMMAND, live_hub.url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=writing,
    ) as process:
        os.close(writing)
        assert process.wait(20) == 141

    assert (live_hub.commands, live_hub.unsubscribed) == ([], 1)


def test_a_missing_command_is_reported_before_joining(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, live_hub.url, "--exec", "no-such-command"]) == 1
    assert capsys.readouterr().err == "eventstore: command not found: 'no-such-command'\n"
    assert live_hub.connected == 0


def test_an_unknown_subscription_is_refused(live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]) -> None:
    live_hub.answers.append({"type": "error", "code": "subscription-not-found", "detail": "there is none"})

    assert main([*COMMAND, live_hub.url]) == 1
    assert "there is none (subscription-not-found)" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--exec"], ["--exec", "--"]])
def test_exec_without_a_command_is_wrong_usage(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*COMMAND, live_hub.url, *arguments])
    assert ended.value.code == 2
    assert "argument --exec: expected a command" in capsys.readouterr().err
    assert live_hub.connected == 0


def test_a_command_ends_when_it_exits_though_a_child_keeps_its_pipes(
    live_hub: FakeWebSocketHub, tmp_path: Path
) -> None:
    live_hub.shares.append([OWNED, sent(2, 1)])
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"(read line < {gate}; echo daemon: $line >&2) & echo started >&2; exit 0"
    with working(live_hub, "--exec", "sh", "-c", script) as process:
        live_hub.until_command(cursor="c2")
        assert process.stderr is not None
        assert process.stderr.readline() == "started\n"
        gate.write_text("goes on\n")
        assert process.stderr.readline() == "daemon: goes on\n"
        process.send_signal(signal.SIGTERM)
        _, words = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 event handled, 0 failed" in words


def test_the_reason_is_the_last_output_of_the_command_even_if_a_child_keeps_its_pipes(
    live_hub: FakeWebSocketHub, tmp_path: Path
) -> None:
    live_hub.shares.append([OWNED, sent(2, 1)])
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"(read line < {gate}) & echo busy >&2; echo card declined >&2; exit 1"
    with working(live_hub, "--exec", "sh", "-c", script) as process:
        until_command(live_hub, process, 2, signal.SIGTERM)
        nack = live_hub.until_command(action="nack")
        gate.write_text("over\n")
        process.communicate(timeout=20)
    assert nack["reason"] == "card declined"


def test_a_command_that_reads_nothing_gets_a_large_event_all_the_same(live_hub: FakeWebSocketHub) -> None:
    frame = sent(2, 1)
    frame["events"][0]["data"] = "x" * 200_000
    live_hub.shares.append([OWNED, frame])
    with working(live_hub, "--exec", "true") as process:
        until_command(live_hub, process, 1, signal.SIGTERM)
        process.communicate(timeout=20)
    assert commands_of(live_hub) == [{"action": "ack", "cursor": "c2"}]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("#!/nowhere/interpreter\n", "No such file or directory: the program of its line #! does not exist"),
        ("exit 0\n", "Exec format error: a script begins with a line such as #!/bin/sh"),
    ],
)
@pytest.mark.parametrize("concurrency", ["1", "2"])
def test_a_command_that_cannot_be_run_ends_the_worker_and_fails_no_event(
    live_hub: FakeWebSocketHub, tmp_path: Path, content: str, reason: str, concurrency: str
) -> None:
    command = tmp_path / "command"
    command.write_text(content)
    command.chmod(0o755)
    live_hub.shares.append([OWNED, sent(2, 1)])
    with working(live_hub, "--concurrency", concurrency, "--exec", str(command)) as process:
        _, words = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"cannot run '{command}': {reason}" in words
    assert "0 events handled, 0 failed" in words
    assert not [command for command in commands_of(live_hub) if command["action"] in {"ack", "nack"}]


@pytest.mark.parametrize("change", ["removed", "not executable"])
def test_a_command_that_can_be_run_no_more_ends_the_worker(
    live_hub: FakeWebSocketHub, tmp_path: Path, change: str
) -> None:
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\n{'rm' if change == 'removed' else 'chmod -x'} {command}\n")
    command.chmod(0o755)
    live_hub.shares.append([OWNED, sent(2, 1), sent(3, 2)])
    with working(live_hub, "--exec", str(command)) as process:
        _, words = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"cannot run '{command}': " in words
    assert ("No such file" if change == "removed" else f"Permission denied: run chmod +x {command}") in words
    assert "1 event handled, 0 failed" in words
    assert not [command for command in commands_of(live_hub) if command["action"] == "nack"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full is Linux's")
def test_a_blocked_output_neither_acknowledges_nor_fails_events(live_hub: FakeWebSocketHub) -> None:
    live_hub.shares.append([OWNED, sent(2, 1)])
    with (
        Path("/dev/full").open("w") as full,
        subprocess.Popen(
            [sys.executable, "-m", "eventstore_client", *COMMAND, live_hub.url],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stderr is not None
        words = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)
    assert "cannot write the output: [Errno 28] No space left on device; retrying" in words
    assert "0 events handled, 0 failed" in rest
    assert (process.returncode, live_hub.commands) == (0, [])


def of_streams(frame: int, *streams: str) -> dict[str, Any]:
    frame_of_one = sent(frame, *[1] * len(streams))
    for event, stream in zip(frame_of_one["events"], streams, strict=True):
        event["hubstream"] = stream
    return frame_of_one


def test_commands_of_several_streams_run_at_the_same_time(live_hub: FakeWebSocketHub, tmp_path: Path) -> None:
    live_hub.shares.append([OWNED, of_streams(2, "a", "b")])
    each_waits = 'touch "$EVENT_STREAM"; until [ -e a ] && [ -e b ]; do sleep 0.01; done'
    with working(live_hub, "--concurrency", "2", "--exec", "sh", "-c", each_waits, cwd=tmp_path) as process:
        until_command(live_hub, process, 1, signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "2 events handled, 0 failed" in errors
    assert [command.get("cursor") for command in commands_of(live_hub)] == ["c2"]


def test_a_second_signal_ends_the_commands_of_all_streams(live_hub: FakeWebSocketHub, tmp_path: Path) -> None:
    live_hub.shares.append([OWNED, of_streams(2, "a", "b")])
    for name in ("a", "b"):
        os.mkfifo(tmp_path / name)
    begins = 'echo $$ > "$EVENT_STREAM"; exec sleep 60'
    with working(live_hub, "--concurrency", "2", "--exec", "sh", "-c", begins, cwd=tmp_path) as process:
        # Reading from a pipe waits for its writer.
        commands = [int((tmp_path / name).read_text()) for name in ("a", "b")]
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        assert "stopping" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    for command in commands:
        with pytest.raises(ProcessLookupError):
            os.kill(command, 0)
    assert not [command for command in commands_of(live_hub) if command["action"] == "nack"]


def test_concurrency_without_a_command_is_refused(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, live_hub.url, "--concurrency", "2"]) == 1
    assert "--concurrency requires --exec" in capsys.readouterr().err
    assert live_hub.connected == 0
