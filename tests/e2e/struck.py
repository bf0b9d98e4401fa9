"""The hub of a soak, and the faults that strike it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from eventstore_dev.invocation import Limits
from eventstore_dev.running import running
from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.hubs import TEMPLATE
from tests.e2e.unreliable import UnreliableBroker
from tests.transcripts.checker import first_violation
from tests.transcripts.recording import written
from tests.transcripts.soak import PUSH_FUNCTION, SoakTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
    from pathlib import Path

    from eventstore_dev.queues.broker import Broker
    from eventstore_dev.stack import Stack
    from tests.transcripts.evidence import Evidence
    from tests.transcripts.transcript import Transcript
    from tests.transcripts.violation import Violation

__all__ = ["Struck", "proved", "setting", "struck_hub"]

_LIMITS = Limits(redelivery_seconds=0.2)
"""The time until a message of a killed function is received again; the visibility timeout would slow a soak down."""


@dataclass
class Struck:
    """See `tests.transcripts.controls.HubControls`."""

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

    async def kill(self, process: str) -> None:
        for pid in self.stack._pools[process].pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.kills += 1

    async def pause(self, process: str) -> None:
        raise AssertionError(f"{process} is a function, and nobody pauses it")

    async def kill_caller(self, port: int) -> None:  # noqa: ARG002 - one function calls
        await self.kill(PUSH_FUNCTION)

    async def restart_cache(self) -> None:
        await asyncio.to_thread(self._restart_cache)

    def _restart_cache(self) -> None:
        self.valkey.kill()
        self.valkey.restart()

    async def fire_sweep(self) -> None:
        self.stack.fire("SweepFunction")


S = TypeVar("S", bound=Struck)


def setting(name: str, otherwise: int) -> int:
    """A number that an environment variable may override."""
    return int(os.environ.get(name) or otherwise)


@contextmanager
def struck_hub(
    seed: int,
    folder: Path,
    kind: type[S],
    *,
    parameters: Mapping[str, str] = MappingProxyType({}),
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[S]:
    """The local stack, with queues that delay and repeat messages, and a durable Valkey server.

    Args:
        parameters: Parameters of the template.
        variables: Variables of all functions.
    """
    brokers: list[UnreliableBroker] = []

    def unreliable(inner: Broker) -> Broker:
        brokers.append(UnreliableBroker(inner, random=random.Random(seed + len(brokers))))
        return brokers[-1]

    with (
        ValkeyServer.start(folder=folder, persistent=True) as valkey,
        running(
            TEMPLATE,
            parameters={"RedisUrl": valkey.url, **parameters},
            variables=variables,
            limits=_LIMITS,
            wrap_broker=unreliable,
        ) as stack,
    ):
        yield kind(stack, valkey, brokers)


def proved(
    scenario: Coroutine[Any, Any, Transcript],
    *,
    seed: int,
    folder: Path,
    excused: Collection[Callable[[Evidence], Iterator[Violation]]] = (),
) -> Transcript:
    """Run a scenario, and check its transcript, also if it does not end in time.

    Args:
        scenario: The scenario.
        seed: What it was drawn from.
        folder: Where a transcript is kept that fails.
        excused: Rules that do not count.

    Raises:
        SoakTimeout: It did not end in time, and what happened by then has no violation.
    """
    try:
        transcript = asyncio.run(scenario)
    except SoakTimeout as error:
        if error.transcript is not None:
            _prove(error.transcript, seed=seed, folder=folder, excused=excused)
            _keep(error.transcript, folder)
        raise
    _prove(transcript, seed=seed, folder=folder, excused=excused)
    return transcript


def _prove(
    transcript: Transcript,
    *,
    seed: int,
    folder: Path,
    excused: Collection[Callable[[Evidence], Iterator[Violation]]],
) -> None:
    """Fail at the first violation, and keep the transcript."""
    violation = first_violation(transcript, excused=excused)
    if violation is not None:
        pytest.fail(f"{violation}\n  seed {seed}; python -m tests.transcripts {_keep(transcript, folder)}")


def _keep(transcript: Transcript, folder: Path) -> Path:
    kept = folder / "transcript.jsonl"
    kept.write_text("\n".join(written(transcript)), encoding="utf-8")
    return kept
