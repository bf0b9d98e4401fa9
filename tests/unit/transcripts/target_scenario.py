"""Small transcripts of a durable subscription with a target, written call by call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.transcripts.calls import Absence, Call, Pushed, Reply, Target
from tests.transcripts.membership import Group, Parked, Redriven
from tests.transcripts.transcript import Publish, Result, StoredStream, Transcript

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.transcripts.content import Where
    from tests.transcripts.transcript import Json

__all__ = ["ACK_DEADLINE", "TargetScenario"]

ACK_DEADLINE = 1_000
_MAX_ATTEMPTS = 3
_BATCH = 4


@dataclass
class TargetScenario:
    """What happens, in the order of the calls of its methods. Each of them takes a second.

    Attributes:
        streams: How many events each stream has. They are published first.
        parked: The streams that are parked at the end.
    """

    streams: dict[str, int]
    parked: tuple[Parked, ...] = ()
    _calls: list[Call] = field(default_factory=list)
    _absences: list[Absence] = field(default_factory=list)
    _redriven: list[Redriven] = field(default_factory=list)
    _now: float = 10.0

    def event(self, stream: str, sequence: int) -> Json:
        """An event, as it is pushed."""
        return {
            **self._published(stream, sequence),
            "hubstream": stream,
            "hubsequence": str(sequence),
            "hubtime": "2026-01-02T03:04:05.678Z",
        }

    def call(
        self,
        *places: Where,
        reply: Reply = Reply.HANDLED,
        failed: Collection[Where] = (),
        attempt: int | None = None,
        reason: str = "",
        seconds: float = 0.5,
    ) -> None:
        """The target is called.

        Args:
            failed: The events that the answer names. The others are handled if the answer says so.
            seconds: How long it takes.
        """
        begun = self._tick()
        events = tuple(
            Pushed(
                self.event(*place),
                handled=begun if reply is Reply.HANDLED and place not in failed else None,
                failed=place in failed,
            )
            for place in places
        )
        call = Call(begun=begun, ended=begun + seconds, events=events, reply=reply, attempt=attempt, reason=reason)
        self._calls.append(call)

    def be_absent(self) -> None:
        """The target refuses connections."""
        self._absences.append(Absence(self._tick(), self._now + 0.5))

    def redrive(
        self, stream: str, sequence: int, *errors: str, attempts: int = _MAX_ATTEMPTS, how: str = "start"
    ) -> None:
        """A stream, which is parked, is redriven."""
        parked = self.listed(stream, sequence, *errors, attempts=attempts)
        self._redriven.append(Redriven(at=self._tick(), how=how, parked=parked))

    def listed(self, stream: str, sequence: int, *errors: str, attempts: int = _MAX_ATTEMPTS) -> Parked:
        """A stream that is parked from an event on."""
        letters = self.streams[stream] - sequence + 1
        return Parked(stream=stream, sequence=sequence, attempts=attempts, letters=letters, errors=errors)

    def transcript(self) -> Transcript:
        """All of it."""
        published = {
            stream: [self._published(stream, sequence) for sequence in range(1, count + 1)]
            for stream, count in self.streams.items()
        }
        group = Group(
            name="rule",
            wanted={},
            ack_deadline=ACK_DEADLINE,
            max_attempts=_MAX_ATTEMPTS,
            members=(),
            redriven=tuple(self._redriven),
            parked=self.parked,
            target=Target(batch=_BATCH, calls=tuple(self._calls), absences=tuple(self._absences)),
        )
        return Transcript(
            publishes=tuple(
                Publish(
                    publisher="p",
                    begun=1.0,
                    answered=2.0,
                    events=tuple(events),
                    stream=stream,
                    results=tuple(
                        Result(stream, sequence, event["id"], duplicate=False)
                        for sequence, event in enumerate(events, 1)
                    ),
                )
                for stream, events in published.items()
            ),
            streams=tuple(
                StoredStream(stream=stream, first=1, events=tuple(self.event(stream, s) for s in range(1, count + 1)))
                for stream, count in self.streams.items()
            ),
            subscribers=(),
            groups=(group,),
        )

    def _published(self, stream: str, sequence: int) -> Json:
        return {"specversion": "1.0", "id": f"{stream}-{sequence}", "source": "/test", "type": "t", "data": sequence}

    def _tick(self) -> float:
        self._now += 1.0
        return self._now
