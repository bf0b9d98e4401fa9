"""Passing over stored events that cannot match, by their bytes alone.

Attributes stand in a stored body as `events.Event` writes them: `"name":value`, without blanks. An event that has one
therefore holds exactly these bytes; those that hold them elsewhere, in data, are decoded and tested like any other.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.filters.clauses import Clause, Clauses

__all__ = ["Screen"]

_NOT_A_STRING = re.compile(r"true|false|-?[0-9]+", re.ASCII)
"""What may be the canonical value of a boolean or an integer, which stand without quotes."""


class Screen:
    """Tells which entries of events may hold one that fulfils every clause; without clauses, all."""

    def __init__(self, clauses: Clauses) -> None:
        self._needles: Sequence[Sequence[bytes]] = [_needles(clause) for clause in clauses]

    def passes(self, body: bytes) -> bool:
        """Whether the bytes of one event, or of several, may hold one that matches."""
        for needles in self._needles:
            for needle in needles:
                if needle in body:
                    break
            else:
                return False
        return True

    def passing(self, entries: Iterable[Any]) -> Iterable[Any]:
        """The entries of a stream's events, as XRANGE has them, without those in which nothing can match."""
        return [entry for entry in entries if self.passes(entry[1][1])] if self._needles else entries


def _needles(clause: Clause) -> list[bytes]:
    needles = []
    for name, value in clause:
        # As events._encode writes it: nothing else would be found.
        needles.append(f'"{name}":{json.dumps(value, ensure_ascii=False)}'.encode(errors="replace"))
        if _NOT_A_STRING.fullmatch(value):
            needles.append(f'"{name}":{value}'.encode())
    return needles
