"""Old faults put back, one at a time: the simulation must catch each."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from eventstore.groups import steps
from eventstore_dev.valkey import ValkeyServer
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
            for target, name, make in self.patches:
                stack.enter_context(mock.patch.object(target, name, make(getattr(target, name))))
            yield


def _without_leave(source: str) -> str:
    """A script that a full store does not run."""
    return source.removeprefix("#!lua flags=allow-oom\n")


def _keeps_owner(replay: Callable[..., None]) -> Callable[..., None]:
    """A replay of which the owner learns nothing."""

    def old(step: Any, command: Any) -> None:  # noqa: ANN401 - as the hub calls it
        owner, revoked = step.group.owner, step.group.revoked
        replay(step, command)
        step.group.owner, step.group.revoked = owner, revoked

    return old


def _says_nothing_missing(page: Callable[..., Any]) -> Callable[..., Any]:
    """A page that is silent about what was removed."""

    def old(members: Mapping[str, object], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
        told = {name: value for name, value in members.items() if name not in {"missing", "missing_more"}}
        return page(told, *arguments, **options)

    return old


MUTANTS = (
    Mutant("full_cache_cold", scripts={"open": _without_leave}),
    Mutant("replay_loses_streams", patches=((steps, "_replay", _keeps_owner),)),
    Mutant("rest_resume_over_removed", patches=((responses, "page", _says_nothing_missing),)),
)


def caught(mutant: Mutant, *, seeds: int, length: int) -> Outcome | None:
    """The first run that catches it; None if none does."""
    with ValkeyServer.start(options=OPTIONS) as server, mutant.at_work():
        for seed in range(1, seeds + 1):
            outcome = run(seed, length, server.url, scripts=mutant.scripts)
            if outcome.rule:
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
