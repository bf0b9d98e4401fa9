"""`python -m eventstore_server.rebuild [PARTITION…]`: makes the index of a journal anew, under new epochs.

It takes the variables of the hub, which may run meanwhile: what it stores in a partition is refused until that is done.
A run that was cut off is continued by the next one.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError, SettingsError
from eventstore.hub.hub import Hub
from eventstore.hub.settings import Settings
from eventstore_hosting.program import end, report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.journaled.store import JournaledStore

__all__ = ["main"]

_FAILED, _CANNOT_WORK = 1, 2
_PROGRAM = "eventstore-rebuild"


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Make the index anew, and say how far it is.

    Args:
        arguments: The partitions; without any, all of them. None is those of the process.
        environment: The variables; None is those of the process.

    Returns:
        0 when it is done, 1 if something failed, 2 if it cannot work.
    """
    parser = argparse.ArgumentParser(prog=_PROGRAM, description="Make the index of a journal anew, under new epochs.")
    parser.add_argument("partitions", nargs="*", type=int, metavar="PARTITION", help="all of them, unless named")
    named: Sequence[int] = parser.parse_args(arguments).partitions
    try:
        with closing(Hub(Settings.from_environment(os.environ if environment is None else environment))) as hub:
            if hub.journaled is None:
                raise SettingsError("BACKEND is 'redis', which has no journal: nothing can be made anew")
            _rebuild(hub.journaled, named)
    except SettingsError as error:
        report(_PROGRAM, error)
        return _CANNOT_WORK
    except EventstoreError as error:
        report(_PROGRAM, error)
        return _FAILED
    return 0


def _rebuild(store: JournaledStore, named: Sequence[int]) -> None:
    count = store.partitions.count
    if wrong := [partition for partition in named if not 0 <= partition < count]:
        raise SettingsError(f"there is no partition {wrong[0]}; the store has {count}, from 0 on")
    for partition in named or range(count):

        def report(folded: int, end: int, partition: int = partition) -> None:
            print(f"partition {partition}: {folded} of {end} records", flush=True)

        store.rebuild.partition(partition, progress=report)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
