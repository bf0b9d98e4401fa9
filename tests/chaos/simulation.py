"""A seeded run: one operation or fault after the other, and a calm now and then."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.chaos.calm import Calm
from tests.chaos.faults import Functions
from tests.chaos.operators import Operators
from tests.chaos.pages import Pages
from tests.chaos.publishers import Publishers
from tests.chaos.streams import Streams
from tests.chaos.subscribers import Subscribers
from tests.chaos.violation import Violation
from tests.chaos.wiring import Process
from tests.chaos.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Outcome", "Simulation", "run"]

_CALM_EVERY = 350
_DEATHS = 0.12
_DIES_WITHIN = 14


class Simulation:
    """A world and all that may happen in it, each by its weight."""

    def __init__(self, world: World, *, without: Collection[str] = ()) -> None:
        self.world = world
        publishers = Publishers(world)
        streams = Streams(world, publishers)
        subscribers = Subscribers(world)
        pages = Pages(world)
        operators = Operators(world)
        functions = Functions(world)
        self.calm = Calm(world, functions, subscribers, operators)
        self._functions = functions
        self._operations: list[tuple[str, float, Callable[[], None]]] = [
            ("publish one", 10, publishers.one),
            ("publish a batch", 6, publishers.batch),
            ("publish where the stream ends", 2, publishers.expected),
            ("publish under a stale condition", 1, publishers.stale),
            ("publish again", 2, publishers.duplicate),
            ("publish other content", 1, publishers.conflict),
            ("publish an event too large for a frame", 0.3, publishers.large),
            ("publish over WebSocket", 1, publishers.over_socket),
            ("make a stream with a retention", 0.4, streams.create),
            ("delete a stream", 0.8, streams.delete),
            ("delete a stream for good", 0.3, streams.delete_for_good),
            ("delete a stream if it is current", 0.4, streams.delete_if_current),
            ("delete a stream by a stale tag", 0.4, streams.delete_if_stale),
            ("subscribe", 1, subscribers.subscribe),
            ("subscribe behind others' cursors", 0.6, subscribers.subscribe_behind_others),
            ("subscribe behind a page", 0.4, subscribers.subscribe_behind_page),
            ("resume", 0.8, subscribers.resume),
            ("resume from older cursors", 0.5, subscribers.resume_from_older),
            ("unsubscribe or vanish", 0.8, subscribers.leave),
            ("receive", 8, subscribers.read),
            ("start to read pages", 1, pages.start),
            ("read a page", 3, pages.read),
            ("read on later", 1, pages.read_later),
            ("make a subscription", 1.5, operators.create),
            ("delete a subscription", 0.3, operators.delete),
            ("replay", 0.5, operators.replay),
            ("redrive from the start", 0.5, partial(operators.redrive, "start")),
            ("redrive by skipping", 0.4, partial(operators.redrive, "skip")),
            ("redrive by dropping", 0.3, partial(operators.redrive, "drop")),
            ("purge", 0.3, partial(operators.redrive, "purge")),
            ("renew the epoch", 0.15, operators.renew_epoch),
            ("a member joins", 1.5, partial(operators.join, "healthy")),
            ("a silent member joins", 0.25, partial(operators.join, "silent")),
            ("a member that never reads joins", 0.15, partial(operators.join, "deaf")),
            ("a member leaves", 0.6, operators.leave),
            ("a member reads", 6, operators.read),
            ("a member works", 12, partial(operators.work, failing=0.08)),
            ("a member fails at all", 0.8, partial(operators.work, failing=0.8)),
            ("a member is busy", 0.6, operators.be_slow),
            ("a member acknowledges", 8, operators.acknowledge),
            ("a member acknowledges again", 0.6, partial(operators.acknowledge, again=True)),
            ("a member nacks what it did not have", 0.4, partial(operators.acknowledge, wild=True)),
            ("dispatch", 16, functions.dispatch),
            ("deliver", 12, functions.deliver),
            ("sweep", 0.5, functions.sweep),
            ("a connection's end is told", 2, functions.disconnected),
            ("little time passes", 4, self._wait_little),
            ("more time passes", 0.6, self._wait_more),
        ]
        self._faults: list[tuple[str, float, Callable[[], None]]] = [
            ("two workers", 1.2, functions.two_workers),
            ("a bell is lost", 0.6, functions.lose_bell),
            ("the queues are away", 0.2, functions.queues_away),
            ("the store is full", 0.15, functions.store_full),
            ("all starts cold", 0.3, functions.cold_start),
            ("the clock jumps", 0.2, functions.step_clock),
            ("a connection takes nothing", 0.2, subscribers.be_unreachable),
        ]
        every = [*self._operations, *self._faults]
        self._names = [name for name, _, _ in every]
        self._weights = [0 if name in without else weight for name, weight, _ in every]
        self._steps = {name: do for name, _, do in every}

    def run(self, steps: int) -> None:
        """Do so many steps, and end in a calm."""
        world, rng = self.world, self.world.rng
        for world.step in range(1, steps + 1):
            [name] = rng.choices(self._names, self._weights)
            killed = world.hub.killed
            if rng.random() < _DEATHS:
                world.hub.arm = Process(rng.randint(1, _DIES_WITHIN), rng.random() < 0.5)
            self._steps[name]()
            world.hub.arm = None
            world.operations[name] += 1
            if world.hub.killed > killed:
                world.note(f"a process ended in: {name}")
                world.faults["a process ended"] += 1
            self._functions.end_of_step()
            if world.step % _CALM_EVERY == 0 or world.step == steps:
                self.calm.come()
                world.figures["calms"] += 1

    def _wait_little(self) -> None:
        self._functions.pass_time(self.world.rng.randint(50, 5000))

    def _wait_more(self) -> None:
        self._functions.pass_time(self.world.rng.randint(5000, 90_000))


class Outcome:
    """What became of a run."""

    def __init__(self, world: World, violation: Violation | None) -> None:
        self.seed = world.seed
        self.step = world.step
        self.violation = violation
        self.world = world


def run(
    seed: int,
    steps: int,
    url: str,
    *,
    scripts: Mapping[str, Callable[[str], str]] | None = None,
    without: Collection[str] = (),
) -> Outcome:
    """One run on the store at a URL, which is emptied first.

    Args:
        scripts: What changes the text of scripts, by their names.
        without: Operations and faults that are left out, to look for what hides behind one of them.
    """
    world = World(seed, url, scripts=scripts)
    with world.hub.running():
        try:
            Simulation(world, without=without).run(steps)
        except Violation as violation:
            return Outcome(world, violation)
    return Outcome(world, None)
