"""Frames: numbered per subscription and partition without a hole; a number that comes again holds the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.violation import Violation

__all__ = ["Frames"]

_LEAP = 50_000
"""Numbers go on far ahead where the hub cannot know what was sent under the next ones; nearer holes are losses."""


@dataclass
class Frames:
    """The frames of one subscription in one partition, as one connection receives them.

    Attributes:
        last: The number of the newest; None before the first one of a member, whose numbers start anywhere.
    """

    who: str
    last: int | None = 0
    texts: dict[int, str] = field(default_factory=dict)

    def take(self, message: dict[str, Any], *, starts: bool = False) -> str:
        """`new`, `repeated`, or `hole`; raises `Violation` if the frame may not come so.

        Args:
            message: The frame.
            starts: Whether its number may be any greater one (`owned`).
        """
        number = int(message["frame"])
        text = json.dumps(message, sort_keys=True)
        if self.last is not None and number <= self.last:
            # Numbers that others were sent between are unknown here.
            if number in self.texts and self.texts[number] != text:
                raise Violation(
                    "a frame that comes again holds the same", f"{self.who}: {text} was {self.texts[number]}"
                )
            return "repeated"
        if not starts and number != (self.last or 0) + 1:
            if number < (self.last or 0) + _LEAP:
                raise Violation("frames have no hole", f"{self.who}: {number} after {self.last}: {text[:200]}")
            return "hole"
        self.last = number
        self.texts[number] = text
        if len(self.texts) > 500:
            del self.texts[next(iter(self.texts))]
        return "new"
