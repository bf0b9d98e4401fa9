"""Members of a durable subscription crash, leave and join, with poisoned events, while faults strike the hub.

What they received, handled and said is proved against the promises by `tests.transcripts`. `SOAK_SEED` and
`SOAK_EVENTS` make it another one; a transcript that fails is kept where the message says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.durables import StruckGroups
from tests.e2e.struck import prove, setting, struck_hub
from tests.transcripts.group_soak import group_soak

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def struck(seed: int, tmp_path: Path) -> Iterator[StruckGroups]:
    with struck_hub(seed, tmp_path / "valkey", StruckGroups) as hub:
        yield hub


@pytest.mark.needs("own-stack", "kills")
def test_every_event_is_handled_in_order_or_parked_and_redriven(
    struck: StruckGroups, seed: int, tmp_path: Path
) -> None:
    events = setting("SOAK_EVENTS", 1_500)
    # The number of strikes grows with the number of events.
    transcript = asyncio.run(
        group_soak(
            struck,
            seed=seed,
            events=events,
            streams=max(events // 33, 10),
            comings=max(events // 300, 4),
            kills=max(events // 500, 3),
            restarts=max(events // 5_000, 1),
        )
    )
    prove(transcript, seed=seed, folder=tmp_path)
    [group] = transcript.groups
    assert struck.kills
    assert group.redriven
    assert not group.parked
    assert sum(len(member.sessions) for member in group.members) > len(group.members)
