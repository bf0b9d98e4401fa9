"""Publishers and subscribers that come, go, lag and resume, while functions and the cache are killed and queues repeat.

What was answered and what was received is proved against the promises by `tests.transcripts`. `SOAK_SEED`,
`SOAK_EVENTS` and `SOAK_SUBSCRIBERS` make it another one; a transcript that fails is kept where the message says.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.invocation import Limits
from eventstore_dev.stack import Stack, running
from eventstore_dev.valkey import ValkeyServer
from tests.e2e.conftest import TEMPLATE
from tests.e2e.unreliable import UnreliableBroker
from tests.transcripts.checker import first_violation
from tests.transcripts.recording import written
from tests.transcripts.soak import soak

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_dev.queues.broker import Broker

_LIMITS = Limits(redelivery_seconds=0.2)
"""A message whose function died comes again that soon, not after its visibility timeout: a soak has many of them."""


@dataclass
class Struck:
    """The hub of a soak; see `tests.transcripts.soak.HubControls`."""

    stack: Stack
    valkey: ValkeyServer
    brokers: list[UnreliableBroker] = field(default_factory=list)
    kills: int = 0

    @property
    def rest_url(self) -> str:
        return self.stack.url

    @property
    def ws_url(self) -> str:
        return f"{self.stack.url.replace('http', 'ws', 1)}/ws"

    async def kill_function(self, name: str) -> None:
        for pid in self.stack._pools[name].pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.kills += 1

    async def restart_cache(self) -> None:
        await asyncio.to_thread(self._restart_cache)

    def _restart_cache(self) -> None:
        self.valkey.kill()
        self.valkey.restart()

    async def fire_sweep(self) -> None:
        self.stack.fire("SweepFunction")


def setting(name: str, otherwise: int) -> int:
    return int(os.environ.get(name) or otherwise)


@pytest.fixture(params=[setting("SOAK_SEED", random.SystemRandom().randrange(10**6))], ids=lambda seed: f"seed-{seed}")
def seed(request: pytest.FixtureRequest) -> int:
    drawn: int = request.param
    return drawn


@pytest.fixture
def struck(seed: int, tmp_path: Path) -> Iterator[Struck]:
    brokers: list[UnreliableBroker] = []

    def unreliable(inner: Broker) -> Broker:
        brokers.append(UnreliableBroker(inner, random=random.Random(seed + len(brokers))))
        return brokers[-1]

    with (
        ValkeyServer.start(folder=tmp_path / "valkey", persistent=True) as valkey,
        running(TEMPLATE, parameters={"RedisUrl": valkey.url}, limits=_LIMITS, wrap_broker=unreliable) as stack,
    ):
        yield Struck(stack, valkey, brokers)


def test_every_promise_holds_whatever_is_struck(struck: Struck, seed: int, tmp_path: Path) -> None:
    events, subscribers = setting("SOAK_EVENTS", 2_000), setting("SOAK_SUBSCRIBERS", 20)
    # As many strikes for as many events, however long it is: a kill costs more time than a hundred events.
    kills, restarts = max(events // 500, 4), max(events // 5_000, 1)
    transcript = asyncio.run(
        soak(struck, seed=seed, events=events, subscribers=subscribers, kills=kills, restarts=restarts)
    )
    violation = first_violation(transcript)
    if violation is not None:
        kept = tmp_path / "transcript.jsonl"
        kept.write_text("\n".join(written(transcript)), encoding="utf-8")
        pytest.fail(f"{violation}\n  seed {seed}; python -m tests.transcripts {kept}")
    assert struck.kills
    assert sum(broker.repeats for broker in struck.brokers)
    assert sum(broker.delays for broker in struck.brokers)
