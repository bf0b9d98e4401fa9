"""The soak against a simulated hub: it ends, and its transcript can be checked."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.functional.transcripts.simulated_server import SimulatedServer
from tests.transcripts.checker import first_violation, violations
from tests.transcripts.plan import MARKER, What, planned
from tests.transcripts.recording import read, written
from tests.transcripts.soak import SoakTimeout, soak
from tests.transcripts.transcript import Ending, Transcript
from tests.transcripts.violation import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.transcripts.transcript import Json


def recorded(change: Callable[[SimulatedServer], object] = lambda _: None, *, seed: int = 7) -> Transcript:
    """A small soak of a hub that `change` has modified."""

    async def run(server: SimulatedServer) -> Transcript:
        change(server)
        return await soak(
            server,
            seed=seed,
            events=300,
            subscribers=8,
            streams=20,
            kills=3,
            restarts=2,
            sweeps=1,
            longest_pause=0.02,
            deadline=60,
        )

    return served(run)


def served(run: Callable[[SimulatedServer], Awaitable[Transcript]]) -> Transcript:
    async def body() -> Transcript:
        async with SimulatedServer().running() as server:
            return await run(server)

    return asyncio.run(body())


@pytest.fixture(scope="module")
def good() -> Transcript:
    return recorded()


def test_the_transcript_of_a_correct_hub_passes(good: Transcript) -> None:
    assert violations(good) == []


def test_all_events_and_a_marker_of_each_stream_are_stored(good: Transcript) -> None:
    stored = [event for stream in good.streams for event in stream.events]
    types = Counter(event["type"] == MARKER for event in stored)
    assert (types[False], types[True]) == (300, 20)
    assert all(stream.events[-1]["type"] == MARKER for stream in good.streams)


def test_every_remaining_subscriber_caught_up_across_several_sessions(good: Transcript) -> None:
    assert sum(subscriber.caught_up for subscriber in good.subscribers) >= 6
    assert max(len(subscriber.sessions) for subscriber in good.subscribers) > 2
    endings = {session.ending for subscriber in good.subscribers for session in subscriber.sessions}
    assert {Ending.CLOSED, Ending.ABORTED, Ending.DISCONNECTED} <= endings


def test_attempts_that_were_not_answered_are_recorded_beside_their_retries(good: Transcript) -> None:
    unanswered = [publish for publish in good.publishes if publish.answered is None]
    assert len(unanswered) >= 2
    answered = {event["id"] for publish in good.publishes for event in publish.events if publish.answered is not None}
    assert answered.issuperset(event["id"] for publish in unanswered for event in publish.events)


def test_a_soak_reads_back_as_it_was_written(good: Transcript) -> None:
    assert read(written(good)) == good


def test_unanswered_publishes_are_retried_and_answered_as_duplicates() -> None:
    transcript = recorded(lambda server: setattr(server, "lose_answers", 9))
    assert first_violation(transcript) is None
    assert any(result.duplicate for publish in transcript.publishes for result in publish.results)


def test_a_lost_frame_makes_its_client_resume_and_is_reported() -> None:
    def lose_one(server: SimulatedServer) -> None:
        lost: list[Json] = []

        def spoil(frame: Json) -> Json | None:
            # Another frame always follows the first marker: more markers, or `live`.
            if not lost and any(event["type"] == MARKER for event in frame.get("events", ())):
                lost.append(frame)
                return None
            return frame

        server.spoil = spoil

    transcript = recorded(lose_one)
    endings = Counter(session.ending for subscriber in transcript.subscribers for session in subscriber.sessions)
    assert endings[Ending.HOLE] == 1
    assert {violation.kind for violation in violations(transcript)} == {Kind.HOLE}


def test_a_corrupted_frame_is_reported() -> None:
    def spoil(frame: Json) -> Json:
        events = [{**event, "data": 0} if event["type"] != MARKER else event for event in frame.get("events", ())]
        return {**frame, "events": events} if events else frame

    violation = first_violation(recorded(lambda server: setattr(server, "spoil", spoil)))
    assert violation is not None
    assert violation.kind is Kind.ALTERED


def test_a_soak_that_does_not_end_reports_what_each_client_waits_for() -> None:
    async def run(server: SimulatedServer) -> Transcript:
        server.spoil = lambda frame: None if frame["type"] == "live" else frame
        return await soak(
            server, seed=1, events=20, subscribers=2, streams=2, kills=0, restarts=0, sweeps=0, deadline=0.5
        )

    with pytest.raises(SoakTimeout) as expired_connections:
        served(run)
    first, stage, *guests = str(expired_connections.value).splitlines()
    assert first == "the soak of seed 1 did not end in 0.5 s"
    assert stage.endswith("of 22 events and markers answered; 2 subscribers wait")
    assert [line.split(":")[0].strip() for line in guests] == ["subscriber-1", "subscriber-2"]
    assert all("it wants {'from': " in line for line in guests)
    transcript = expired_connections.value.transcript
    assert transcript is not None
    assert [subscriber.caught_up for subscriber in transcript.subscribers] == [False] * len(transcript.subscribers)


def test_the_same_seed_plans_the_same() -> None:
    options = {
        "events": 500,
        "subscribers": 20,
        "streams": 50,
        "kills": 5,
        "restarts": 2,
        "sweeps": 2,
        "longest_pause": 1,
    }
    first, again = (planned(3, processes=("A", "B"), **options) for _ in range(2))
    assert first == again
    assert first != planned(4, processes=("A", "B"), **options)


def test_a_plan_contains_what_was_requested() -> None:
    plan = planned(
        5,
        processes=("A",),
        events=2000,
        subscribers=30,
        streams=40,
        kills=4,
        pauses=5,
        restarts=3,
        sweeps=2,
        longest_pause=1,
    )
    assert sum(len(batch.events) for batch in plan.batches) == 2000
    assert max(len(batch.events) for batch in plan.batches) <= 50
    assert len(plan.guests) == 30
    assert Counter(strike.what for strike in plan.strikes) == {
        What.KILL: 4,
        What.PAUSE: 5,
        What.CACHE: 3,
        What.SWEEP: 2,
    }
    assert {guest.request["from"] for guest in plan.guests} == {"start", "now"}


def test_a_transcript_without_the_end_does_not_count_as_caught_up(good: Transcript) -> None:
    owner = next(subscriber for subscriber in good.subscribers if subscriber.caught_up)
    last = owner.sessions[-1]
    shorter = replace(owner, sessions=(*owner.sessions[:-1], replace(last, received=last.received[:1])))
    others = tuple(shorter if subscriber is owner else subscriber for subscriber in good.subscribers)
    assert first_violation(replace(good, subscribers=others)) is not None
