"""The keeper restarts an embedded server."""

from __future__ import annotations

import asyncio
import io
import threading
from contextlib import suppress

from eventstore_dev.terminal import Terminal
from eventstore_hosting.keeper import Keeper
from eventstore_hosting.kept_server import PortInUseError


class Server:
    """A server that is not running, and whose restarts first fail as often as given."""

    name = "Valkey"
    data = "its data"

    def __init__(self, *failures: Exception) -> None:
        self.running = False
        self.ending = "killed by SIGKILL"
        self.failures = list(failures)
        self.abandoned = threading.Event()

    def restart(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.running = True

    def abandon(self) -> None:
        self.abandoned.set()


class Waiting(Server):
    """A server whose restart lasts until it is abandoned."""

    def __init__(self) -> None:
        super().__init__()
        self.starting = threading.Event()

    def restart(self) -> None:
        self.starting.set()
        assert self.abandoned.wait(10)
        raise OSError("abandoned")


def kept(server: Server) -> tuple[list[float], list[str]]:
    """The pauses until the server ran again, and the lines written to the terminal."""
    pauses: list[float] = []
    written = io.StringIO()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if server.running:
            raise asyncio.CancelledError

    with suppress(asyncio.CancelledError):
        asyncio.run(Keeper(server, terminal=Terminal(stream=written), pause=pause).keep())
    return pauses, written.getvalue().splitlines()


def test_a_server_that_ended_is_restarted_and_both_are_reported() -> None:
    _, lines = kept(Server())
    assert lines == [
        "Valkey ended unexpectedly (killed by SIGKILL); starting it again on its data",
        "Valkey runs again on its data",
    ]


def test_messages_name_the_server() -> None:
    server = Server(OSError(28, "No space left on device"))
    server.name = "NATS"
    _, lines = kept(server)
    assert lines[0] == "NATS ended unexpectedly (killed by SIGKILL); starting it again on its data"
    assert lines[1].startswith("NATS could not be started: ")
    assert lines[2] == "NATS runs again on its data"


def test_a_failed_start_is_retried_with_growing_pauses() -> None:
    failures = [PortInUseError("Port 1 is in use"), PermissionError(13, "Permission denied"), RuntimeError()]
    pauses, lines = kept(Server(*failures, *(OSError(28, "No space left on device") for _ in range(6))))
    assert pauses[1:-1] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert lines[1] == "Valkey could not be started: Port 1 is in use. Trying again in 0.5 s"
    assert "Permission denied. Trying again in 1 s" in lines[2]
    assert "RuntimeError. Trying again in 2 s" in lines[3]
    assert lines[-1] == "Valkey runs again on its data"


def test_pauses_between_restarts_grow_until_the_server_has_run_for_a_while() -> None:
    server, now, pauses, written = Server(), 0.0, [], io.StringIO()
    lives = iter([0.0, 0.0, 0.0, 60.0, 0.0])

    async def pause(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds
        if server.running:
            lived = next(lives, None)
            if lived is None:
                raise asyncio.CancelledError
            now += lived
            server.running = False

    keeper = Keeper(server, terminal=Terminal(stream=written), pause=pause, clock=lambda: now)
    with suppress(asyncio.CancelledError):
        asyncio.run(keeper.keep())
    # The keeper watches for half a second after every start.
    assert pauses == [0.5, 0.5, 0.5, 0.5, 1, 0.5, 2, 0.5, 0.5, 0.5, 0.5]
    assert written.getvalue().count("ended unexpectedly") == 2
    assert written.getvalue().count("Valkey ended again (killed by SIGKILL). Trying again in") == 4


def test_last_words_of_several_lines_are_written_in_one() -> None:
    words = "\n".join(["Valkey ended as it started. Its last words:", *(f"line {number}" for number in range(40))])
    _, lines = kept(Server(ValueError(words)))
    assert lines[1] == (
        "Valkey could not be started: Valkey ended as it started. Its last words: / line 37 / line 38 / line 39. "
        "Trying again in 0.5 s"
    )


def test_stopping_does_not_wait_for_a_start_in_progress() -> None:
    server = Waiting()

    async def ended() -> None:
        keeping = asyncio.create_task(Keeper(server, terminal=Terminal(quiet=True)).keep())
        await asyncio.to_thread(server.starting.wait)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping

    asyncio.run(ended())
    assert server.abandoned.is_set()
