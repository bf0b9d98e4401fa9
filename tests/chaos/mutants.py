"""Old faults, reintroduced one at a time; the simulation must catch each."""

from __future__ import annotations
import __future__

import inspect
import textwrap
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.durable import dispatch
from eventstore.durable.pushing import PushBuilder
from eventstore.durable.set_aside import SetAsideStreams
from eventstore.groups import acknowledging, applying, rebalancing, target
from eventstore.live import catch_up, wakeups
from eventstore_hosting.valkey import ValkeyServer
from functions.rest import responses
from tests.chaos.simulation import run
from tests.chaos.stores import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.chaos.simulation import Outcome

__all__ = ["MUTANTS", "Mutant", "caught", "main"]


@dataclass(frozen=True)
class Mutant:
    """A fault that the hub once had.

    Attributes:
        name: As in the list of faults that were found.
        scripts: What makes the old text of a Lua script of the new one.
        patches: What stands in the place of functions: where, its name, and what makes the old one of the new one.
    """

    name: str
    scripts: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    patches: Sequence[tuple[Any, str, Callable[[Any], Any]]] = ()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The hub with the fault in it."""
        with ExitStack() as stack:
            for place, name, make in self.patches:
                stack.enter_context(mock.patch.object(place, name, make(getattr(place, name))))
            yield


def _without_leave(source: str) -> str:
    """A script that a full store does not run."""
    return source.removeprefix("#!lua flags=allow-oom\n")


def _keeps_owner(replay: Callable[..., None]) -> Callable[..., None]:
    """A replay of which the owner learns nothing."""

    def old(step: Any, command: Any) -> None:  # noqa: ANN401 - as the hub calls it
        replay(step, command)
        step.regrant = False

    return old


def _reports_once(go_back: Callable[..., None]) -> Callable[..., None]:
    """Losses are reported to an owner, but not to the next one."""

    def old(group: Any) -> None:  # noqa: ANN401 - as above
        go_back(group)
        group.losses = []

    return old


def _counts_no_late_word(settle: Callable[..., None]) -> Callable[..., None]:
    """Of what was in flight when the deadline passed, no acknowledgement counts."""

    def old(step: Any, held: Any, is_handled: Any) -> None:  # noqa: ANN401 - as above
        held.earlier = []
        settle(step, held, is_handled)

    return old


def _hears_nothing(apply_deadlines: Callable[..., None]) -> Callable[..., None]:
    """The deadline of a held stream passes, whatever its owner says of others."""

    def old(step: Any) -> None:  # noqa: ANN401 - as above
        heard, step.group.heard = step.group.heard, 0 if not step.group.flight else step.group.heard
        apply_deadlines(step)
        step.group.heard = max(heard, step.group.heard)

    return old


def _knows_of_no_work(_: Callable[..., int | None]) -> Callable[..., int | None]:
    """The owner's activity in other partitions is not checked, which would hide the fault above."""
    return lambda *_arguments: None


def _reports_nothing(_: Callable[..., Any]) -> Callable[..., Any]:
    """Events removed before live delivery reached them are not reported."""
    return lambda *_arguments: {}


def _is_caught_up(_: Callable[..., bool]) -> Callable[..., bool]:
    """Who stands where live delivery does has caught up, however far that lags."""
    return lambda *_arguments: True


def _sees_no_round(_: Callable[..., bool]) -> Callable[..., bool]:
    """Events do not wait for the results of those that were pushed."""
    return lambda _step: False


def _finds_nothing(_: Callable[..., Any]) -> Callable[..., Any]:
    """The sweep knows of no deletion that was left undone."""
    return lambda *_arguments: []


def _fails_the_write(_: Callable[..., Any]) -> Callable[..., Any]:
    """A write that is stored is answered as a failure because the wake-up after it failed."""
    return nullcontext


