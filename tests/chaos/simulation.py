"""A seeded run of random operations and faults, with occasional calms."""

from __future__ import annotations

from dataclasses import dataclass
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
    from collections import Counter
    from collections.abc import Callable, Collection, Mapping

__all__ = ["NAMES", "Outcome", "Simulation", "run"]

WEIGHTS: Mapping[str, float] = {
    "publish one": 10,
    "publish a batch": 6,
    "publish where the stream ends": 2,
    "publish under a stale condition": 1,
    "publish again": 2,
    "publish other content": 1,
    "publish an event too large for a frame": 0.3,
    "publish over WebSocket": 1,
    "make a stream with a retention": 0.4,
    "delete a stream": 0.8,
    "delete a stream for good": 0.3,
    "delete a stream if it is current": 0.4,
    "delete a stream by a stale tag": 0.4,
    "subscribe": 1,
    "subscribe behind others' cursors": 0.6,
    "subscribe behind a page": 0.4,
    "resume": 0.8,
    "resume from older cursors": 0.5,
    "unsubscribe or vanish": 0.8,
    "receive": 8,
    "start to read pages": 1,
    "read a page": 3,
    "read on later": 1,
    "make a subscription": 1.5,
    "delete a subscription": 0.3,
    "change a subscription": 0.4,
    "replay": 0.5,
    "redrive from the start": 0.5,
    "redrive by skipping": 0.4,
    "redrive by dropping": 0.3,
    "purge": 0.3,
    "renew the epoch": 0.15,
    "a member joins": 1.5,
    "a silent member joins": 0.25,
    "a member that never reads joins": 0.15,
    "a member leaves": 0.6,
    "a member reads": 6,
    "a member works": 12,
    "a member fails at all": 0.8,
    "a member is busy": 0.6,
    "a member acknowledges": 8,
    "a member acknowledges again": 0.6,
    "a member nacks what it did not have": 0.4,
    "give a subscription a target": 0.6,
    "take a target away": 0.2,
    "change a target": 0.3,
    "a target is away": 0.4,
    "a target asks to slow down": 0.4,
    "a target fails at all": 0.4,
    "a target is slow": 0.4,
    "dispatch": 16,
    "deliver": 12,
    "push": 8,
    "sweep": 0.5,
    "archive": 0.7,
    "a disconnect is reported": 2,
    "little time passes": 4,
    "more time passes": 0.6,
    "two workers": 1.2,
    "a wake-up is lost": 0.6,
    "a push is lost": 0.1,
    "the queues are away": 0.2,
    "the store is full": 0.15,
    "all starts cold": 0.3,
    "the clock jumps": 0.2,
    "a connection takes nothing": 0.2,
}
"""The operations and faults, with their relative frequencies."""

NAMES = tuple(WEIGHTS)

_CALM_EVERY = 350
_DEATHS = 0.12
"""The share of steps in which a process crashes."""
_DIES_WITHIN = 14


