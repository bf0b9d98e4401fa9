"""Functions that write more than is read."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Timer
from typing import TYPE_CHECKING

import pytest
import urllib3

from tests.e2e.dev.conftest import LIMITS, TEMPLATE, serve, wait_until
from tests.e2e.dev.sockets import RawClient, opening
from tests.e2e.dev.test_command import alive, children, variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.dev.conftest import Running
    from tests.ports import ReservedPort

FLOODS = ["lines", "bytes", "child"]
_MIB = 1024 * 1024


@pytest.fixture
def fresh() -> Iterator[Running]:
    with serve(LIMITS) as running:
        yield running


@pytest.mark.parametrize("how", FLOODS)
def test_a_time_out_fires_on_time_while_the_function_floods(how: str, fresh: Running, tmp_path: Path) -> None:
    fresh.invoke("Behaviour", {})
    began = time.monotonic()
    answer = fresh.invoke("Behaviour", {"do": "flood", "how": how, "file": str(tmp_path / "pid")})
    assert answer.json()["errorType"] == "Sandbox.Timedout"
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("how", FLOODS)
def test_others_are_answered_while_a_function_floods(how: str, fresh: Running, tmp_path: Path) -> None:
    fresh.invoke("Named", {})
    file = tmp_path / "pid"
    with ThreadPoolExecutor(1) as caller:
        flooding = caller.submit(fresh.invoke, "Behaviour", {"do": "flood", "how": how, "file": str(file)})
        wait_until(file.exists, what="the function to run")
        answered = 0
        while not flooding.done():
            assert fresh.invoke("Named", {}).status == 200
            answered += not flooding.done()
    assert answered >= 20


def test_a_flood_is_slowed_down_and_shown(fresh: Running, tmp_path: Path) -> None:
    fresh.invoke("Behaviour", {"do": "flood", "how": "lines", "file": str(tmp_path / "pid")})
    lines = fresh.written.getvalue().count("| y\n")
    # The output of a second: the burst, the allowance of that second, and the pipe.
    assert 1000 < lines < 400_000


def test_a_line_of_40_mib_is_truncated_and_the_next_is_shown(fresh: Running) -> None:
    fresh.invoke("Behaviour", {})
    assert fresh.invoke("Behaviour", {"do": "write", "bytes": 40 * _MIB}).json() is None
    written = fresh.written.getvalue()
    assert f"({40 * _MIB - 65_536:,} more bytes of this line are cut)\n" in written
    assert "| last words\n" in written
    assert len(written) < 200_000


def test_a_function_is_answered_while_its_child_keeps_writing(fresh: Running) -> None:
    pid = fresh.invoke("Patient", {"do": "leave"}).json()
    try:
        assert fresh.invoke("Patient", {"do": "print", "text": "hello"}).json() is None
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("frame", [b"\x00\x80\0\0\0\0", b"\x8a\x80\0\0\0\0"], ids=["fragments", "pongs"])
def test_others_are_answered_while_a_client_sends_empty_frames_for_ever(frame: bytes, fresh: Running) -> None:
    fresh.invoke("Named", {})
    with RawClient.connect(fresh, opening("/ws")) as raw, ThreadPoolExecutor(1) as sender:
        assert "101" in raw.head()
        raw.send(b"\x01\x80\0\0\0\0")
        over = threading.Event()

        def send() -> None:
            while not over.is_set():
                raw.send(frame * 10_000)

        sending = sender.submit(send)
        try:
            began = time.monotonic()
            for _ in range(40):
                assert fresh.invoke("Named", {}).status == 200
            assert time.monotonic() - began < 4
        finally:
            over.set()
        sending.result()


@contextmanager
def command(output: int, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The stack, writing to a descriptor; its functions run when the block begins."""
    with subprocess.Popen(
        [sys.executable, "-m", "eventstore_dev", "--template", str(TEMPLATE)],
        env=variables({"PORT": str(port)}),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    ) as process:
        try:
            wait_until(lambda: invoked(port, "Named", b"{}"), what="the stack to answer", seconds=30)
            yield process
        finally:
            process.kill()


def invoked(port: int, function: str, event: bytes) -> bool:
    with suppress(urllib3.exceptions.HTTPError), urllib3.PoolManager(retries=False) as http:
        path = f"/2015-03-31/functions/{function}/invocations"
        return http.request("POST", f"http://127.0.0.1:{port}{path}", body=event, timeout=60).status == 200
    return False


@pytest.mark.parametrize("how", FLOODS)
def test_a_signal_ends_the_stack_at_once_while_functions_flood_and_ignore_signals(
    how: str, reserved_port: ReservedPort, tmp_path: Path
) -> None:
    port, file = reserved_port.number, tmp_path / "pid"
    with (tmp_path / "output").open("wb") as output, command(output.fileno(), port) as process:
        event = f'{{"do":"flood","how":"{how}","file":"{file}"}}'.encode()
        with ThreadPoolExecutor(1) as caller:
            calling = caller.submit(invoked, port, "Behaviour", event)
            wait_until(file.exists, what="the function to run")
            tree = children(process.pid)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
            assert time.monotonic() - began < 4
            calling.result()
    # The child, in its own session, ends when it writes to a pipe without a reader.
    wait_until(lambda: not alive(tree), what="all processes to end")


def test_a_blocked_terminal_does_not_stop_the_stack(reserved_port: ReservedPort, tmp_path: Path) -> None:
    port = reserved_port.number
    master, slave = pty.openpty()
    try:
        with command(slave, port) as process:
            for _ in range(2):
                invoked(port, "Behaviour", f'{{"do":"flood","how":"lines","file":"{tmp_path / "pid"}"}}'.encode())
            # No line was read, and far more was written than a terminal buffers.
            assert invoked(port, "Named", b"{}")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
    finally:
        os.close(slave)
        os.close(master)


def test_output_dropped_for_a_slow_reader_is_counted(reserved_port: ReservedPort, tmp_path: Path) -> None:
    port = reserved_port.number
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as lines, command(writer, port) as process:
        invoked(port, "Behaviour", f'{{"do":"flood","how":"lines","file":"{tmp_path / "pid"}"}}'.encode())
        os.close(writer)
        # The line ends the loop; without it, the output would go on for ever.
        patience = Timer(300, process.kill)
        patience.start()
        noted = next((line for line in lines if b"not shown" in line), b"")
        patience.cancel()
        assert re.search(rb"\(\d[\d,]* lines are not shown", noted)
        assert invoked(port, "Named", b"{}")
        process.send_signal(signal.SIGINT)
        assert b"Stopping" in lines.read()
        assert process.wait(timeout=10) == 0


def test_a_closed_output_does_not_stop_the_stack(reserved_port: ReservedPort) -> None:
    port = reserved_port.number
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with command(writer, port) as process:
            assert invoked(port, "Behaviour", b'{"do":"print","text":"to nobody"}')
            assert invoked(port, "Named", b"{}")
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=10) == 0
    finally:
        os.close(writer)
