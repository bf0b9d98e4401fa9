"""What a store held at a moment, and its way back to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["Snapshot"]


class Snapshot:
    """All that a store holds."""

    def __init__(self, plain: Redis) -> None:
        self._plain = plain
        self._dumps = {key: plain.dump(key) for key in plain.scan_iter()}

    def restore(self) -> None:
        """Let the store be what it was."""
        self._plain.flushall()
        for key, dump in self._dumps.items():
            assert isinstance(dump, bytes)
            self._plain.restore(key, 0, dump)
