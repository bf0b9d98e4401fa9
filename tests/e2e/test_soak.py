"""Publishers and subscribers connect, lag and resume, while parts of the hub and the cache are killed.

On the local stack functions are killed, and messages of queues repeat. On the server instances are killed, end in
order, and hang, and clients connect to another one. What was answered and what was received is proved against the
promises by `tests.transcripts`. `SOAK_SEED`, `SOAK_EVENTS` and `SOAK_SUBSCRIBERS` make it another one; a transcript
that fails is kept where the message says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.endpoints import chosen
from tests.e2e.struck import Struck, proved, setting, struck_hub
from tests.e2e.struck_servers import INSTANCES, StruckServers, struck_servers
from tests.transcripts.soak import FUNCTIONS, soak

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def struck(seed: int, tmp_path: Path) -> Iterator[Struck | StruckServers]:
    if chosen() == "server":
        with struck_servers(seed, tmp_path / "valkey", StruckServers) as servers:
            yield servers
    else:
        with struck_hub(seed, tmp_path / "valkey", Struck) as hub:
            yield hub


@pytest.mark.needs("faults")
def test_every_guarantee_holds_despite_faults(struck: Struck | StruckServers, seed: int, tmp_path: Path) -> None:
    events, subscribers = setting("SOAK_EVENTS", 2_000), setting("SOAK_SUBSCRIBERS", 20)
    # The number of strikes grows with the number of events: a kill takes longer than a hundred events.
    kills, restarts = max(events // 500, 4), max(events // 5_000, 1)
    on_server = isinstance(struck, StruckServers)
    scenario = soak(
        struck,
        seed=seed,
        events=events,
        subscribers=subscribers,
        processes=INSTANCES if on_server else FUNCTIONS,
        kills=kills,
        pauses=kills if on_server else 0,
        restarts=restarts,
        deadline=900,
    )
    proved(scenario, seed=seed, folder=tmp_path)
    assert struck.kills
    if isinstance(struck, StruckServers):
        assert struck.pauses
    else:
        assert sum(broker.repeats for broker in struck.brokers)
        assert sum(broker.delays for broker in struck.brokers)
