"""The `Turns` in Redis: each step is one script in the slot of the partition."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.checkpoints import Checkpoints
from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.entries import end_of_entry, id_of_entry, sequence_and_time
from eventstore.adapters.redis.keys import partition_keys, turn_keys
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.places import decode_behind, encode_place
from eventstore.adapters.redis.read_ahead import Ahead, ReadAhead
from eventstore.adapters.redis.scripts import Script
from eventstore.adapters.redis.steps import CLOSED
from eventstore.errors import PartitionLeased, TurnLost
from eventstore.groups import Group, decoded
from eventstore.ports import Candidates, Turn
from eventstore.subscriptions import Durable, Subscription, SubscriptionKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.group_steps import GroupSteps
    from eventstore.ports import Clock, Lease, TurnResult
    from eventstore.positions import Epoch, Position

__all__ = ["RedisTurns"]

_BATCH = 3000
"""The maximum number of arguments per command; ElastiCache Serverless accepts 3,999."""

_MAX_COMMANDS = 500
"""The maximum number of commands that a turn applies."""


class RedisTurns:
    """See `ports.Turns`.

    Args:
        client: See `RedisLog`.
        partitions: See `RedisLog`.
        clock: Replaces the clock of the server, which may be set back; None is the server's, which deployments use.
        new_epoch: See `RedisLog`.
        read_ahead: Where to keep the references that a turn reads when it begins, for the log.
        lease: What `begin` takes of a partition; None takes none, and begins turns of partitions that nobody leases.
        groups: Receives what turns change in groups; None if nobody needs it.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: Partitions | int | None = None,
        clock: Clock | None = None,
        new_epoch: Callable[[], Epoch] = random_epoch,
        read_ahead: ReadAhead | None = None,
        lease: Lease | None = None,
        groups: GroupSteps | None = None,
    ) -> None:
        self._client = client
        self._read_ahead = read_ahead or ReadAhead()
        self._clock = clock
        self._lease = lease
        self._groups = groups
        self._partitions = Partitions.of(client, partitions, new_epoch)
        self._checkpoints = Checkpoints(self._partitions)
        self._begin = Script("dispatch/begin", "shared/open_partition", "shared/server_time", "shared/bell")
        self._narrow_goal = Script("dispatch/narrow_goal")
        self._commit = Script("dispatch/commit", "shared/bell")
        self._candidates = Script("dispatch/candidates")
        self._release = Script("dispatch/release")
        # Per partition, the fencing token of its turn, and the groups as they were stored: only those that the turn
        # changes are stored again.
        self._stored_groups: dict[int, tuple[int, Mapping[SubscriptionKey, str]]] = {}
        # Per partition, the groups that the last turn left as they were, with their texts: decoding many events that
        # are held takes longer than all else that a turn does while a target is away.
        self._unchanged: dict[int, Mapping[SubscriptionKey, tuple[str, Group]]] = {}

    def begin(self, partition: int, *, events: int, behind: int) -> Turn:
        """See `Turns.begin`."""
        log, keys = partition_keys(partition), turn_keys(partition)
        script_keys = [
            log.partition,
            keys.turn,
            log.bell,
            log.log,
            keys.behind,
            keys.places,
            keys.terms,
            keys.inbox,
            keys.groups,
        ]
        with ANSWERING:
            arguments = [events, behind, _MAX_COMMANDS, self._time()]
            arguments += [self._lease.instance, self._lease.milliseconds] if self._lease else ["", 0]
            answer = self._partitions.opened(
                [partition], lambda opening: self._begin(self._client, script_keys, [*opening, *arguments])
            )
        if answer == CLOSED:
            raise TurnLost(
                partition, f"partition {partition} accepts no writes: its store is being moved, or was moved"
            )
        if isinstance(answer, bytes):
            raise PartitionLeased(partition, answer.decode())
        summary, places, states, inbox, entries = answer
        token, epoch, checkpoint, goal, retry, live, offset, removals, now, alarm, pinned, more, carried, stamp = (
            summary
        )
        bounds = sequence_and_time(checkpoint), sequence_and_time(goal)
        ahead = None if entries is None else Ahead(epoch.decode(), *bounds, entries)
        self._read_ahead.keep(partition, ahead)
        groups = {
            SubscriptionKey(key.decode()): state.decode() for key, state in zip(states[::2], states[1::2], strict=True)
        }
        self._stored_groups[partition] = int(token), groups
        unchanged = self._unchanged.pop(partition, {})
        return Turn(
            partition=partition,
            fencing_token=int(token),
            epoch=epoch.decode(),
            checkpoint=end_of_entry(checkpoint),
            goal=end_of_entry(goal),
            behind=list(map(decode_behind, places[::3], places[1::3], places[2::3])),
            live=bool(live),
            frame_offset=int(offset),
            removals=int(removals),
            is_retry=bool(retry),
            now=int(now),
            alarm=int(alarm),
            goal_pinned=bool(pinned),
            has_more=bool(more),
            carried=int(carried),
            stamp=int(stamp),
            groups={key: _group(state, unchanged.get(key)) for key, state in groups.items()},
            commands=[(key.decode(), decoded(command.decode())) for _, (key, command) in inbox],
        )

    def candidates(self, turn: Turn, terms: Sequence[str]) -> Candidates:
        """See `Turns.candidates`."""
        keys = turn_keys(turn.partition)
        keys_by_term: dict[str, Sequence[SubscriptionKey]] = {}
        last_frames: dict[SubscriptionKey, int] = {}
        with ANSWERING:
            # Without terms, too: the token is checked in any case.
            for start in range(0, len(terms) or 1, _BATCH):
                batch = terms[start : start + _BATCH]
                answer = self._candidates(
                    self._client, [keys.turn, keys.terms, keys.frames], [turn.fencing_token, *batch]
                )
                if answer is None:
                    raise TurnLost(turn.partition)
                members_by_term, frames = answer
                for number, members in zip(members_by_term[::2], members_by_term[1::2], strict=True):
                    term = batch[int(number) - 1]
                    keys_by_term[term] = [member[len(term) + 1 :].decode() for member in members]
                last_frames |= {
                    key.decode(): int(frame or 0) + turn.frame_offset
                    for key, frame in zip(frames[::2], frames[1::2], strict=True)
                }
        return Candidates(keys_by_term, last_frames)

    def caught_up(self, partition: int) -> Sequence[SubscriptionKey]:
        """See `Turns.caught_up`."""
        keys: dict[SubscriptionKey, None] = {}
        terms, start = turn_keys(partition).terms, b"-"
        with ANSWERING:
            while members := self._client.execute_command("ZRANGEBYLEX", terms, start, "+", "LIMIT", 0, _BATCH):
                keys |= dict.fromkeys(member.rpartition(b":")[2].decode() for member in members)
                start = b"(" + members[-1]
        return list(keys)

    def durables(self, partition: int, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, Durable]:
        """See `Turns.durables`."""
        return {key: Durable.decoded(text) for key, text in self._texts(turn_keys(partition).durables, keys).items()}

    def definitions(self, partition: int, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, Subscription]:
        """See `Turns.definitions`."""
        texts = self._texts(turn_keys(partition).subscriptions, keys)
        return {key: Subscription.decoded(key, text) for key, text in texts.items()}

    def frames(self, turn: Turn, keys: Sequence[SubscriptionKey]) -> Mapping[SubscriptionKey, int]:
        """See `Turns.frames`."""
        hashes = turn_keys(turn.partition)
        with ANSWERING:
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hget(hashes.turn, "token")
            for start in range(0, len(keys), _BATCH):
                pipeline.hmget(hashes.frames, keys[start : start + _BATCH])
            token, *answers = pipeline.execute()
        if int(token) != turn.fencing_token:
            raise TurnLost(turn.partition)
        return {key: int(value or 0) + turn.frame_offset for key, value in zip(keys, chain(*answers), strict=True)}

    def narrow(self, turn: Turn, goal: Position) -> Turn:
        """See `Turns.narrow`."""
        with ANSWERING:
            stored = self._narrow_goal(
                self._client, [turn_keys(turn.partition).turn], [turn.fencing_token, id_of_entry(goal)]
            )
        if stored is None:
            raise TurnLost(turn.partition)
        return replace(turn, goal=end_of_entry(stored), goal_pinned=True, has_more=True)

    def commit(self, turn: Turn, result: TurnResult) -> bool:
        """See `Turns.commit`."""
        keys, log = turn_keys(turn.partition), partition_keys(turn.partition).log
        script_keys = [keys.turn, log, keys.behind, keys.places, keys.terms, keys.subscriptions, keys.frames]
        script_keys += [keys.inbox, keys.groups, keys.durables]
        changed_groups = self._changed_groups(turn, result)
        changes = {
            "frames": _flat({key: number - turn.frame_offset for key, number in result.frames.items()}),
            "places": _flat({key: encode_place(place) for key, place in result.places.items()}),
            "caught_up": _flat({key: list(terms) for key, terms in result.caught_up.items()}),
            "groups": _flat(changed_groups),
            "alarm": result.alarm,
            "definitions": _flat({key: durable.encoded() for key, durable in result.definitions.items()}),
        }
        text = json.dumps(changes, separators=(",", ":"), ensure_ascii=False)
        arguments = [turn.fencing_token, id_of_entry(turn.goal), text, self._time()]
        with ANSWERING:
            more = int(self._commit(self._client, script_keys, arguments))
        if more < 0:
            raise TurnLost(turn.partition)
        if self._groups is not None:
            noted = {key: group for key, group in changed_groups.items() if key not in result.pushed}
            self._groups.committed(turn.partition, turn.fencing_token, noted)
        self._unchanged[turn.partition] = {
            key: (text, turn.groups[key]) for key, text in self._stored(turn).items() if key not in result.groups
        }
        return more > 0

    def release(self, partition: int) -> None:
        """See `Turns.release`."""
        if self._lease is None:
            return
        with ANSWERING:
            self._release(self._client, [turn_keys(partition).turn], [self._lease.instance])

    def reached(self) -> Mapping[int, Position]:
        """See `Turns.reached`."""
        with ANSWERING:
            return self._checkpoints.reached()

    def waiting(self) -> Sequence[int]:
        """See `Turns.waiting`."""
        with ANSWERING:
            return self._checkpoints.waiting()

    def subscribed(self) -> Sequence[int]:
        """See `Turns.subscribed`."""
        with ANSWERING:
            return self._checkpoints.subscribed()

    def advance(self) -> None:
        """See `Turns.advance`."""
        with ANSWERING:
            self._checkpoints.advance()

    def _time(self) -> str:
        return "" if self._clock is None else str(self._clock.now())

    def _stored(self, turn: Turn) -> Mapping[SubscriptionKey, str]:
        """Return the texts of the groups as the turn began, if they are known."""
        token, stored = self._stored_groups.get(turn.partition, (0, {}))
        return stored if token == turn.fencing_token else {}

    def _changed_groups(self, turn: Turn, result: TurnResult) -> dict[SubscriptionKey, str]:
        stored = self._stored(turn)
        groups = {key: group.encoded() for key, group in result.groups.items()}
        return {key: group for key, group in groups.items() if group != stored.get(key)}

    def _texts(self, key: str, fields: Sequence[SubscriptionKey]) -> dict[SubscriptionKey, str]:
        """Return the values of the fields of a hash that exist."""
        values: list[Any] = []
        with ANSWERING:
            for start in range(0, len(fields), _BATCH):
                values += self._client.hmget(key, fields[start : start + _BATCH])
        return {field: value.decode() for field, value in zip(fields, values, strict=True) if value is not None}


def _group(state: str, known: tuple[str, Group] | None) -> Group:
    """Return a group by its text, or as it is known if that is its text still."""
    return known[1] if known is not None and known[0] == state else Group.decoded(state)


def _flat(pairs: Mapping[SubscriptionKey, object]) -> list[object]:
    return [element for pair in pairs.items() for element in pair]
