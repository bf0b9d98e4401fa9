"""Patterns of LIKE (3.4.3), matched without backtracking: the length of a pattern bounds its cost."""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["TooLong", "matcher"]

_LONGEST = 8 * 1024
_PART = re.compile(r"\\[%_]|.", re.DOTALL)
_MANY, _ONE = "%", "_"

_Find = Callable[[str, int, int], int]


class TooLong(Exception):
    """A value is too long for a pattern with `_` and `%`, whose cost is the product of both lengths."""


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tests whether a value matches a pattern.

    If the pattern has both `_` and `%`, the function raises `TooLong` for values of more than 8 Ki characters.
    """
    runs = _runs(pattern)
    if len(runs) == 1:
        return _whole(runs[0])
    literal = all(_ONE not in run for run in runs)
    first, *middle, last = ("".join(part[-1] for part in run) for run in runs)
    if literal and not any(middle):
        if not first:
            return lambda value: value.endswith(last)
        if not last:
            return lambda value: value.startswith(first)
    return _sequence(runs, bounded=not literal)


def _runs(pattern: str) -> list[list[str]]:
    """Split a pattern at each `%` into runs of single characters, `_` and escapes."""
    runs: list[list[str]] = [[]]
    for part in _PART.findall(pattern):
        if part == _MANY:
            runs.append([])
        else:
            runs[-1].append(part)
    return runs


def _whole(run: list[str]) -> Callable[[str], bool]:
    if _ONE not in run:
        text = "".join(part[-1] for part in run)
        return lambda value: value == text
    expression = _expression(run)
    return lambda value: expression.fullmatch(value) is not None


def _sequence(runs: list[list[str]], *, bounded: bool) -> Callable[[str], bool]:
    """Match the first run at the start, the last at the end, and each other one at its first occurrence between."""
    first, last = len(runs[0]), len(runs[-1])
    starts, ends = _finder(runs[0]), _finder(runs[-1])
    middle = [(_finder(run), len(run)) for run in runs[1:-1] if run]

    def matches(value: str) -> bool:
        stop = len(value) - last
        if bounded and len(value) > _LONGEST:
            raise TooLong
        if stop < first or starts(value, 0, first) < 0 or ends(value, stop, len(value)) < 0:
            return False
        at = first
        for find, length in middle:
            at = find(value, at, stop)
            if at < 0:
                return False
            at += length
        return True

    return matches


def _finder(run: list[str]) -> _Find:
    """Return a function that finds a run in a part of a value, and returns its offset or -1."""
    if _ONE not in run:
        text = "".join(part[-1] for part in run)
        return lambda value, start, stop: value.find(text, start, stop)
    search = _expression(run).search

    def find(value: str, start: int, stop: int) -> int:
        match = search(value, start, stop)
        return match.start() if match else -1

    return find


def _expression(run: list[str]) -> re.Pattern[str]:
    return re.compile("".join("." if part == _ONE else re.escape(part[-1]) for part in run), re.DOTALL)
