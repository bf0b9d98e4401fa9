"""Skipping stored events that cannot match, without decoding them.

A stored body has its attributes as `cloudevents.event.Event` encodes them: `"name":value`, without blanks. So an event
that has an attribute contains exactly these bytes. Events that contain them elsewhere, in data, are decoded and tested.
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
"""The canonical value of a boolean or an integer, which bodies hold without quotes."""


class Screen:
    """Finds the entries that may hold an event that fulfils every clause; without clauses, these are all entries."""

    def __init__(self, clauses: Clauses) -> None:
        self._needles: Sequence[Sequence[bytes]] = [_needles(clause) for clause in clauses]

    def passes(self, body: bytes) -> bool:
        """Whether the bytes of one or several events may hold a matching event."""
        for needles in self._needles:
            for needle in needles:
                if needle in body:
                    break
            else:
                return False
        return True

    def passing(self, entries: Iterable[Any]) -> Iterable[Any]:
        """Return the entries, as XRANGE returns them, without those that hold no matching event."""
        return [entry for entry in entries if self.passes(entry[1][1])] if self._needles else entries


def _needles(clause: Clause) -> list[bytes]:
    needles = []
    for name, value in clause:
        # Exactly as cloudevents.event encodes it.
        needles.append(f'"{name}":{json.dumps(value, ensure_ascii=False)}'.encode(errors="replace"))
        if _NOT_A_STRING.fullmatch(value):
            needles.append(f'"{name}":{value}'.encode())
    return needles
