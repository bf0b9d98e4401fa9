from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eventstore_dev.output import Output

if TYPE_CHECKING:
    from collections.abc import Iterator

_LINE = "x" * 99 + "\n"


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    try:
        yield reader, writer
    finally:
        os.close(reader)
        os.close(writer)


def test_lines_are_written_in_order() -> None:
    with pipe() as (reader, writer):
        output = Output(writer)
        for number in range(100):
            output.write(f"{number}\n")
        assert output.drain(within=10)
        assert os.read(reader, 65_536).decode().split() == [str(number) for number in range(100)]


def test_a_writer_does_not_wait_for_a_reader_and_dropped_output_is_counted() -> None:
    with pipe() as (reader, writer):
        output = Output(writer, room=10_000)
        for _ in range(10_000):
            output.write(_LINE)
        text, accounted = b"", 0
        while accounted < 10_000:
            text += os.read(reader, 65_536)
            noted = re.findall(r"\(([\d,]+) lines are not shown: this output is slower", text.decode())
            accounted = text.decode().count(_LINE) + sum(int(number.replace(",", "")) for number in noted)
        assert noted
        assert accounted == 10_000
        assert output.drain(within=10)


def test_output_without_a_reader_is_dropped() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    output = Output(writer)
    output.write(_LINE)
    assert output.drain(within=10)
    output.write(_LINE)
    assert output.drain(within=10)
    os.close(writer)


def test_an_output_that_does_not_block_is_waited_for() -> None:
    with pipe() as (reader, writer):
        os.set_blocking(writer, False)
        output = Output(writer, room=1_000_000)
        for _ in range(5_000):
            output.write(_LINE)
        read = 0
        while read < 500_000:
            read += len(os.read(reader, 65_536))
        assert output.drain(within=10)
