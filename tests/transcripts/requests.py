"""Requests of one connection, sent again until they are answered, and recorded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.transcripts.membership import SentCommand
from tests.transcripts.outcomes import AGAIN, FAREWELLS, Refused

if TYPE_CHECKING:
    from tests.transcripts.clock import Clock
    from tests.transcripts.lines import Line
    from tests.transcripts.transcript import Json

__all__ = ["Requests"]

_AGAIN_AFTER = 2.0
_PAUSE = 0.05


class Requests:
    """The requests of a client on a connection; the name of each request identifies its answer.

    Attributes:
        recorded: What was said, with the moments.
    """

    def __init__(self, line: Line, clock: Clock) -> None:
        self.recorded: list[SentCommand] = []
        self._line = line
        self._clock = clock
        self._names = 0
        self._waiting: dict[str, asyncio.Future[Json]] = {}

    async def ask(self, message: Json, *, record: bool = False) -> Json:
        """The answer to a message, however often it has to be sent.

        Raises:
            Ended: There was none before the line ended.
            Refused: The hub says that the message is wrong.
        """
        self._names += 1
        name = f"r{self._names}"
        request = {**message, "request": name}
        index = len(self.recorded)
        if record:
            self.recorded.append(SentCommand(message, self._clock.now(), None))
        while True:
            answer = await self._answer(name, request)
            # After a farewell the connection ends, and this with it.
            if answer is None or answer.get("code") in AGAIN | FAREWELLS:
                await asyncio.sleep(_PAUSE)
                continue
            if answer["type"] == "error" and answer.get("code") != "subscription-conflict":
                raise Refused(f"{message} was answered {answer}")
            if record:
                self.recorded[index] = replace(self.recorded[index], answered=self._clock.now())
            return answer

    def answered(self, message: Json) -> bool:
        """Process a message; return whether it answers a request of this connection."""
        waiting = self._waiting.pop(message.get("request", ""), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
        return "type" in message and "request" in message

    def repeat(self) -> None:
        """An unknown request failed: send every unanswered request again."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result({"type": "error", "code": "internal"})

    async def _answer(self, name: str, request: Json) -> Json | None:
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[name] = waiting
        await self._line.send(request)
        try:
            async with asyncio.timeout(_AGAIN_AFTER):
                return await waiting
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(name, None)
