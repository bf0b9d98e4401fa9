"""The soak on a journal: instances die and hang, the journal's servers are killed, the store is emptied and set back.

The seed also draws the journal: a server of NATS, a cluster of which a leader is killed, or a broker of Kafka.

No event may be lost, no cursor may become invalid, and no frame be taken for another. Of durable subscriptions, the
journal has what each turn left: what a turn sent that was under way when the store was lost is sent again, and the hub
may not know that it was, nor to whom (docs/backends.md). `SOAK_SEED`, `SOAK_EVENTS`, `SOAK_SUBSCRIBERS` and
`SOAK_JOURNAL` make it another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.group_scenario import ACCOUNT, prove_groups
from tests.e2e.server.journals import drawn
from tests.e2e.server.struck_journal import StruckJournal, StruckJournalGroups, struck_journal
from tests.e2e.struck import proved, setting
from tests.e2e.struck_servers import INSTANCES
from tests.transcripts.checker import OWNERS_AND_ATTEMPTS
from tests.transcripts.soak import soak

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ports import ReservedPort

_LOSSES = 12


@pytest.mark.needs("instances")
def test_every_guarantee_holds_although_the_store_is_lost(seed: int, tmp_path: Path) -> None:
    events, subscribers = setting("SOAK_EVENTS", 2_000), setting("SOAK_SUBSCRIBERS", 20)
    kills = max(events // 500, 4)
    journal = drawn(seed, 0)
    with struck_journal(seed, tmp_path / "valkey", StruckJournal, journal=journal, environment={}) as struck:
        scenario = soak(
            struck,
            seed=seed,
            events=events,
            subscribers=subscribers,
            processes=INSTANCES,
            kills=kills,
            pauses=kills,
            restarts=_LOSSES,
            deadline=900,
        )
        proved(scenario, seed=seed, folder=tmp_path)
    assert struck.kills
    assert set(struck.losses) == set(struck.possible)


@pytest.mark.needs("instances")
def test_durable_subscriptions_go_on_although_the_store_is_lost(
    seed: int, tmp_path: Path, lambda_port: ReservedPort, http_port: ReservedPort
) -> None:
    variables = {"LOOPBACK_TARGETS": "true", "AWS_ENDPOINT_URL_LAMBDA": lambda_port.url, **ACCOUNT}
    journal = drawn(seed, 1)
    with struck_journal(
        seed, tmp_path / "valkey", StruckJournalGroups, journal=journal, environment=variables
    ) as struck:
        prove_groups(
            struck,
            lambda_port=lambda_port,
            http_port=http_port,
            seed=seed,
            folder=tmp_path,
            processes=INSTANCES,
            pauses=True,
            restarts=_LOSSES,
            excused=OWNERS_AND_ATTEMPTS,
        )
    assert set(struck.losses) == set(struck.possible)
