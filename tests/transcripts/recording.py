"""Transcripts as JSON lines: one a publish, stream, subscriber, session and message, and those of each group.

Sessions belong to the subscriber above them, messages to the session.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from tests.transcripts.group_recording import GroupReader, group_lines
from tests.transcripts.transcript import (
    Ending,
    Publish,
    Received,
    Result,
    Session,
    StoredStream,
    Subscriber,
    Transcript,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Unreadable", "read", "written"]


class Unreadable(Exception):
    """A line does not belong to a transcript."""


def written(transcript: Transcript) -> Iterator[str]:
    """The lines of a transcript."""
    yield _line("transcript", seed=transcript.seed, recreated=transcript.recreated)
    for publish in transcript.publishes:
        yield _line("publish", **asdict(publish))
    for stream in transcript.streams:
        yield _line("stream", **asdict(stream))
    for subscriber in transcript.subscribers:
        yield _line("subscriber", name=subscriber.name, caught_up=subscriber.caught_up)
        for session in subscriber.sessions:
            yield _line("session", **asdict(replace(session, received=())))
            for received in session.received:
                yield _line("message", **asdict(received))
    for group in transcript.groups:
        for kind, members in group_lines(group):
            yield _line(kind, **members)


def read(lines: Iterable[str]) -> Transcript:
    """Read the transcript from its lines.

    Raises:
        Unreadable: A line is not JSON, or not one that `written` writes; it is named by its number.
    """
    reader = _Reader()
    for number, line in enumerate(lines, 1):
        try:
            members = json.loads(line)
            reader.take(members.pop("kind"), members)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise Unreadable(f"line {number} is no line of a transcript: {error!r}") from error
    return reader.transcript()


def _line(kind: str, **members: object) -> str:
    return json.dumps({"kind": kind, **members}, separators=(",", ":"), ensure_ascii=False)


class _Reader:
    def __init__(self) -> None:
        self._seed: int | None = None
        self._recreated: tuple[float, ...] = ()
        self._publishes: list[Publish] = []
        self._streams: list[StoredStream] = []
        self._subscribers: list[tuple[dict[str, Any], list[tuple[dict[str, Any], list[Received]]]]] = []
        self._groups = GroupReader()

    def take(self, kind: str, members: dict[str, Any]) -> None:
        match kind:
            case "transcript":
                self._seed, self._recreated = members["seed"], tuple(members["recreated"])
            case "publish":
                events, results = tuple(members.pop("events")), members.pop("results")
                self._publishes.append(
                    Publish(events=events, results=tuple(Result(**result) for result in results), **members)
                )
            case "stream":
                self._streams.append(StoredStream(events=tuple(members.pop("events")), **members))
            case "subscriber":
                self._subscribers.append((members, []))
            case "session":
                members["ending"] = Ending(members["ending"])
                del members["received"]
                self._subscribers[-1][1].append((members, []))
            case "message":
                self._subscribers[-1][1][-1][1].append(Received(**members))
            case _:
                self._groups.take(kind, members)

    def transcript(self) -> Transcript:
        return Transcript(
            publishes=tuple(self._publishes),
            streams=tuple(self._streams),
            subscribers=tuple(
                Subscriber(
                    sessions=tuple(Session(received=tuple(received), **session) for session, received in sessions),
                    **members,
                )
                for members, sessions in self._subscribers
            ),
            seed=self._seed,
            recreated=self._recreated,
            groups=self._groups.groups,
        )
