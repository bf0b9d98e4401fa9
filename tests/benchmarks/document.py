"""docs/benchmarks.md, as a run writes it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from eventstore_dev.valkey import ValkeyServer
from tests.benchmarks.measure import Figure, NotMeasured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PLACE", "document"]

PLACE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. Times and rates vary from machine to machine and from day to day. What counts are
the ratios: both sides of each were measured in the same run, in short blocks that take turns, and the figure is the
median over the blocks.

Measured on {machine}.
"""


def document(sections: Mapping[str, Sequence[Figure | NotMeasured]]) -> str:
    """The whole page: a table for each section, by its title."""
    parts = [_HEAD.format(machine=_machine())]
    for title, figures in sections.items():
        parts.append(f"## {title}\n\n| what | figure | aim | |\n| --- | ---: | ---: | --- |\n")
        parts[-1] += "".join(f"{_row(figure)}\n" for figure in figures)
    return "\n".join(parts)


def _row(figure: Figure | NotMeasured) -> str:
    if isinstance(figure, NotMeasured):
        return f"| {figure.what} | | | not measured: {figure.reason} |"
    return f"| {figure.what} | {figure.told} | {figure.aimed_at} | {figure.verdict} |"


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with ValkeyServer.start() as server, Redis.from_url(server.url, decode_responses=True) as client:
        told = client.info("server")
    valkey = told.get("valkey_version") or told["redis_version"]
    system = f"{platform.system()}, {platform.machine()}"
    return f"{cores} cores ({system}), Python {platform.python_version()}, Valkey {valkey}"
