"""A strict parser of Prometheus' text format, version 0.0.4, written from its documentation only.

It raises `ValueError` for what Prometheus would refuse, and for what it would accept but its documentation forbids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isnan

__all__ = ["Scrape", "parsed"]

Scrape = Mapping[tuple[object, ...], float]
"""Values by the name and the pairs of label and value, in alphabetical order of the labels except `le`, the last."""

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) ((?:[^\\]|\\\\|\\n)*)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]?Inf|NaN)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def parsed(text: str) -> Scrape:
    """Parse a scrape."""
    if not text.endswith("\n"):
        raise ValueError("the last line must end with a line feed")
    values: dict[tuple[object, ...], float] = {}
    kinds: dict[str, str] = {}
    family = ""
    for line in text[:-1].split("\n"):
        if found := _TYPE.fullmatch(line):
            family = found[1]
            if family in kinds:
                raise ValueError(f"{family} has two types")
            kinds[family] = found[2]
        elif not _HELP.fullmatch(line):
            key, value = _sample(line)
            name = str(key[0])
            suffixes = ("_bucket", "_sum", "_count") if kinds.get(family) == "histogram" else ("",)
            if name not in {family + suffix for suffix in suffixes}:
                raise ValueError(f"{name} does not stand under its type")
            if key in values:
                raise ValueError(f"{line!r} is there twice")
            values[key] = value
    _check_values(kinds, values)
    return values


def _sample(line: str) -> tuple[tuple[object, ...], float]:
    found = _SAMPLE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a sample: {line!r}")
    pairs, rest = [], found[2] or ""
    while rest:
        label = _LABEL.match(rest)
        if label is None:
            raise ValueError(f"not labels: {rest!r}")
        pairs.append((label[1], re.sub(r"\\.", lambda escape: _ESCAPES[escape[0]], label[2])))
        rest = rest[label.end() :]
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError(f"a label is there twice: {line!r}")
    return (found[1], *sorted(pairs, key=lambda pair: (pair[0] == "le", pair[0]))), float(found[3])


def _check_values(kinds: Mapping[str, str], values: Scrape) -> None:
    for name, kind in kinds.items():
        if kind == "histogram":
            _check_histogram(name, values)
        elif kind == "counter" and any(key[0] == name and (isnan(v) or v < 0) for key, v in values.items()):
            raise ValueError(f"{name} is negative")


def _check_histogram(name: str, values: Scrape) -> None:
    series: dict[tuple[object, ...], list[float]] = {}
    for key, value in values.items():
        if key[0] == f"{name}_bucket":
            series.setdefault(key[1:-1], []).append(value)
    for labels, counts in series.items():
        if counts != sorted(counts):
            raise ValueError(f"the buckets of {name} are not cumulative")
        if values[(f"{name}_bucket", *labels, ("le", "+Inf"))] != values[(f"{name}_count", *labels)]:
            raise ValueError(f"the last bucket of {name} is not its count")
        if (f"{name}_sum", *labels) not in values:
            raise ValueError(f"{name} has no sum")
