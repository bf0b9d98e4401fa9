"""What is known of the places that cursors stand for, though they are opaque: by what came before and behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Cursors", "Place"]


class Place(NamedTuple):
    """A place in a partition.

    Attributes:
        generation: How often the partition had been renewed when the cursor was given.
        least: So many events of the partition are surely before it.
        most: All behind so many are surely behind it.
    """

    generation: int
    least: int
    most: int


class Cursors:
    """Tokens, and where they stand."""

    def __init__(self) -> None:
        self._places: dict[str, dict[int, Place]] = {}
        self._removed: dict[str, dict[str, int]] = {}

    def note(self, token: str, places: Mapping[int, Place], *, removed: Mapping[str, int] | None = None) -> None:
        """A token came with these places; what an earlier one of the same text said holds as well.

        Args:
            removed: Per stream the last sequence that had been removed when its reader began: none of these is owed.
        """
        if removed:
            self._removed[token] = {**removed}
        known = self._places.setdefault(token, {})
        for partition, place in places.items():
            old = known.get(partition)
            if old is not None and old.generation == place.generation:
                least, most = max(old.least, place.least), min(old.most, place.most)
                known[partition] = Place(place.generation, min(least, most), max(least, most))
            else:
                known[partition] = place

    def merged(self, tokens: Iterable[str]) -> dict[int, Place]:
        """Of each partition the furthest place; where generations differ, the later token (docs/protocol.md)."""
        found: dict[int, Place] = {}
        for token in tokens:
            for partition, place in self._places[token].items():
                old = found.get(partition)
                if old is not None and old.generation == place.generation:
                    least, most = max(old.least, place.least), max(old.most, place.most)
                    found[partition] = Place(place.generation, least, most)
                else:
                    found[partition] = place
        return found

    def removed(self, tokens: Iterable[str], stream: str) -> int:
        """Up to where a stream had been removed when the readers of these began."""
        return max((self._removed.get(token, {}).get(stream, 0) for token in tokens), default=0)
