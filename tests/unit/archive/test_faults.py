"""A manifest is true whatever happens: a death, an error or a late write at any call, and others at work meanwhile."""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import ObjectKey
from eventstore.streams import StreamName
from tests.fakes.faulty import Killed
from tests.fakes.objects import (
    InterruptedObjects,
    Late,
    dies_after,
    dies_before,
    fails_after,
    fails_before,
    meanwhile,
)
from tests.unit.archive.world import DAY, FOREVER, World

if TYPE_CHECKING:
    from collections.abc import Callable

FAULTS = [dies_before, dies_after, fails_before, fails_after]
_WRITES = {"put_new", "replace", "delete"}
_ALL = os.environ.get("ARCHIVE_FAULTS") == "all"
_SAMPLE = 60
"""How many pairs of calls are tried: all of them take minutes. ARCHIVE_FAULTS=all tries them."""


def pairs(first: int, second: int) -> list[tuple[int, int]]:
    """Pairs of numbers, up to two numbers; always the same sample."""
    found = list(product(range(1, first + 1), range(1, second + 1)))
    return found if _ALL else random.Random(17).sample(found, min(_SAMPLE, len(found)))


def fresh() -> World:
    """A store of which nothing is archived yet."""
    world = World()
    world.publish(25, "b", "a", "c")
    return world


def due() -> World:
    """An archive in which a run seals segments, deletes what others left, and merges."""
    world = World()
    world.publish(12, "b", "a", "c")
    world.archive()
    world.publish(5, "a", "d")
    world.archive()
    for name in ("ff.ndjson.gz", "ff.index.json.gz"):
        world.objects.put_new(ObjectKey(f"events/p00/0123/0.0.0-1.0.0-{name}"), b"of a dead archiver")
    world.log.delete(StreamName("d"))
    world.publish(12, "a", "b")
    world.clock.pass_seconds(DAY)
    return world


SCENARIOS = [fresh, due]
each_scenario = pytest.mark.parametrize("scenario", SCENARIOS)


def calls_of(scenario: Callable[[], World]) -> list[str]:
    """The calls of a run that nothing disturbs."""
    world = scenario()
    objects = InterruptedObjects(world.objects)
    world.archive(objects)
    return objects.calls


def disturbed(world: World, faults: dict[int, Callable[[Callable[[], Any]], Any]]) -> None:
    """One run, which may fail."""
    with suppress(Killed, ArchiveUnavailable):
        world.archive(InterruptedObjects(world.objects, faults))
    world.check()


def recovers(world: World) -> None:
    """Later runs archive the rest, and leave nothing that no manifest lists."""
    world.archive()
    world.check_all_is_archived()
    for _ in range(2):
        world.clock.pass_seconds(DAY)
        world.archive()
        world.check_all_is_archived()
    assert world.stored_keys() == world.listed_keys()


def test_the_scenarios_make_every_call() -> None:
    assert set(calls_of(fresh)) == {"get", "put_new", "replace"}
    assert set(calls_of(due)) == {"get", "put_new", "replace", "list", "delete"}


@each_scenario
@pytest.mark.parametrize("fault", FAULTS)
def test_a_death_or_an_error_at_any_call_leaves_a_true_manifest(
    scenario: Callable[[], World], fault: Callable[[Callable[[], Any]], Any]
) -> None:
    for number in range(1, len(calls_of(scenario)) + 1):
        world = scenario()
        disturbed(world, {number: fault})
        recovers(world)


@each_scenario
def test_two_faults_in_a_row_leave_a_true_manifest(scenario: Callable[[], World]) -> None:
    calls = len(calls_of(scenario))
    for first, second in pairs(calls, calls):
        world = scenario()
        disturbed(world, {first: dies_after if (first + second) % 2 else fails_after})
        disturbed(world, {second: dies_after if first % 2 else dies_before})
        recovers(world)


