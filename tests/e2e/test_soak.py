"""Publishers and subscribers connect, lag and resume, while functions and the cache are killed and messages repeat.

What was answered and what was received is proved against the promises by `tests.transcripts`. `SOAK_SEED`,
`SOAK_EVENTS` and `SOAK_SUBSCRIBERS` make it another one; a transcript that fails is kept where the message says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.struck import Struck, proved, setting, struck_hub
from tests.transcripts.soak import soak

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def struck(seed: int, tmp_path: Path) -> Iterator[Struck]:
    with struck_hub(seed, tmp_path / "valkey", Struck) as hub:
        yield hub


@pytest.mark.needs("own-stack", "kills")
def test_every_guarantee_holds_despite_faults(struck: Struck, seed: int, tmp_path: Path) -> None:
    events, subscribers = setting("SOAK_EVENTS", 2_000), setting("SOAK_SUBSCRIBERS", 20)
    # The number of strikes grows with the number of events: a kill takes longer than a hundred events.
    kills, restarts = max(events // 500, 4), max(events // 5_000, 1)
    scenario = soak(
        struck, seed=seed, events=events, subscribers=subscribers, kills=kills, restarts=restarts, deadline=300
    )
    proved(scenario, seed=seed, folder=tmp_path)
    assert struck.kills
    assert sum(broker.repeats for broker in struck.brokers)
    assert sum(broker.delays for broker in struck.brokers)
