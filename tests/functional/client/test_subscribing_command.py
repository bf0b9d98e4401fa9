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
    from collections.abc import Iterator

    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

COMMAND = ("subscribe", "--url", "http://127.0.0.1:9", "--patience", "1", "--websocket-url")


def run(hub: FakeWebSocketHub, *arguments: str) -> int:
    return main([*COMMAND, hub.url, *arguments])


def sequences(out: str) -> list[str]:
    return [json.loads(line)["hubsequence"] for line in out.splitlines()]


def cursor(said: str) -> str:
    return said.splitlines()[-1].removeprefix("eventstore: to resume: --cursor ")


def test_events_are_printed_one_a_line_up_to_the_count(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    live_hub.publish("a", 5)

    assert run(live_hub, "--from", "start", "--count", "4") == 0
    assert sequences(capsys.readouterr().out) == ["1", "2", "3", "4"]


def test_the_printed_cursor_resumes(live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]) -> None:
    live_hub.publish("a", 6)
    run(live_hub, "--from", "start", "--count", "3")

    assert run(live_hub, "--cursor", cursor(capsys.readouterr().err), "--count", "3") == 0
    assert sequences(capsys.readouterr().out) == ["4", "5", "6"]


def test_several_types_mean_any_of_them(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a")

    run(live_hub, "--from=start", "--count=1", "--type=io.flunq.task.*", "--type=x", "--filter=priority > 3")

    assert live_hub.requests[0]["filters"] == [
        {"any": [{"prefix": {"type": "io.flunq.task."}}, {"exact": {"type": "x"}}]},
        {"sql": "priority > 3"},
    ]


def test_several_streams_mean_any_of_them(live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]) -> None:
    for stream in "abc":
        live_hub.publish(stream)

    run(live_hub, "--from=start", "--count=2", "--stream=b", "--stream=c")

    streams = {json.loads(line)["hubstream"] for line in capsys.readouterr().out.splitlines()}
    assert streams == {"b", "c"}


