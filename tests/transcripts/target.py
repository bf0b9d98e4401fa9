"""A recording target of a durable subscription, which misbehaves at random."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from tests.transcripts.bindings import Answer, Mishap
from tests.transcripts.calls import Call, Pushed, Reply
from tests.transcripts.content import where

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from tests.transcripts.bindings import Binding
    from tests.transcripts.clock import Clock
    from tests.transcripts.transcript import Json

__all__ = ["RecordingTarget"]

_CUT = Answer(Reply.NONE, b"")
_CALLER_KILLED = Answer(Reply.CALLER_KILLED, b"")


class RecordingTarget:
    """Handles the events of each call in order, and records what it does.

    Attributes:
        calls: The calls, in the order in which they began.

    Args:
        fails: Returns whether a try of an event fails.
        handle: Given each event that was handled.
        seconds: How long a try of an event takes.
        mishap: Asked once in each call what goes wrong in it.
        kill: Kills what calls the target, by the port of its connection.
    """

    def __init__(
        self,
        binding: Binding,
        *,
        clock: Clock,
        random: Random,
        fails: Callable[[Json], bool],
        handle: Callable[[Json], object],
        seconds: Callable[[Json], float],
        mishap: Callable[[], Mishap | None],
        kill: Callable[[int], Awaitable[None]],
    ) -> None:
        self.calls: list[Call] = []
        self._binding = binding
        self._clock = clock
        self._random = random
        self._fails = fails
        self._handle = handle
        self._seconds = seconds
        self._mishap = mishap
        self._kill = kill

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a call, or close its connection."""
        try:
            received = self._binding.read(request.headers, await request.read())
        except ConnectionError:
            # The caller was killed before it had sent the request.
            return web.Response()
        index, begun = len(self.calls), self._clock.now()
        work = [Pushed(event) for event in received.events]
        # Recorded before its outcome is known, because a server that vanishes cancels its calls.
        call = Call(begun=begun, ended=begun, events=tuple(work), reply=Reply.NONE, attempt=received.attempt)
        self.calls.append(call)
        answer = _CUT
        try:
            answer = await self._answered(index + 1, work, port=_port_of(request))
        finally:
            events = tuple(replace(pushed, failed=place in answer.failed) for place, pushed in enumerate(work))
            self.calls[index] = replace(
                call, ended=self._clock.now(), events=events, reply=answer.reply, reason=answer.reason
            )
        return _sent(request, answer)

    async def _answered(self, number: int, work: list[Pushed], *, port: int) -> Answer:
        mishap = self._mishap()
        if mishap in {Mishap.THROTTLED, Mishap.UNAVAILABLE}:
            return self._binding.unable(mishap, number, self._random)
        failed = await self._work(work, len(work) if mishap is None else self._random.randint(0, len(work)))
        match mishap:
            case None:
                return self._binding.finished([one.event for one in work], failed, number, self._random)
            case Mishap.CUT:
                return _CUT
            case Mishap.KILLED:
                await self._kill(port)
                return _CALLER_KILLED
            case _:
                return self._binding.unable(mishap, number, self._random)

    async def _work(self, work: list[Pushed], count: int) -> list[int]:
        """Handle the first events of a call; return the places of those that failed."""
        failed: dict[str, int] = {}
        for index in range(count):
            event = work[index].event
            stream, _ = where(event)
            if stream in failed:
                continue
            await asyncio.sleep(self._seconds(event))
            if self._fails(event):
                failed[stream] = index
            else:
                work[index] = Pushed(event, self._clock.now())
                self._handle(event)
        return list(failed.values())


def _port_of(request: web.BaseRequest) -> int:
    """The port of who calls; 0 if it has gone."""
    address = None if request.transport is None else request.transport.get_extra_info("peername")
    return int(address[1]) if address else 0


def _sent(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    if isinstance(answer.response, web.Response):
        return answer.response
    if request.transport is not None:
        request.transport.write(answer.response)
        request.transport.close()
    return web.Response()
