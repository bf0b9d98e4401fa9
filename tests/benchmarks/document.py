"""Writes docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.measure import Figure, NotMeasured

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PLACE", "Section", "document", "machine"]

PLACE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. Times and rates vary from machine to machine and from day to day. What counts are
the ratios: both sides of each were measured in the same run, in short blocks that take turns, and the figure is the
median over the blocks. Where one client waits for one server, the two are kept on different processors, as a function
and its cache are on different machines.

Measured on {machine}.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one subject, under its title, with a note on the method."""

    title: str
    note: str
    figures: Sequence[Figure | NotMeasured]


def document(sections: Sequence[Section]) -> str:
    """The whole page: a table for each section."""
    parts = [_HEAD.format(machine=machine())]
    for section in sections:
        rows = "".join(f"{_row(figure)}\n" for figure in section.figures)
        head = "| what | figure | aim | held or not |\n| --- | ---: | ---: | --- |\n"
        parts.append(f"## {section.title}\n\n{section.note}\n\n{head}{rows}")
    return "\n".join(parts)


def _row(figure: Figure | NotMeasured) -> str:
    if isinstance(figure, NotMeasured):
        return f"| {figure.what} | | | not measured: {figure.reason} |"
    return f"| {figure.what} | {figure.text} | {figure.aimed_at} | {figure.verdict} |"


def machine() -> str:
    """A description of the machine and the server, for readers."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ValkeyServer.start() as server, Redis.from_url(server.url, decode_responses=True) as client:
        information = client.info("server")
    valkey = information.get("valkey_version") or information["redis_version"]
    system = f"{platform.system()}, {platform.machine()}"
    return f"{cores} cores ({system}), Python {platform.python_version()}, Valkey {valkey}"
