"""The `Turns` of a store in Redis: each step is one script in the partition's slot."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.adapters.redis.keys import partition_keys, turn_keys
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.read_ahead import Ahead, ReadAhead
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import TurnLost
from eventstore.ports import Behind, Turn
from eventstore.positions import BEGINNING, WHOLE, Position

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.ports import Clock, TurnResult

__all__ = ["RedisTurns"]

_AT_ONCE = 3000
"""How many arguments one command gets; ElastiCache Serverless takes 3,999."""

_COMMANDS = 500
"""How many commands a turn takes in."""

_NOTHING = Position(0, 0, WHOLE)


class RedisTurns:
    """See `ports.Turns`; the arguments as in `RedisLog`.

    Args:
        clock: What is taken for the server's clock, which may be set back; without one, the server's own, as every
            deployment has it.
        read_ahead: Where it leaves the references that a turn is to read, for the log.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: int | None = None,
        clock: Clock | None = None,
        new_epoch: Callable[[], str] = random_epoch,
        read_ahead: ReadAhead | None = None,
    ) -> None:
        self._client = client
        self._read_ahead = read_ahead or ReadAhead()
        self._clock = clock
        self._new_epoch = new_epoch
        self._partitions = Partitions(client, configured=partitions, new_epoch=new_epoch)
        self._begin = Script("dispatch/begin", "shared/open_partition")
        self._narrow_target = Script("dispatch/narrow_target")
        self._commit = Script("dispatch/commit")
        self._candidates = Script("dispatch/candidates")

    def begin(self, partition: int, *, events: int, behind: int) -> Turn:
        """See `Turns.begin`."""
        kept, keys = partition_keys(partition), turn_keys(partition)
        at = [
            kept.partition,
            keys.turn,
            kept.bell,
            kept.log,
            keys.behind,
            keys.places,
            keys.terms,
            keys.inbox,
            keys.groups,
        ]
        with ANSWERING:
            arguments = [self._new_epoch(), self._partitions.count, events, behind, _COMMANDS, self._time()]
            about, places, states, inbox, entries = self._begin(self._client, at, arguments)
        token, epoch, done, target, again, live, leap, removals, now, alarm, fixed, cut, carried, stamp = about
        ends = sequence_and_time(done), sequence_and_time(target)
        ahead = None if entries is None else Ahead(epoch.decode(), *ends, entries, events + 1)
        self._read_ahead.keep(partition, ahead)
        return Turn(
            partition=partition,
            fencing_token=int(token),
            epoch=epoch.decode(),
            checkpoint=_whole(done),
            target=_whole(target),
            behind=list(map(_behind, places[::3], places[1::3], places[2::3])),
            live=bool(live),
            frame_offset=int(leap),
            removals=int(removals),
            is_retry=bool(again),
            now=int(now),
            alarm=int(alarm),
            target_pinned=bool(fixed),
            has_more=bool(cut),
            carried=int(carried),
            stamp=int(stamp),
            groups={k.decode(): v.decode() for k, v in zip(states[::2], states[1::2], strict=True)},
            commands=[(key.decode(), command.decode()) for _, (key, command) in inbox],
        )

    def candidates(self, partition: int, terms: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """See `Turns.candidates`."""
        found: dict[str, Sequence[str]] = {}
        with ANSWERING:
            for start in range(0, len(terms), _AT_ONCE):
                asked = terms[start : start + _AT_ONCE]
                answer = self._candidates(self._client, [turn_keys(partition).terms], asked)
                for number, members in zip(answer[::2], answer[1::2], strict=True):
                    term = asked[int(number) - 1]
                    found[term] = [member[len(term) + 1 :].decode() for member in members]
        return found

    def caught_up(self, partition: int) -> Sequence[str]:
        """See `Turns.caught_up`."""
        found: dict[str, None] = {}
        terms, start = turn_keys(partition).terms, b"-"
        with ANSWERING:
            while members := self._client.execute_command("ZRANGEBYLEX", terms, start, "+", "LIMIT", 0, _AT_ONCE):
                found |= dict.fromkeys(member.rpartition(b":")[2].decode() for member in members)
                start = b"(" + members[-1]
        return list(found)

    def durables(self, partition: int, keys: Sequence[str]) -> Mapping[str, str]:
        """See `Turns.durables`."""
        values = self._fields(turn_keys(partition).durables, keys)
        return {key: value.decode() for key, value in zip(keys, values, strict=True) if value is not None}

    def definitions(self, partition: int, keys: Sequence[str]) -> Mapping[str, str]:
        """See `Turns.definitions`."""
        values = self._fields(turn_keys(partition).subscriptions, keys)
        return {key: value.decode() for key, value in zip(keys, values, strict=True) if value is not None}

    def frames(self, turn: Turn, keys: Sequence[str]) -> Mapping[str, int]:
        """See `Turns.frames`."""
        at = turn_keys(turn.partition)
        with ANSWERING:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hget(at.turn, "token")
            for start in range(0, len(keys), _AT_ONCE):
                pipeline.hmget(at.frames, keys[start : start + _AT_ONCE])
            token, *answers = pipeline.execute()
        if int(token) != turn.fencing_token:
            raise TurnLost(turn.partition)
        return {key: int(value or 0) + turn.frame_offset for key, value in zip(keys, chain(*answers), strict=True)}

    def narrow(self, turn: Turn, target: Position) -> Turn:
        """See `Turns.narrow`."""
        with ANSWERING:
            stands = self._narrow_target(
                self._client, [turn_keys(turn.partition).turn], [turn.fencing_token, _entry(target)]
            )
        if stands is None:
            raise TurnLost(turn.partition)
        return replace(turn, target=_whole(stands), target_pinned=True, has_more=True)

    def commit(self, turn: Turn, result: TurnResult) -> bool:
        """See `Turns.commit`."""
        keys, log = turn_keys(turn.partition), partition_keys(turn.partition).log
        at = [keys.turn, log, keys.behind, keys.places, keys.terms, keys.subscriptions, keys.frames]
        at += [keys.inbox, keys.groups, keys.durables]
        told = {
            "frames": _flat({key: number - turn.frame_offset for key, number in result.frames.items()}),
            "places": _flat({key: _place(place) for key, place in result.places.items()}),
            "caught_up": _flat({key: list(terms) for key, terms in result.caught_up.items()}),
            "groups": _flat(result.groups),
            "alarm": result.alarm,
            "definitions": _flat(result.definitions),
        }
        text = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
        arguments = [turn.fencing_token, _entry(turn.target), text, self._time()]
        with ANSWERING:
            more = int(self._commit(self._client, at, arguments))
        if more < 0:
            raise TurnLost(turn.partition)
        return more > 0

    def reached(self) -> Mapping[int, Position]:
        """See `Turns.reached`."""
        with ANSWERING:
            partitions = range(self._partitions.count)
            pipeline = self._client.pipeline(transaction=False)
            for partition in partitions:
                pipeline.hget(turn_keys(partition).turn, "done")
            answers = pipeline.execute()
        return {p: _whole(done) if done else _NOTHING for p, done in zip(partitions, answers, strict=True)}

    def waiting(self) -> Sequence[int]:
        """See `Turns.waiting`."""
        with ANSWERING:
            count = self._partitions.count
            pipeline = self._client.pipeline(transaction=False)
            for partition in range(count):
                keys = turn_keys(partition)
                pipeline.hget(keys.turn, "done")
                pipeline.xrevrange(partition_keys(partition).log, count=1)
                pipeline.exists(keys.behind, keys.groups)
            answers = iter(pipeline.execute())
            return [
                partition
                for partition, (done, newest, behind) in enumerate(zip(answers, answers, answers, strict=True))
                if behind or (newest and _whole(newest[0][0]) > (_whole(done) if done else _NOTHING))
            ]

    def _time(self) -> str:
        return "" if self._clock is None else str(self._clock.now())

    def _fields(self, key: str, fields: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        with ANSWERING:
            for start in range(0, len(fields), _AT_ONCE):
                found += self._client.hmget(key, fields[start : start + _AT_ONCE])
        return found


def _whole(entry_id: bytes) -> Position:
    time, _, order = entry_id.partition(b"-")
    return Position(int(time), int(order), WHOLE)


def _entry(position: Position) -> str:
    return f"{position.time}-{position.order}"


def _behind(key: bytes, place: bytes, end: bytes) -> Behind:
    time, order, index, removals = map(int, place.split(b"-"))
    return Behind(key.decode(), Position(time, order, index), removals, _whole(end) if end else BEGINNING)


def _place(place: Behind) -> str:
    at = place.position
    return f"{at.time}-{at.order}-{at.index}-{place.removals}"


def _flat(pairs: Mapping[str, object]) -> list[object]:
    return [element for pair in pairs.items() for element in pair]
