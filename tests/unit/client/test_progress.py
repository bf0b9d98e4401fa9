from __future__ import annotations

from io import StringIO

from eventstore_client.cli.progress import Progress
from eventstore_client.summary import Summary


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_terminal_shows_a_bar_that_fills() -> None:
    out, clock = Terminal(), Clock()
    progress = Progress(200, out=out, clock=clock)

    clock.now = 2.0
    progress.advance(100)

    assert out.getvalue().startswith("\r" + "█" * 15 + "░" * 15)
    assert "100/200 events  50/s" in out.getvalue()


def test_a_terminal_is_not_redrawn_for_every_event() -> None:
    out = Terminal()
    progress = Progress(1000, out=out, clock=Clock())

    for _ in range(1000):
        progress.advance(1)

    assert out.getvalue().count("\r") == 1


def test_a_bar_ends_full_and_leaves_its_line() -> None:
    out = Terminal()
    progress = Progress(1, out=out, clock=Clock())
    progress.advance(1)

    progress.close()

    assert "█" * 30 in out.getvalue()
    assert out.getvalue().endswith("\n")


def test_without_a_terminal_progress_is_an_occasional_line() -> None:
    out, clock = StringIO(), Clock()
    progress = Progress(100, out=out, clock=clock)

    for second in range(11):
        clock.now = float(second)
        progress.advance(1)
    progress.close()

    assert out.getvalue() == "6/100 events  1/s\n11/100 events  1/s\n"


def test_a_summary_counts_new_events() -> None:
    summary = Summary(new=1500, duplicates=500, streams=3, seconds=2.0)

    assert str(summary) == "2,000 events in 3 streams: 1,500 new, 500 duplicates, 2.00 s (1,000 events/s)"


def test_a_summary_of_nothing_has_no_rate() -> None:
    assert str(Summary(0, 0, 0, 0.0)).endswith("0.00 s (0 events/s)")


def test_without_a_total_only_the_number_is_shown() -> None:
    clock, out = Clock(), Terminal()
    progress = Progress(None, out=out, clock=clock)
    clock.now = 2.0
    progress.advance(1500)
    progress.close()
    assert out.getvalue().split("\r")[-1] == "1,500 events  750/s\x1b[K\n"
