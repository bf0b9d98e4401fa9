"""The work of a member on an owned partition, frame by frame (docs/protocol.md)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.transcripts.content import where
from tests.transcripts.lines import Ended
from tests.transcripts.membership import Dropped, Handling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.transcripts.member import RecordingMember
    from tests.transcripts.requests import Requests
    from tests.transcripts.transcript import Json

__all__ = ["Ownership"]

_LONGEST = 0.002
"""The seconds of an attempt, so that overlapping attempts can be detected."""

_DELAYS: Sequence[Mapping[str, int]] = ({}, {"delay": 0}, {"delay": 0}, {"delay": 1})


class Ownership:
    """An owned partition, until it is released.

    Attributes:
        cursor: The newest that was acknowledged, or that of `owned`.
        task: What handles the frames; it ends once the partition was released.
    """

    def __init__(
        self,
        partition: int,
        requests: Requests,
        member: RecordingMember,
        handlings: list[Handling],
        dropped: list[Dropped],
        *,
        own_id: str,
        cursor: str,
    ) -> None:
        self._partition = partition
        self._requests = requests
        self._member = member
        self._handlings = handlings
        self._dropped = dropped
        self._own_id = own_id
        self.cursor = cursor
        self._frames: asyncio.Queue[Json] = asyncio.Queue()
        self._failed: set[str] = set()
        self._hasty = False
        self.task = asyncio.ensure_future(self._run())

    def take(self, message: Json) -> None:
        """Accept the next frame."""
        # Some members finish the frames of a revoked partition, others drop them.
        if message["type"] == "revoked":
            self._hasty = self._member.random.random() < 0.5
        self._frames.put_nowait(message)

    async def _run(self) -> None:
        with suppress(Ended):
            while True:
                frame = await self._frames.get()
                if frame["type"] == "revoked":
                    await self._say("release", partition=self._partition)
                    return
                if frame["type"] == "events" and not self._hasty:
                    await self._handle(frame)

    async def _handle(self, frame: Json) -> None:
        stream = frame.get("stream")
        if stream is not None:
            # Events that have to be sent again arrive from here on.
            self._failed.discard(stream)
        done = 0
        for event in frame["events"]:
            if self._hasty:
                break
            name, sequence = where(event)
            if name in self._failed:
                now = self._member.clock.now()
                gone = Dropped(at=now, partition=self._partition, frame=frame["frame"], stream=name, sequence=sequence)
                self._dropped.append(gone)
            elif await self._tried(frame["frame"], event):
                done = sequence
            else:
                self._failed.add(name)
                if stream is not None and done:
                    await self._say("ack", stream=stream, sequence=done)
                    done = 0
                # A cursor may pass only nacks that were answered.
                await self._nack(name, sequence)
        if self._hasty and stream is None:
            return
        if stream is None:
            await self._say("ack", cursor=frame["cursor"])
            self.cursor = frame["cursor"]
        elif done:
            await self._say("ack", stream=stream, sequence=done)

    async def _tried(self, frame: int, event: Json) -> bool:
        stream, sequence = where(event)
        index = len(self._handlings)
        handling = Handling(
            partition=self._partition,
            frame=frame,
            stream=stream,
            sequence=sequence,
            begun=(now := self._member.clock.now()),
            ended=now,
            failed=True,
        )
        self._handlings.append(handling)
        failed = True
        try:
            # One attempt at a time, so that a long one delays all partitions.
            async with self._member.hands:
                await asyncio.sleep(self._member.seconds(event) or self._member.random.random() * _LONGEST)
            failed = self._member.fails(event)
        finally:
            # A member that is disconnected during an attempt has not handled the event.
            self._handlings[index] = replace(handling, ended=self._member.clock.now(), failed=failed)
        if not failed:
            self._member.handle(event)
        return not failed

    async def _nack(self, stream: str, sequence: int) -> None:
        delay = self._member.random.choice(_DELAYS)
        await self._say("nack", stream=stream, sequence=sequence, reason="drawn", **delay)

    async def _say(self, action: str, **members: object) -> None:
        await self._requests.ask({"action": action, "id": self._own_id, **members}, record=True)
