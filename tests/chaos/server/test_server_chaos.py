"""A small run of the chaos on three instances; `make nightly` has large ones. `CHAOS_SEED` makes it another one."""

from __future__ import annotations

import os
from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.chaos.server.operators import OPERATIONS
from tests.chaos.server.plan import chaos_plan
from tests.chaos.server.runs import reported
from tests.e2e.endpoints import chosen
from tests.e2e.server.struck_journal import Loss
from tests.transcripts.plan import What
from tests.transcripts.transcript import BARE

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 20.0


def seed() -> int:
    return int(os.environ.get("CHAOS_SEED") or Random().randrange(1_000_000))


@pytest.mark.skipif(chosen() != "server", reason="it needs instances of the server: EVENTSTORE_ENDPOINT=server")
def test_every_promise_is_kept_over_three_doors_while_instances_die_hang_and_drain(tmp_path: Path) -> None:
    drawn = seed()
    report = reported(drawn, seconds=_SECONDS, folder=tmp_path)
    assert not report.found, "\n".join([f"CHAOS_SEED={drawn}; the transcript is in {tmp_path}", *report.found])
    assert report.kills
    assert report.pauses
    publishers = {publish.publisher.partition("-")[0] for publish in report.outcome.transcript.publishes}
    assert publishers >= {"rest", "socket", "grpc", "stream"}


def test_the_same_seed_is_the_same_plan() -> None:
    assert chaos_plan(7, 30.0) == chaos_plan(7, 30.0)
    assert chaos_plan(7, 30.0) != chaos_plan(8, 30.0)


def test_a_journal_has_more_losses_of_its_store_to_survive() -> None:
    losses = [
        sum(strike.what is What.CACHE for strike in chaos_plan(7, 20.0, has_journal=has_journal).plan.strikes)
        for has_journal in (False, True)
    ]
    assert losses == [1, len(Loss)]


def test_every_door_and_every_operation_occurs_in_a_run_of_a_minute() -> None:
    plan = chaos_plan(7, 60.0)
    assert set(plan.doors) == {"socket", "bare", "grpc", "protobuf"}
    assert {name for _, name in plan.operations} == set(OPERATIONS)
    by_door = zip(plan.plan.guests, plan.doors, strict=True)
    assert all((guest.request.get("subprotocol") == BARE) == (door == "bare") for guest, door in by_door)


def test_every_partition_has_a_stream_that_ends_it() -> None:
    assert len(chaos_plan(7, 30.0).ends) == 16