class Simulation:
    """A simulated world, with its weighted operations and faults."""

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
        self._steps: dict[str, Callable[[], None]] = {
            "publish one": publishers.one,
            "publish a batch": publishers.batch,
            "publish where the stream ends": publishers.expected,
            "publish under a stale condition": publishers.stale,
            "publish again": publishers.duplicate,
            "publish other content": publishers.conflict,
            "publish an event too large for a frame": publishers.large,
            "publish over WebSocket": publishers.over_socket,
            "make a stream with a retention": streams.create,
            "delete a stream": streams.delete,
            "delete a stream for good": streams.delete_for_good,
            "delete a stream if it is current": streams.delete_if_current,
            "delete a stream by a stale tag": streams.delete_if_stale,
            "subscribe": subscribers.subscribe,
            "subscribe behind others' cursors": subscribers.subscribe_behind_others,
            "subscribe behind a page": subscribers.subscribe_behind_page,
            "resume": subscribers.resume,
            "resume from older cursors": subscribers.resume_from_older,
            "unsubscribe or vanish": subscribers.leave,
            "receive": subscribers.read,
            "start to read pages": pages.start,
            "read a page": pages.read,
            "read on later": pages.read_later,
            "make a subscription": operators.create,
            "delete a subscription": operators.delete,
            "replay": operators.replay,
            "change a subscription": operators.change,
            "redrive from the start": partial(operators.redrive, "start"),
            "redrive by skipping": partial(operators.redrive, "skip"),
            "redrive by dropping": partial(operators.redrive, "drop"),
            "purge": partial(operators.redrive, "purge"),
            "renew the epoch": operators.renew_epoch,
            "a member joins": partial(operators.join, "healthy"),
            "a silent member joins": partial(operators.join, "silent"),
            "a member that never reads joins": partial(operators.join, "deaf"),
            "a member leaves": operators.leave,
            "a member reads": operators.read,
            "a member works": partial(operators.work, failing=0.08),
            "a member fails at all": partial(operators.work, failing=0.8),
            "a member is busy": operators.be_slow,
            "a member acknowledges": operators.acknowledge,
            "a member acknowledges again": partial(operators.acknowledge, again=True),
            "a member nacks what it did not have": partial(operators.acknowledge, wild=True),
            "give a subscription a target": operators.targets.give,
            "take a target away": operators.targets.take,
            "change a target": operators.targets.change,
            "a target is away": operators.targets.be_away,
            "a target asks to slow down": operators.targets.be_busy,
            "a target fails at all": operators.targets.fail,
            "a target is slow": operators.targets.be_slow,
            "dispatch": functions.dispatch,
            "deliver": functions.deliver,
            "push": functions.push,
            "sweep": functions.sweep,
            "archive": functions.archive,
            "a disconnect is reported": functions.disconnected,
            "little time passes": self._wait_little,
            "more time passes": self._wait_more,
            "two workers": functions.two_workers,
            "a wake-up is lost": functions.lose_wakeup,
            "a push is lost": functions.lose_push,
            "the queues are away": functions.queues_away,
            "the store is full": functions.store_full,
            "all starts cold": functions.cold_start,
            "the clock jumps": functions.step_clock,
            "a connection takes nothing": subscribers.be_unreachable,
        }
        self._names = list(WEIGHTS)
        self._weights = [0.0 if name in without else weight for name, weight in WEIGHTS.items()]

    def run(self, steps: int) -> None:
        """Run a number of steps, and end in a calm."""
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


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Attributes:
        rule: The one that was broken; nothing if none was.
        detail: How.
        trace: The newest lines of the trace that concern it.
        digest: Of the whole trace: the same seed gives the same.
    """

    seed: int
    step: int
    rule: str
    detail: str
    trace: list[str]
    operations: Counter[str]
    faults: Counter[str]
    seen: Counter[str]
    digest: str


def run(
    seed: int,
    steps: int,
    url: str,
    *,
    scripts: Mapping[str, Callable[[str], str]] | None = None,
    without: Collection[str] = (),
    about: Collection[str] = (),
    lines: int = 60,
) -> Outcome:
    """One run on the store at a URL, which is emptied first.

    Args:
        scripts: What changes the text of scripts, by their names.
        without: Operations and faults to leave out, to find violations that they hide.
        about: Words that select lines of the trace, instead of the words of the violation.
        lines: How many of them.
    """
    world = World(seed, url, scripts=scripts)
    violation: Violation | None = None
    with world.hub.running():
        try:
            Simulation(world, without=without).run(steps)
        except Violation as error:
            violation = error
    return Outcome(
        seed=seed,
        step=world.step,
        rule=violation.rule if violation else "",
        detail=violation.detail if violation else "",
        trace=world.lines_about(violation, *about, most=lines) if violation else [],
        operations=world.operations,
        faults=world.faults,
        seen=world.figures,
        digest=world.digest.hexdigest(),
    )