def _says_nothing_missing(page: Callable[..., Any]) -> Callable[..., Any]:
    """A page that is silent about what was removed."""

    def old(members: Mapping[str, object], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
        kept = {name: value for name, value in members.items() if name not in {"missing", "missing_more"}}
        return page(kept, *arguments, **options)

    return old


def _rewritten(old: str, new: str) -> Callable[[Any], Any]:
    """What makes a function with other words in its text."""

    def rewritten(function: Any) -> Any:  # noqa: ANN401 - whatever function it is
        source = textwrap.dedent(inspect.getsource(function))
        if old not in source:
            raise ValueError(f"{function.__qualname__} has no {old!r}: the mutant has to be rewritten")
        made: dict[str, Any] = {}
        flags = __future__.annotations.compiler_flag
        exec(compile(source.replace(old, new), "<mutant>", "exec", flags), function.__globals__, made)  # noqa: S102
        return made[function.__name__]

    return rewritten


_FRESH = "held.attempt, held.errors = 0, []"
"""Where a held stream forgets the tries of an event that was removed."""

_ONE_PUSH = "bool(last.cursor) == bool(cursor)"
"""Where new events go to a target together with those that were pushed before."""

_PROBES = "if not (step.has_target and is_outstanding(step)):"
"""Where held streams wait for the outcome of a probe."""

MUTANTS = (
    Mutant("full_cache_cold", scripts={"log/open": _without_leave}),
    Mutant("replay_loses_streams", patches=((applying, "_replay", _keeps_owner),)),
    Mutant("live_deletion", patches=((catch_up, "add_losses", _reports_nothing),)),
    Mutant("live_while_delivery_lags", patches=((catch_up, "_has_caught_up", _is_caught_up),)),
    Mutant("truncated_told_once", patches=((rebalancing, "_go_back", _reports_once),)),
    Mutant("deletion_that_dies", patches=((RedisLog, "deleted", _finds_nothing),)),
    Mutant("late_acknowledgement", patches=((acknowledging, "_settle", _counts_no_late_word),)),
    Mutant(
        "busy_worker",
        patches=((applying, "apply_deadlines", _hears_nothing), (RedisRegistry, "silence", _knows_of_no_work)),
    ),
    Mutant("retention_on_retry", patches=((SetAsideStreams, "_send_stream", _rewritten(_FRESH, "pass")),)),
    Mutant(
        "resent_pushed_apart", patches=((PushBuilder, "_add", _rewritten(_ONE_PUSH, "not (last.cursor or cursor)")),)
    ),
    Mutant("rounds_side_by_side", patches=((target, "is_outstanding", _sees_no_round),)),
    Mutant("turns_while_probing", patches=((dispatch, "due", _rewritten(_PROBES, "if True:")),)),
    Mutant("rest_resume_over_removed", patches=((responses, "page", _says_nothing_missing),)),
    Mutant("wakeup_fails_the_write", patches=((wakeups, "_unavailable_logged", _fails_the_write),)),
)


def caught(mutant: Mutant, *, seeds: int, length: int) -> Outcome | None:
    """The first run that catches it, where the hub without it breaks no rule; None if none does."""
    with ValkeyServer.start(options=OPTIONS) as server:
        for seed in range(1, seeds + 1):
            with mutant.at_work():
                outcome = run(seed, length, server.url, scripts=mutant.scripts)
            if outcome.rule and not run(seed, outcome.step, server.url).rule:
                return outcome
    return None


def main(names: Sequence[str], *, seeds: int, steps: int) -> int:
    """Run those that are named, or all, and say what caught each."""
    missed = 0
    print("| fault | caught by | seed | step |\n| --- | --- | --- | --- |")
    for mutant in MUTANTS:
        if names and mutant.name not in names:
            continue
        outcome = caught(mutant, seeds=seeds, length=steps)
        missed += outcome is None
        row = f"{outcome.rule} | {outcome.seed} | {outcome.step}" if outcome else "nothing | |"
        print(f"| {mutant.name} | {row} |", flush=True)
    return int(missed > 0)
