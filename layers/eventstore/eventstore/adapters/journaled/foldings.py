"""How each kind of record is folded: the script, the keys and the arguments."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from eventstore.adapters.journaled.changes import (
    ADOPTED,
    Append,
    Change,
    Checkpoint,
    Configure,
    CopyAppends,
    CopyPartition,
    CopyStream,
    Create,
    Define,
    Delete,
    EndGroup,
    Erased,
    Open,
    StartGroup,
    Trim,
    bodies_of,
    sizes_of,
)
from eventstore.adapters.journaled.copied import copied_appends
from eventstore.adapters.journaled.references import Reference
from eventstore.adapters.redis.copy_steps import copy_appends_step, copy_partition_keys, copy_stream_keys
from eventstore.adapters.redis.formats import JOURNALED
from eventstore.adapters.redis.keys import definition_keys, group_keys, partition_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.adapters.redis.steps import Step, append_step, configure_step, create_step, delete_step, trim_step
from eventstore.positions import END_OF_APPEND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.journaled.records import Record

__all__ = ["Folding", "Foldings"]

_STEPS: dict[type[Change] | None, Sequence[str]] = {
    Append: ("log/append",),
    Create: ("log/create",),
    Configure: ("log/configure",),
    Delete: ("log/delete", "log/removals", "journal/sizes"),
    Trim: ("log/trim", "log/removals", "shared/bell"),
    Open: ("journal/open", "shared/leap"),
    Define: ("journal/define",),
    StartGroup: ("journal/start_group", "shared/last_entry", "shared/bell"),
    EndGroup: ("journal/end_group",),
    Checkpoint: ("journal/checkpoint",),
    CopyAppends: ("copy/append", "shared/last_entry"),
    CopyStream: ("copy/stream",),
    CopyPartition: ("copy/partition", "shared/last_entry"),
    Erased: ("journal/erased",),
    None: ("journal/foreign",),
}


class Folding(NamedTuple):
    """A step as journal/fold.lua takes it.

    Attributes:
        script: The script of fold.lua around that of the step.
        stamped: The argument that the time is appended to, from 1; 0 for none.
        refers: Whether the arguments hold references in the place of bodies.
    """

    script: Script
    keys: Sequence[str]
    arguments: Sequence[Any]
    stamped: int = 0
    refers: bool = False


class Foldings:
    """The scripts that fold records, and those that try their steps."""

    def __init__(self) -> None:
        self._folds = {
            kind: Script("journal/fold", "shared/leap", "journal/sizes", step=step) for kind, step in _STEPS.items()
        }
        self._checks = {kind: Script("journal/check", "shared/server_time", step=step) for kind, step in _STEPS.items()}

    def check(self, kind: type[Change]) -> Script:
        """Return the script that tries a step."""
        return self._checks[kind]

    def of(self, partition: int, position: int, record: Record) -> Folding:
        """Return how the record at a position is folded; one whose fields do not fit each other, as not understood."""
        change = record.change
        try:
            folded = _folded(partition, position, record)
        except (ValueError, struct.error):
            change = None
            folded = _folded(partition, position, replace(record, change=None))
        return Folding(self._folds[None if change is None else type(change)], *folded)


def _folded(partition: int, position: int, record: Record) -> tuple[Sequence[str], Sequence[Any], int, bool]:
    """Return the attributes of a `Folding`, without the script."""
    log = partition_keys(partition)
    stamped, refers = 0, False
    match record.change:
        case Append(stream, expected, names) as append:
            bodies = _references(position, record.mark, append)
            suffix = b"%b/" % expected.encode()
            step = append_step(partition, stream, names + suffix, bodies, expected="", time="")
            if "." in expected:
                step = Step([*step.keys, log.partition], step.arguments)
            stamped, refers = 1, True
        case Create(stream, limits, labels):
            step = create_step(partition, stream, time="", limits=limits, labels=labels)
            stamped = 2
        case Configure(stream, changes, version, limits, labels):
            step = configure_step(partition, stream, changes=changes, version=version, limits=limits, labels=labels)
        case Delete(stream, permanently, conditions, last):
            step = delete_step(partition, stream, permanently=permanently, time="", conditions=conditions)
            step = Step(step.keys, (*step.arguments, last))
            stamped = 3
        case Trim(stream, events):
            step = trim_step(partition, stream, events, is_dispatched=True)
        case Open(epoch, partitions, shards, renews):
            step = Step([log.partition, log.turn], (epoch, partitions, shards, JOURNALED, int(renews)))
        case CopyAppends() | CopyPartition() as change:
            step = _copy_step(partition, position, record.mark, change)
            stamped = 1
        case change:
            step = _definition_step(partition, position, change)
    return step.keys, step.arguments, stamped, refers


def _copy_step(partition: int, position: int, mark: bytes, change: CopyAppends | CopyPartition) -> Step:
    """Return the step of what is copied from another store."""
    if isinstance(change, CopyPartition):
        return Step(copy_partition_keys(partition), change.arguments)
    index, appends = count(), copied_appends(change)
    references = [
        [Reference(position, next(index), len(body), mark).packed() for body in append.bodies] for append in appends
    ]
    return copy_appends_step(partition, appends, references)


def _definition_step(partition: int, position: int, change: Change | None) -> Step:
    """Return the step of a change that is no append: of a copied stream, definitions or groups, or of nothing."""
    log, turns, groups = partition_keys(partition), turn_keys(partition), group_keys(partition)
    group_hashes = [turns.groups, turns.durables, *groups]
    match change:
        case CopyStream(stream, arguments):
            return Step(copy_stream_keys(partition, stream), arguments)
        case Define(kind, name, old, new, reference):
            return Step(definition_keys(kind), (name, old, new, reference))
        case StartGroup(key, definition, state):
            keys = [log.partition, log.log, turns.groups, turns.durables, log.bell, *groups]
            return Step(keys, (key, definition, state, END_OF_APPEND))
        case EndGroup(key):
            return Step(group_hashes, (key,))
        case Checkpoint(key, token, definition, state):
            return Step(group_hashes, (key, token, definition, state, position))
    return Step([log.partition], ())


def _references(position: int, mark: bytes, append: Append) -> list[bytes]:
    """Return what the index holds in the place of each body."""
    sizes = sizes_of(append)
    packed = [Reference(position, index, size, mark).packed() for index, size in enumerate(sizes)]
    if ADOPTED in sizes:
        adopted = zip(packed, sizes, bodies_of(append), strict=True)
        return [body if size == ADOPTED else reference for reference, size, body in adopted]
    return packed
