from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore_dev.lines import Allowance, LineSplitter, cost_of


def split(chunks: list[bytes], *, longest: int = 8) -> bytes:
    splitter = LineSplitter(longest=longest)
    return b"".join(map(splitter.feed, chunks)) + splitter.finish()


@given(st.lists(st.text(alphabet="ab\n", max_size=8).map(str.encode)))
def test_short_lines_are_kept_unchanged(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    longest = max(map(len, whole.split(b"\n")))
    assert split(chunks, longest=max(longest, 8)) == whole


@given(st.lists(st.text(alphabet="ab\n", max_size=8).map(str.encode)))
def test_a_long_line_is_truncated_and_the_rest_is_counted(chunks: list[bytes]) -> None:
    expected = []
    for line in b"".join(chunks).split(b"\n"):
        cut = f" … ({len(line) - 8} more bytes of this line are cut)".encode() if len(line) > 8 else b""
        expected.append(line[:8] + cut)
    assert split(chunks) == b"\n".join(expected)


def test_the_buffer_of_an_unterminated_line_is_bounded() -> None:
    splitter = LineSplitter(longest=8)
    for _ in range(1000):
        assert splitter.feed(b"x" * 8) == b""
    assert splitter.is_cutting
    assert splitter.finish() == "xxxxxxxx … (7,992 more bytes of this line are cut)".encode()
    assert not splitter.is_cutting


def test_a_line_costs_a_minimum_and_truncated_bytes_cost_less() -> None:
    assert cost_of(4, b"a\nb\n", cutting=False) > 4
    assert cost_of(4096, b"", cutting=True) < 4096
    assert cost_of(4096, b"", cutting=False) == 4096


def test_an_allowance_can_be_spent_at_once_and_refills_with_time() -> None:
    now = 0.0
    allowance = Allowance(burst=100, rate=10, clock=lambda: now)
    assert allowance.spend(100) == 0
    assert allowance.spend(50) == pytest.approx(5)
    now = 5
    assert allowance.spend(0) == 0
    assert allowance.spend(10) == pytest.approx(1)


def test_an_unused_allowance_does_not_grow() -> None:
    now = 0.0
    allowance = Allowance(burst=100, rate=10, clock=lambda: now)
    now = 1_000_000
    assert allowance.spend(110) == pytest.approx(1)
