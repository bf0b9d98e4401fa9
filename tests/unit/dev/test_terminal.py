from __future__ import annotations

import io

import pytest

from eventstore_dev.invocation import Outcome
from eventstore_dev.terminal import Terminal


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def line(stream: io.StringIO, *, path: str = "/a", outcome: Outcome | None = None) -> str:
    Terminal(stream=stream).access("GET", path, 404, seconds=0.0123, outcome=outcome)
    return stream.getvalue()


@pytest.fixture(autouse=True)
def colours_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_gets_colours() -> None:
    assert "\x1b[33m404\x1b[0m" in line(Tty())


def test_neither_a_close_nor_a_lost_connection_is_highlighted() -> None:
    stream = Tty()
    for code in (1000, 1006):
        Terminal(stream=stream).access("CLOSE", "/ws", code, seconds=0, outcome=None)
    assert "\x1b[36m1000\x1b[0m" in stream.getvalue()
    assert "\x1b[36m1006\x1b[0m" in stream.getvalue()


def test_a_file_gets_no_colours() -> None:
    assert "\x1b" not in line(io.StringIO())


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in line(Tty())


def test_a_line_has_method_path_status_and_both_times() -> None:
    text = line(io.StringIO(), outcome=Outcome(b"", failed=False, seconds=0.01, init_seconds=1.5))
    assert text.endswith("GET    /a 404 12.3 ms (10.0 ms in the function) cold start 1.50 s\n")


def test_a_path_cannot_move_the_cursor() -> None:
    assert "/a??[2J" in line(io.StringIO(), path="/a\x00\x1b[2J")


def test_text_of_a_client_does_not_start_a_new_line() -> None:
    stream = io.StringIO()
    Terminal(stream=stream).complain("403: 'x\n12:00:00 GET / 200\x1b[2J'")
    assert stream.getvalue() == "403: 'x?12:00:00 GET / 200?[2J'\n"


def test_lambdas_own_lines_are_for_the_verbose() -> None:
    quiet, verbose = io.StringIO(), io.StringIO()
    Terminal(stream=quiet).platform_line("F", "r", "START")
    Terminal(stream=verbose, verbose=True).platform_line("F", "r", "START")
    assert (quiet.getvalue(), verbose.getvalue()) == ("", "F r        | START\n")


def test_output_before_the_first_request_is_attributed_to_the_start() -> None:
    stream = io.StringIO()
    Terminal(stream=stream).function_line("F", "", "importing")
    assert stream.getvalue() == "F init     | importing\n"