@each_scenario
def test_a_write_that_is_late_does_no_harm_whenever_it_arrives(scenario: Callable[[], World]) -> None:
    calls = calls_of(scenario)
    for number, arrival in pairs(len(calls), len(calls) + 3):
        if calls[number - 1] not in _WRITES:
            continue
        world, late = scenario(), Late()
        disturbed(world, {number: late})
        # In the midst of the next run, or after it.
        disturbed(world, {arrival: meanwhile(late.arrive, after=False)})
        late.arrive()
        world.check()
        recovers(world)


@each_scenario
@pytest.mark.parametrize("after", [False, True])
def test_an_archiver_that_runs_in_the_midst_of_another_one_is_seen(
    scenario: Callable[[], World], *, after: bool
) -> None:
    for number in range(1, len(calls_of(scenario)) + 1):
        world = scenario()

        def other(world: World = world) -> None:
            world.archive()
            world.check_all_is_archived()

        world.archive(InterruptedObjects(world.objects, {number: meanwhile(other, after=after)}))
        world.check_all_is_archived()
        recovers(world)


@each_scenario
def test_of_three_archivers_each_in_the_midst_of_another_one_two_may_die(scenario: Callable[[], World]) -> None:
    calls = len(calls_of(scenario))
    for first, second in pairs(calls, calls):
        world = scenario()

        def third(world: World = world, at: int = first + second) -> None:
            # More events, and a day later: its merges and deletions overtake those of the first.
            world.publish(3, "a", "e")
            world.clock.pass_seconds(DAY)
            disturbed(world, {at % calls + 1: FAULTS[at % len(FAULTS)]})

        def another(world: World = world, at: int = second) -> None:
            disturbed(world, {at: meanwhile(third, after=bool(at % 2))})

        disturbed(world, {first: meanwhile(another, after=bool(first % 2))})
        recovers(world)


def test_archivers_in_many_threads_lose_nothing_and_list_nothing_twice() -> None:
    world = World(partitions=3)
    streams = [f"stream-{number}" for number in range(9)]
    for _ in range(6):
        world.publish(60, *streams)
        world.clock.pass_seconds(DAY)
        with ThreadPoolExecutor(6) as pool:
            runs = [pool.submit(world.archiver().run, until=FOREVER) for _ in range(6)]
            assert sum(run.result().events for run in runs) == 60
        world.check_all_is_archived()
    recovers(world)


@pytest.mark.parametrize("seed", range(200 if _ALL else 20))
def test_whatever_happens_at_random_the_archive_stays_true(seed: int) -> None:
    drawn = random.Random(seed)
    world, late = World(partitions=2), Late()
    streams = [f"stream-{number}" for number in range(6)]

    def publish() -> None:
        world.publish(drawn.randrange(1, 12), *drawn.sample(streams, 3), size=drawn.choice((5, 60, 900)))

    def delete() -> None:
        name = StreamName(drawn.choice(streams))
        with suppress(Exception):
            world.log.delete(name)
        if drawn.random() < 0.5:
            world.log.trim(name)

    def renew() -> None:
        world.log.renew()
        world.note_published()

    def run(depth: int = 0) -> None:
        acts: list[Callable[[], None]] = [publish, delete, late.arrive]
        if depth < 3:
            acts.append(partial(run, depth + 1))
        act = drawn.choice(acts)
        faults: list[Callable[[Callable[[], Any]], Any]] = [
            *FAULTS,
            late,
            meanwhile(act, after=False),
            meanwhile(act, after=True),
        ]
        disturbed(world, {drawn.randrange(1, 40): drawn.choice(faults) for _ in range(drawn.randrange(4))})

    steps: list[Callable[[], None]] = [
        publish,
        delete,
        run,
        run,
        run,
        late.arrive,
        partial(world.clock.pass_seconds, DAY),
    ]
    for _ in range(40):
        drawn.choice(steps)()
        if drawn.random() < 0.02:
            renew()
        world.check()
    late.arrive()
    publish()
    # A partition without a manifest has no event yet.
    world.publish(12, *streams)
    recovers(world)
