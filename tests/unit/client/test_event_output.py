from __future__ import annotations

import pytest

from eventstore_client.cli.event_output import EventOutput
from eventstore_client.cli.styles import Style
from eventstore_client.cli.timeline import LiveTable, timeline
from eventstore_client.cli.widths import clipped, padded, printable, width_of
from eventstore_client.recorded import Recorded


def recorded(sequence: int, kind: str = "task.failed") -> Recorded:
    return Recorded.from_text(f'{{"id":"x","type":"{kind}",\n"hubstream":"wf","hubsequence":"{sequence}"}}')


def lines(output: str, *events: Recorded) -> list[str]:
    formatted = EventOutput(output)
    return [*formatted.head(), *map(formatted.line, events), *formatted.end()]


def test_an_event_is_one_line_of_ndjson() -> None:
    assert lines("ndjson", recorded(1)) == ['{"id":"x","type":"task.failed", "hubstream":"wf","hubsequence":"1"}']


@pytest.mark.parametrize(("count", "shape"), [(0, "[]"), (1, "[{}]"), (3, "[{},{},{}]")])
def test_events_are_one_array(count: int, shape: str) -> None:
    printed = "".join(lines("json", *map(recorded, range(1, count + 1))))

    assert [printed[0], printed[-1], printed.count('},{"id"')] == ["[", "]", max(0, count - 1)]
    assert printed.count("{") == shape.count("{")


def test_colours_show_how_a_type_ends() -> None:
    table = LiveTable(Style(has_colours=True))

    rows = [table.row(recorded(1, kind)) for kind in ("task.failed", "task.retried", "task.completed", "order.placed")]

    assert [
        colour in row for colour, row in zip(("\x1b[31mt", "\x1b[33mt", "\x1b[32mt", "\x1b[36mo"), rows, strict=True)
    ] == [True] * 4


def test_colours_do_not_move_columns() -> None:
    events = [recorded(1), recorded(10, "order.placed")]
    plain = list(timeline(events))

    painted = list(timeline(events, style=Style(has_colours=True)))

    for code in ("0", "1", "2", "31", "36"):
        painted = [line.replace(f"\x1b[{code}m", "") for line in painted]
    assert [line.rstrip() for line in painted] == plain


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("grün", 4), ("gru\u0308n", 4), ("注文", 4), ("", 0)])
def test_the_width_of_a_text_is_that_in_a_terminal(text: str, width: int) -> None:
    assert width_of(text) == width
    assert width_of(padded(text, 6)) == 6


@pytest.mark.parametrize(
    ("text", "width", "cut"), [("abcdef", 6, "abcdef"), ("abcdef", 4, "abc…"), ("注文注文", 4, "注…"), ("ab", 0, "")]
)
def test_a_text_is_cut_to_a_width(text: str, width: int, cut: str) -> None:
    assert clipped(text, width) == cut
    assert width_of(cut) <= width


def test_a_text_with_control_characters_is_printed_as_json() -> None:
    assert printable("注文 ü") == "注文 ü"
    assert printable("a\nb\x1b") == r'"a\nb\u001b"'
