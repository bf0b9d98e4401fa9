"""`python -m eventstore_server.migrate`: moves a store to another backend, or to another place, while it is used.

The variables of the hub name the store. The same variables with TO_ in front, as TO_BACKEND and TO_REDIS_URL, name the
empty store that it is moved to. Clients read all the time, and publish but for some seconds at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError, SettingsError
from eventstore.hub.hub import Hub
from eventstore.hub.moving.composition import moved_store
from eventstore.hub.moving.move import Move
from eventstore.hub.moving.store import CopyDiffers
from eventstore.hub.settings import Settings
from eventstore_hosting.program import end, report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]

_FAILED, _CANNOT_WORK = 1, 2
_PROGRAM = "eventstore-migrate"
_PREFIX = "TO_"


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Move a store, and say how far it is.

    Args:
        arguments: What to do; None is the arguments of the process.
        environment: The variables; None is those of the process.

    Returns:
        0 when it is done, 1 if something failed, 2 if it cannot work.
    """
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description="Move the store that the variables of the hub name to the empty one that the same variables with "
        "TO_ in front name, as TO_BACKEND=nats TO_NATS_URL=nats://... TO_REDIS_URL=redis://...",
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--rehearse", action="store_true", help="copy and compare what is there; do not close the store"
    )
    choice.add_argument("--reopen", action="store_true", help="have the store accept writes again, after a move")
    options = parser.parse_args(arguments)
    variables = os.environ if environment is None else environment
    try:
        with closing(Hub(Settings.from_environment(variables))) as hub:
            if options.reopen:
                moved_store(hub).source.reopen()
                print("the store accepts writes again", flush=True)
            else:
                with closing(Hub(_settings_of_target(hub, variables))) as target:
                    _move(hub, target, is_rehearsal=options.rehearse)
    except SettingsError as error:
        report(_PROGRAM, error)
        return _CANNOT_WORK
    except (EventstoreError, CopyDiffers) as error:
        report(_PROGRAM, error)
        return _FAILED
    return 0


def _settings_of_target(hub: Hub, variables: Mapping[str, str]) -> Settings:
    """Return the settings of the store that another one is moved to, with its numbers of partitions and shards."""
    named = {name.removeprefix(_PREFIX): value for name, value in variables.items() if name.startswith(_PREFIX)}
    if not named.get("REDIS_URL"):
        raise SettingsError("TO_REDIS_URL is unset: it names the Redis of the store to move to; see --help")
    try:
        target, source = Settings.from_environment(named), hub.settings
    except SettingsError as error:
        # Each message begins with the name of the variable.
        raise SettingsError(f"{_PREFIX}{error}") from error
    if target.redis_url == source.redis_url:
        raise SettingsError(
            "TO_REDIS_URL is the Redis of the store itself: name another one, or another database of it"
        )
    count, shards = hub.log.partitions, hub.shards
    for name, wanted, given in (("PARTITIONS", count, target.partitions), ("SHARDS", shards, target.shards)):
        if given not in {None, wanted}:
            raise SettingsError(
                f"TO_{name} is {given}, but the store has {wanted}, and keeps them; leave TO_{name} unset"
            )
    return replace(target, partitions=count, shards=shards)


def _move(hub: Hub, target: Hub, *, is_rehearsal: bool) -> None:
    def say(what: str) -> None:
        print(what, flush=True)

    if _have_one_journal(hub, target):
        raise SettingsError("both stores have the same journal: name another one by TO_JOURNAL, or by its address")
    move = Move(moved_store(hub), moved_store(target), clock=hub.clock, report=say)
    if is_rehearsal:
        move.rehearse()
        say("this was a rehearsal: the store is not closed, and the next run continues with this copy")
        return
    moved = move.run()
    say(
        f"moved {moved.events} events of {moved.streams} streams and {moved.definitions} definitions; nothing could be "
        f"published for {moved.closed_ms / 1000:.1f} seconds so far: start the hub with the new store now"
    )


def _have_one_journal(hub: Hub, other: Hub) -> bool:
    """Whether the journals of two hubs are one. A broker without ids of topics gives all of them one identity."""
    if hub.journal is None or other.journal is None or hub.settings.journal != other.settings.journal:
        return False
    return hub.journal.end(0).identity == other.journal.end(0).identity


if __name__ == "__main__":
    end(main(sys.argv[1:]))
