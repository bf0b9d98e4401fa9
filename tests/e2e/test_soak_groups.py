"""Members of a durable subscription that crash, leave and join, events that poison them, and a hub that is struck.

What they received, handled and said is proved against the promises by `tests.transcripts`. `SOAK_SEED` and
`SOAK_EVENTS` make it another one; a transcript that fails is kept where the message says.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.durables import StruckGroups
from tests.e2e.struck import setting, struck_hub
from tests.transcripts.checker import first_violation
from tests.transcripts.group_soak import group_soak
from tests.transcripts.recording import written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=[setting("SOAK_SEED", random.SystemRandom().randrange(10**6))], ids=lambda seed: f"seed-{seed}")
def seed(request: pytest.FixtureRequest) -> int:
    drawn: int = request.param
    return drawn


@pytest.fixture
def struck(seed: int, tmp_path: Path) -> Iterator[StruckGroups]:
    with struck_hub(seed, tmp_path / "valkey", StruckGroups) as hub:
        yield hub


@pytest.mark.needs("own-stack", "kills")
def test_all_is_handled_in_order_or_parked_and_what_was_parked_comes_back(
    struck: StruckGroups, seed: int, tmp_path: Path
) -> None:
    events = setting("SOAK_EVENTS", 1_500)
    # As many strikes for as many events, however long it is.
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
    violation = first_violation(transcript)
    if violation is not None:
        kept = tmp_path / "transcript.jsonl"
        kept.write_text("\n".join(written(transcript)), encoding="utf-8")
        pytest.fail(f"{violation}\n  seed {seed}; python -m tests.transcripts {kept}")
    [group] = transcript.groups
    assert struck.kills
    assert group.redriven
    assert not group.parked
    assert sum(len(member.sessions) for member in group.members) > len(group.members)
