from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.addresses import Addresses
from eventstore_dev.environment import Environment
from eventstore_dev.invocation import Limits
from eventstore_dev.template import Template
from eventstore_dev.terminal import Terminal
from eventstore_hosting.lifeline import Lifeline
from tests.e2e.dev.conftest import LIMITS, TEMPLATE, serve, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.dev.conftest import Running


@pytest.fixture(scope="module")
def fresh() -> Iterator[Running]:
    """A stack whose processes the tests may end."""
    with serve(LIMITS) as running:
        yield running


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_one_caller_after_the_other_needs_one_process(fresh: Running) -> None:
    pids = {fresh.invoke("Named", {}).json()["pid"] for _ in range(5)}
    assert len(pids) == 1


def test_concurrent_calls_have_a_process_each(fresh: Running, tmp_path: Path) -> None:
    event = {"do": "meet", "folder": str(tmp_path), "number": 3}
    with ThreadPoolExecutor(3) as callers:
        answers = list(callers.map(lambda _: fresh.invoke("Behaviour", event).json(), range(3)))
    assert len(set(answers)) == 3


def test_a_caller_over_the_limit_waits_for_its_turn(fresh: Running, tmp_path: Path) -> None:
    go, over = tmp_path / "go", LIMITS.concurrency + 2
    event = {"do": "wait", "file": str(go)}
    with ThreadPoolExecutor(over) as callers:
        calls = [callers.submit(fresh.invoke, "Behaviour", event) for _ in range(over)]
        wait_until(lambda: len(fresh.stack.pids) >= LIMITS.concurrency, what="the pool to grow")
        go.touch()
        assert {call.result().status for call in calls} == {200}


def test_a_call_over_its_time_is_ended(fresh: Running, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    response = fresh.invoke("Behaviour", {"do": "hang", "file": str(file)})
    request = response.headers["x-amzn-RequestId"]
    assert response.json() == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds",
    }
    assert f"{request} Task timed out after 1.00 seconds" in fresh.written.getvalue()
    wait_until(lambda: is_gone(int(file.read_text())), what="the process to end")


def test_the_next_call_after_a_time_out_has_a_new_process(fresh: Running, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    fresh.invoke("Behaviour", {"do": "hang", "file": str(file)})
    assert fresh.invoke("Behaviour", {}).json()["pid"] != int(file.read_text())


@pytest.mark.parametrize(
    ("status", "message"),
    [(3, "Runtime exited with error: exit status 3"), (0, "Runtime exited without providing a reason")],
)
def test_a_process_that_exits_fails_its_call(fresh: Running, status: int, message: str) -> None:
    response = fresh.invoke("Behaviour", {"do": "exit", "status": status})
    request = response.headers["x-amzn-RequestId"]
    error = {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request} Error: {message}"}
    assert (response.headers["X-Amz-Function-Error"], response.json()) == ("Unhandled", error)


def test_the_call_after_an_exit_succeeds(fresh: Running) -> None:
    fresh.invoke("Behaviour", {"do": "exit", "status": 1})
    assert fresh.invoke("Behaviour", {"a": 1}).json()["event"] == {"a": 1}


def test_a_process_killed_in_mid_request_is_a_bad_gateway(fresh: Running, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    body = json.dumps({"do": "hang", "file": str(file)}).encode()
    responses = []
    caller = threading.Thread(target=lambda: responses.append(fresh.call("POST", "/do", body=body)))
    caller.start()
    wait_until(lambda: file.exists() and file.read_text(), what="the function to begin")
    os.kill(int(file.read_text()), signal.SIGKILL)
    caller.join()
    assert responses[0].status == 502
    assert "Runtime exited with error: signal: killed" in fresh.written.getvalue()


def test_no_call_is_lost_to_a_process_killed_while_idle(fresh: Running) -> None:
    for _ in range(3):
        pid = fresh.invoke("Behaviour", {}).json()["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(partial(is_gone, pid), what="the process to end")
        assert fresh.invoke("Behaviour", {"a": 1}).json()["event"] == {"a": 1}


def test_a_function_that_cannot_be_imported_reports_the_reason(fresh: Running) -> None:
    error = fresh.invoke("Broken", {}).json()
    assert (error["errorType"], error["errorMessage"]) == ("RuntimeError", "it cannot be imported")


def test_a_function_that_cannot_be_imported_is_tried_at_every_call(fresh: Running) -> None:
    assert {fresh.invoke("Broken", {}).status for _ in range(3)} == {200}
    assert not [pid for pid in fresh.stack.pids if is_gone(pid)]


def test_the_first_call_of_a_process_is_marked_as_a_cold_start() -> None:
    with serve(LIMITS) as running:
        running.call("GET", "/items")
        running.call("GET", "/items")
        first, second = [line for line in running.written.getvalue().splitlines() if "/items" in line]
        assert "cold start" in first
        assert "cold start" not in second


def test_a_log_line_carries_its_request(fresh: Running) -> None:
    response = fresh.invoke("Behaviour", {"do": "print", "text": "here I am"})
    request = response.headers["x-amzn-RequestId"]
    assert f"Behaviour {request[:8]} | here I am" in fresh.written.getvalue()


def test_idle_processes_end_after_a_while() -> None:
    with serve(Limits(idle_seconds=0.05)) as running:
        running.invoke("Behaviour", {})
        wait_until(lambda: not running.stack.pids, what="the pool to be empty")
        assert running.invoke("Behaviour", {}).status == 200


def test_no_process_outlives_the_stack(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    pids: tuple[int, ...] = ()
    with serve(LIMITS) as running:
        running.invoke("Behaviour", {"do": "hang", "file": str(file)}, X_Amz_Invocation_Type="Event")
        wait_until(lambda: file.exists() and file.read_text(), what="the function to begin")
        pids = running.stack.pids
    assert int(file.read_text()) in pids
    assert all(is_gone(pid) for pid in pids)


def test_a_process_that_never_gets_ready_is_ended() -> None:
    with serve(Limits(init_seconds=0.01)) as running:
        error = running.invoke("Behaviour", {}).json()
        assert error == {"errorType": "Sandbox.Timedout", "errorMessage": "Init phase timed out after 0.01 seconds"}


def test_a_process_that_is_stopped_while_it_starts_is_not_left_behind() -> None:
    async def overtaken(lifeline: Lifeline) -> int:
        function = Template.read(TEMPLATE).functions["Named"]
        terminal = Terminal(stream=io.StringIO())
        environment = Environment(
            function, limits=LIMITS, lifeline=lifeline, terminal=terminal, addresses=Addresses("http://127.0.0.1:1")
        )
        starting = asyncio.create_task(environment.start())
        while not environment.pid:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        await asyncio.gather(environment.stop(), environment.stop(), starting)
        return environment.pid

    with Lifeline() as lifeline:
        assert is_gone(asyncio.run(overtaken(lifeline)))
