"""The page docs/benchmarks.md, whole or with some of its sections replaced."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from redis import Redis

from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.measure import Figure, NotMeasured

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PLACE", "Section", "document", "machine", "with_sections"]

PLACE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

_HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. Times and rates vary from machine to machine and from day to day. What counts are
the ratios: both sides of each were measured in the same run, in short blocks that take turns, and the figure is the
median over the blocks. Where one client waits for one server, the two are kept on different processors, as a function
and its cache are on different machines.

Measured on {machine}.
"""
_MEASURED_ON = "Measured on {machine}."


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one subject, under its title, with a note on the method."""

    title: str
    note: str
    figures: Sequence[Figure | NotMeasured]


def document(sections: Sequence[Section], *, machine: str) -> str:
    """The whole page: a table for each section.

    Args:
        sections: The sections, in order.
        machine: What they were measured on.
    """
    return "\n".join([_HEAD.format(machine=machine), *(_text(section) for section in sections)])


def with_sections(page: str, sections: Sequence[Section], *, order: Sequence[str], machine: str) -> str:
    """The page with these sections in place of those that have their titles. Everything else stays as it is.

    Args:
        page: The page before.
        sections: The sections that were measured again, or for the first time.
        order: The titles of all sections that a run writes, in order. What else the page has follows them.
        machine: What the sections were measured on. If the page names another one, each of them names its own.
    """
    head, *others = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    elsewhere = "" if _MEASURED_ON.format(machine=machine) in head else machine
    texts = {_title_of(text): text.rstrip("\n") + "\n" for text in others}
    texts |= {section.title: _text(section, elsewhere=elsewhere) for section in sections}
    places = {title: place for place, title in enumerate(order)}
    titles = sorted(texts, key=lambda title: places.get(title, len(places)))
    return "\n".join([head.rstrip("\n") + "\n", *(texts[title] for title in titles)])


def _text(section: Section, *, elsewhere: str = "") -> str:
    rows = "".join(f"{_row(figure)}\n" for figure in section.figures)
    head = "| what | figure | aim | held or not |\n| --- | ---: | ---: | --- |\n"
    measured = f"\n{_MEASURED_ON.format(machine=elsewhere)}" if elsewhere else ""
    return f"## {section.title}\n\n{section.note}{measured}\n\n{head}{rows}"


def _title_of(text: str) -> str:
    return text.partition("\n")[0].removeprefix("## ")


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