def test_a_table_has_a_row_for_each_event_with_its_stream(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    live_hub.publish("acme:order-1-of-a-long-name", 2, time="2026-01-05T09:00:00Z", taskid="pack", data={"attempt": 2})

    run(live_hub, "--from=start", "--count=2", "--table")

    head, line, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["stream", "#", "time", "type", "task", "what"]
    assert set(line) == {"─", " "}
    first = "acme:order-1-of-a-long-name 1 2026-01-05 09:00:00 t pack attempt 2"
    assert [" ".join(row.split()) for row in rows] == [first, first.replace(" 1 ", " 2 ", 1)]


def test_lost_history_ends_the_command_with_the_cursor_after_the_loss(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    live_hub.publish("a")
    run(live_hub, "--from=start", "--count=1")
    before = cursor(capsys.readouterr().err)
    live_hub.publish("a")
    live_hub.remove("a")
    live_hub.publish("a")

    assert run(live_hub, "--cursor", before) == 1

    behind, reason = capsys.readouterr().err.splitlines()
    assert reason == "eventstore: events were removed before they were received: a 2"
    assert run(live_hub, "--cursor", cursor(behind), "--count=1") == 0
    assert sequences(capsys.readouterr().out) == ["3"]


def test_a_filter_that_the_hub_keeps_is_named(live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]) -> None:
    live_hub.answers.append({"type": "error", "code": "filter-not-found", "detail": "no filter"})

    assert run(live_hub, "--filter-name", "failures") == 1
    assert capsys.readouterr().err == "eventstore: no filter (filter-not-found)\n"
    assert live_hub.requests[-1]["filter_name"] == "failures"


def test_a_filter_that_the_hub_refuses_is_a_refusal(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    live_hub.answers.append({"type": "error", "code": "invalid-filter", "detail": "no SQL", "pointer": "/filters/0"})

    assert run(live_hub, "--filter", "(") == 1
    assert capsys.readouterr().err == "eventstore: no SQL (at /filters/0) (invalid-filter)\n"


@contextmanager
def following(hub: FakeWebSocketHub, *arguments: str, **options: Any) -> Iterator[subprocess.Popen[str]]:  # noqa: ANN401
    """The command, in its own process."""
    command = ["-m", "eventstore_client", "subscribe", "--url", "http://127.0.0.1:9", "--websocket-url", hub.url]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **options.pop("environment", {})}
    with subprocess.Popen(
        [sys.executable, *command, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        **({"stdout": subprocess.PIPE} | options),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_the_command_reports_and_waits_for_an_unavailable_hub(live_hub: FakeWebSocketHub) -> None:
    with following(live_hub) as process:
        assert process.stderr is not None
        live_hub.until_subscribed(1)
        live_hub.statuses.extend([503] * 3)
        live_hub.disconnect()
        words = process.stderr.readline()
        live_hub.until_subscribed(2)
        live_hub.publish("a")
        assert process.stdout is not None
        assert '"hubsequence":' in process.stdout.readline()
    assert words.startswith("eventstore: the subscription: the connection to ws://")
    assert words.endswith("; retrying\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a file that is always full is Linux's")
def test_a_full_output_ends_the_command_and_the_cursor_is_before_what_was_not_written(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    live_hub.publish("a", 3)
    with Path("/dev/full").open("w") as full, following(live_hub, "--from", "start", stdout=full) as process:
        assert process.stderr is not None
        _, words = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "cannot write the output: [Errno 28] No space left on device" in words
    *before, _ = words.splitlines()
    run(live_hub, "--cursor", cursor(before[-1]), "--count", "1")
    assert sequences(capsys.readouterr().out) == ["1"]


def test_an_encoding_that_lacks_a_character_gets_it_as_json_escapes_it(live_hub: FakeWebSocketHub) -> None:
    live_hub.publish("a", data="grün 😀")
    with following(live_hub, "--from", "start", "--count", "1", environment={"PYTHONIOENCODING": "ascii"}) as process:
        out, words = process.communicate(timeout=20)
    assert process.returncode == 0, words
    assert json.loads(out)["data"] == "grün 😀"
    assert out.isascii()


def test_an_output_that_is_closed_is_named_before_anything_is_asked(live_hub: FakeWebSocketHub) -> None:
    with following(live_hub, preexec_fn=lambda: os.close(1)) as process:
        _, words = process.communicate(timeout=20)
    assert process.returncode == 1
    assert words == "eventstore: standard output is closed\n"
    assert live_hub.connected == 0


def test_an_unavailable_hub_has_its_own_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND[:3], "--patience", "0"]) == 3
    assert "no response from ws://127.0.0.1:9/ws" in capsys.readouterr().err


def test_without_a_websocket_address_the_missing_setting_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["subscribe", "--url", "https://x.example/Prod"]) == 3
    assert "EVENTSTORE_WEBSOCKET_URL" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--type=a*b", "--type=*", "--type=", "--from=7", "--count=0"])
def test_an_option_that_is_wrong_is_wrong_usage(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["subscribe", option])

    assert ended.value.code == 2
    assert "usage: eventstore subscribe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "words"), [(signal.SIGINT, 130, ["eventstore: interrupted"]), (signal.SIGTERM, 0, [])]
)
def test_a_signal_ends_the_command_which_prints_the_cursor_to_resume_from(
    live_hub: FakeWebSocketHub,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    code: int,
    words: list[str],
) -> None:
    live_hub.publish("a", 3)
    with subprocess.Popen(
        [sys.executable, "-m", "eventstore_client", *COMMAND, live_hub.url, "--from", "start", "--follow"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        printed = [following.stdout.readline() for _ in range(3)]
        following.send_signal(number)
        _, said = following.communicate(timeout=20)

    assert following.returncode == code
    assert sequences("".join(printed)) == ["1", "2", "3"]
    going_on, *last = said.splitlines()
    assert last == words
    live_hub.publish("a", 3)
    assert run(live_hub, "--cursor", cursor(going_on), "--count", "3") == 0
    # When the signal arrives before the third event counts as printed, its frame is sent again.
    assert sequences(capsys.readouterr().out)[0] in {"1", "4"}
