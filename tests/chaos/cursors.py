"""The known bounds of the positions of opaque cursors, from the events received before and after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Cursors", "PositionBounds"]


class PositionBounds(NamedTuple):
    """The bounds of a position in a partition.

    Attributes:
        generation: How often the partition had been renewed when the cursor was given.
        least: So many events of the partition are surely before it.
        most: All behind so many are surely behind it.
    """

    generation: int
    least: int
    most: int


class Cursors:
    """Tokens, with the bounds of their positions."""

    def __init__(self) -> None:
        self._places: dict[str, dict[int, PositionBounds]] = {}
        self._removed: dict[str, dict[str, int]] = {}

    def note(
        self, token: str, places: Mapping[int, PositionBounds], *, removed: Mapping[str, int] | None = None
    ) -> None:
        """Record the bounds of a token; the bounds of an equal earlier token remain valid.

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
                known[partition] = PositionBounds(place.generation, min(least, most), max(least, most))
            else:
                known[partition] = place

    def merged(self, tokens: Iterable[str]) -> dict[int, PositionBounds]:
        """The furthest position of each partition; with different generations, the later token (docs/protocol.md)."""
        furthest: dict[int, PositionBounds] = {}
        for token in tokens:
            for partition, place in self._places[token].items():
                old = furthest.get(partition)
                if old is not None and old.generation == place.generation:
                    least, most = max(old.least, place.least), max(old.most, place.most)
                    furthest[partition] = PositionBounds(place.generation, least, most)
                else:
                    furthest[partition] = place
        return furthest

    def removed(self, tokens: Iterable[str], stream: str) -> int:
        """Up to which sequence a stream had been removed when the readers of these tokens began."""
        return max((self._removed.get(token, {}).get(stream, 0) for token in tokens), default=0)
