"""The SDK goes on when functions of the local stack are killed (-9) while it publishes: each event once, in order."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.hubs import LocalHub
from tests.e2e.killed import BACKOFF, go_through_kills
from tests.faces import FACES

if TYPE_CHECKING:
    from tests.e2e.hubs import Hub

pytestmark = pytest.mark.needs("kills")


def strike(hub: LocalHub, random: Random, *, is_all: bool) -> None:
    """Kill the process of one function, or those of all."""
    if is_all:
        hub.kill_functions()
    elif pids := sorted(hub.stack.pids):
        # A process may have ended by itself.
        with suppress(ProcessLookupError):
            os.kill(random.choice(pids), signal.SIGKILL)


@pytest.mark.parametrize("face", FACES)
def test_subscribers_and_workers_go_on_when_functions_are_killed(hub: Hub, seed: int, face: str) -> None:
    assert isinstance(hub, LocalHub)
    random = Random(seed)
    with hub.client(face=face, backoff=BACKOFF) as store:
        go_through_kills(
            store,
            lambda number: strike(hub, random, is_all=number % 2 == 0),
            clients=2,
            sweep=hub.sweep,
            # What a function had when it was killed may count as an attempt of its events.
            max_attempts=100,
            ack_deadline=10,
        )
