from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from eventstore_client.__main__ import main

if TYPE_CHECKING:
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

COMMAND = ("subscribe", "--url", "http://127.0.0.1:9", "--patience", "1", "--websocket-url")


def run(hub: FakeWebSocketHub, *arguments: str) -> int:
    return main([*COMMAND, hub.url, *arguments])


def sequences(out: str) -> list[str]:
    return [json.loads(line)["hubsequence"] for line in out.splitlines()]


def cursor(said: str) -> str:
    return said.splitlines()[-1].removeprefix("eventstore: to go on: --cursor ")


def test_events_are_printed_one_a_line_up_to_the_count(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    live_hub.publish("a", 5)

    assert run(live_hub, "--from", "start", "--count", "4") == 0
    assert sequences(capsys.readouterr().out) == ["1", "2", "3", "4"]


def test_the_cursor_that_is_printed_goes_on(live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]) -> None:
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

    found = {json.loads(line)["hubstream"] for line in capsys.readouterr().out.splitlines()}
    assert found == {"b", "c"}


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


def test_lost_history_ends_it_with_the_cursor_that_goes_on_behind_the_loss(
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


def test_a_filter_that_the_hub_refuses_is_a_refusal(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
) -> None:
    live_hub.answers.append({"type": "error", "code": "invalid-filter", "detail": "no SQL", "pointer": "/filters/0"})

    assert run(live_hub, "--filter", "(") == 1
    assert capsys.readouterr().err == "eventstore: no SQL (at /filters/0) (invalid-filter)\n"


def test_a_hub_that_is_away_has_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND[:3], "--patience", "0"]) == 3
    assert "no answer from ws://127.0.0.1:9/ws" in capsys.readouterr().err


def test_an_address_that_does_not_tell_the_websocket_names_what_is_missing(
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


def test_ctrl_c_ends_it_and_tells_the_cursor_to_go_on_with(
    live_hub: FakeWebSocketHub, capsys: pytest.CaptureFixture[str]
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
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=20)

    assert following.returncode == 130
    assert sequences("".join(printed)) == ["1", "2", "3"]
    going_on, last = said.splitlines()
    assert last == "eventstore: interrupted"
    live_hub.publish("a", 3)
    assert run(live_hub, "--cursor", cursor(going_on), "--count", "3") == 0
    # The signal may come before the third event counts as printed, and then its frame comes again.
    assert sequences(capsys.readouterr().out)[0] in {"1", "4"}
