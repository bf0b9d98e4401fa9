"""`ports.letters`, in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports import DeadLetter

__all__ = ["FakeLetters"]


class FakeLetters:
    """Keeps each letter once, as SQS does."""

    def __init__(self) -> None:
        self.kept: list[DeadLetter] = []

    def send(self, letters: Sequence[DeadLetter]) -> None:
        self.kept += [letter for letter in letters if letter not in self.kept]

    def discard(self, key: str, *streams: str) -> int:
        left = [letter for letter in self.kept if letter.key != key or letter.stream not in streams]
        removed = len(self.kept) - len(left)
        self.kept = left
        return removed
