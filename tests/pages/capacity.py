"""The tables of docs/operations/capacity.md, computed from the assumptions of costs.md and from the code."""

from __future__ import annotations

from binascii import crc_hqx
from collections import Counter
from typing import TYPE_CHECKING

from eventstore.frames.builder import FrameLimits
from tests.pages.served import served
from tests.pages.tables import replaced, table
from tests.pages.usage import MILLION, delivered

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["planned"]

_MEMORIES = (512, 1024, 1769)
_PARTITIONS = (16, 32, 64, 128)
_CACHE_SHARDS = (1, 2, 3, 4, 8, 16)
_SLOTS = 16_384
_SUBSCRIBERS, _TOGETHER = (0, 1, 100, 1_000, 5_000), (1, 100)
_CALL = 10_000 - 3_500
_TURN = 6_000 - 2_500


def planned(page: str, assumed: Mapping[str, float]) -> str:
    """The page with recomputed tables."""
    head = ["memory of a function", *(f"{memory:,} MB" for memory in _MEMORIES)]
    page = replaced(page, "What one function can do", table(head, _one_function(assumed)))
    head = ["partitions", *(f"{shards} {'shard' if shards == 1 else 'shards'}" for shards in _CACHE_SHARDS)]
    page = replaced(page, "Shards of the cache", table(head, map(_spread, _PARTITIONS)))
    head = ["subscribers"]
    for together in _TOGETHER:
        how = ", in hundreds" if together > 1 else ""
        head += [f"events a second{how or ', one by one'}", f"messages a second{how}"]
    return replaced(page, "The server", table(head, (_one_task(number, assumed) for number in _SUBSCRIBERS)))


def _one_function(assumed: Mapping[str, float]) -> list[list[str]]:
    shares = [min(1.0, memory / assumed["memory of a whole processor, MB"]) for memory in _MEMORIES]
    post = assumed["a delivery works, for each post"]
    shards = FrameLimits().shards
    lines = {
        "posts a second, one shard of connections": [share * 1000 / post for share in shares],
        f"posts a second, all {shards} shards": [share * 1000 / post * shards for share in shares],
        "posts of one call, within 6.5 s": [share * _CALL / post for share in shares],
        "events by subscribers of one turn, within 3.5 s": [
            share * _TURN / assumed["a turn works, for each event and subscriber"] for share in shares
        ],
    }
    return [[name, *(_rounded(value) for value in values)] for name, values in lines.items()]


def _one_task(subscribers: int, assumed: Mapping[str, float]) -> list[str]:
    """The events and messages a second of a task that is as busy as scaling lets it be."""
    cells = [f"{subscribers:,}"]
    for together in _TOGETHER:
        seconds = served(subscribers, together, assumed).processor_hours * 3600 / MILLION
        events = assumed["the server: a task is busy, at most"] / seconds
        cells += [_rounded(events), _rounded(events / together * delivered(subscribers, together).messages)]
    return cells


def _spread(partitions: int) -> list[str]:
    """The largest and the smallest number of partitions of a shard, with evenly divided slots."""
    cells = []
    for shards in _CACHE_SHARDS:
        slots = (crc_hqx(f"p{number}".encode(), 0) % _SLOTS for number in range(partitions))
        held = Counter(slot * shards // _SLOTS for slot in slots)
        counts = [held[shard] for shard in range(shards)]
        most, fewest = max(counts), min(counts)
        cells.append(str(most) if most == fewest else f"{fewest} to {most}")
    return [str(partitions), *cells]


def _rounded(value: float) -> str:
    """Round an estimate to two digits."""
    digits = len(str(int(value))) - 2
    return f"{round(value, -digits):,.0f}"
