"""The recording subscriber and publishers, each against a simulated hub."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.functional.transcripts.simulated_server import SimulatedServer
from tests.transcripts import subscriber as recording
from tests.transcripts.clock import Backoff, Clock
from tests.transcripts.contents import contents
from tests.transcripts.fragments import fragments
from tests.transcripts.lines import socket_dial
from tests.transcripts.orders import Order
from tests.transcripts.outcomes import Refused
from tests.transcripts.publisher import Publisher, RestRoute, SocketRoute
from tests.transcripts.subscriber import RecordingSubscriber
from tests.transcripts.transcript import Ending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.transcripts.transcript import Json


def event(number: int, *, size: int = 0) -> dict[str, Any]:
    return {"specversion": "1.0", "id": str(number), "source": "/s", "type": "t", "data": "x" * size}


def run(body: Callable[[SimulatedServer], Awaitable[None]]) -> None:
    async def served() -> None:
        async with asyncio.timeout(30), SimulatedServer().running() as server:
            await body(server)

    asyncio.run(served())


class Guest:
    """A running subscriber that records, and the messages that it handled."""

    def __init__(self, server: SimulatedServer, **request: object) -> None:
        self.handled: list[Json] = []
        self._news = asyncio.Event()
        dial = socket_dial(lambda: server.ws_url)
        self.recording = RecordingSubscriber(
            dial, request, name="guest", clock=Clock(), random=Random(1), handle=self._handle
        )
        self.running = asyncio.create_task(self.recording.run())

    def ids(self) -> list[str]:
        return [event["id"] for message in self.handled for event in message.get("events", ())]

    async def until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._news.clear()
            await self._news.wait()

    async def leave(self) -> None:
        self.recording.enqueue(Order.leave())
        await self.running
        self.recording.finish(caught_up=True)

    def endings(self) -> list[Ending]:
        return [session.ending for one in self.recording.recorded for session in one.sessions]

    def _handle(self, message: Json) -> None:
        self.handled.append(message)
        self._news.set()


@pytest.mark.parametrize(
    ("order", "ending"), [(Order.abort(0.0), Ending.ABORTED), (Order.close(0.0), Ending.CLOSED)], ids=["abort", "close"]
)
def test_a_subscriber_resumes_from_the_cursors_it_kept(order: Order, ending: Ending) -> None:
    async def body(server: SimulatedServer) -> None:
        server.publish([event(1)], "wf")
        guest = Guest(server, **{"from": "start"})
        await guest.until(lambda: guest.recording.live)
        guest.recording.enqueue(order)
        await guest.until(lambda: [one["type"] for one in guest.handled].count("subscribed") == 2)
        server.publish([event(2)], "wf")
        await guest.until(lambda: guest.ids() == ["1", "2"])
        await guest.leave()
        assert guest.endings() == [ending, Ending.CLOSED]
        first, second = guest.recording.recorded[0].sessions
        assert first.subscribe["from"] == "start"
        assert "from" not in second.subscribe
        newest = {one.message["partition"]: one.message["cursor"] for one in first.received if "frame" in one.message}
        base = next(one.message["cursor"] for one in first.received if one.message["type"] == "subscribed")
        assert second.subscribe["cursor"] == [base, *newest.values()]

    run(body)


def test_a_subscriber_that_lags_receives_all_afterwards() -> None:
    async def body(server: SimulatedServer) -> None:
        guest = Guest(server, **{"from": "start"})
        await guest.until(lambda: guest.recording.live)
        guest.recording.enqueue(Order.lag(0.05))
        server.publish([event(number) for number in range(50)], "wf")
        await guest.until(lambda: len(guest.ids()) == 50)
        await guest.leave()
        assert guest.endings() == [Ending.CLOSED]

    run(body)


def test_a_repeated_frame_is_recorded_and_dropped() -> None:
    async def body(server: SimulatedServer) -> None:
        frames: list[Json] = []

        def spoil(frame: Json) -> Json:
            # Instead of the third frame, the second is sent again, and then the third.
            frames.append(frame)
            return frames[-2] if len(frames) == 3 else frames[2] if len(frames) == 4 else frame

        server.spoil = spoil
        guest = Guest(server, stream="wf", **{"from": "now"})
        await guest.until(lambda: guest.recording.live)
        for number in (1, 2, 3):
            server.publish([event(number)], "wf")
            await server.sent(number + 1)
        await guest.until(lambda: len(guest.ids()) == 2)
        await guest.leave()
        received = [one for one in guest.recording.recorded[0].sessions[0].received if "frame" in one.message]
        assert [(one.message["frame"], one.handled) for one in received] == [
            (1, True),
            (2, True),
            (2, False),
            (3, True),
        ]

    run(body)


def test_an_unanswered_subscribe_starts_another_subscriber(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_PATIENCE", 0.05)

    async def body(server: SimulatedServer) -> None:
        server.unanswered_subscribes = 1
        guest = Guest(server, **{"from": "start"})
        await guest.recording.subscribed.wait()
        await guest.leave()
        first, last = guest.recording.recorded
        assert [session.ending for session in first.sessions] == [Ending.UNANSWERED]
        assert not first.caught_up
        assert (first.name, last.name) == ("guest", "guest.2")
        assert last.sessions[0].subscribe["from"] == "start"

    run(body)


def test_a_refused_subscribe_ends_the_subscriber() -> None:
    async def body(server: SimulatedServer) -> None:
        server.refuse_subscribes = "invalid-filter"
        guest = Guest(server, **{"from": "start"})
        with pytest.raises(Refused, match="invalid-filter"):
            await guest.running

    run(body)


@pytest.mark.parametrize("kind", [RestRoute, SocketRoute])
def test_a_publisher_retries_until_it_is_answered(kind: type[RestRoute | SocketRoute]) -> None:
    async def body(server: SimulatedServer) -> None:
        await server.restart_cache()
        server.lose_answers = 2
        url = server.rest_url if kind is RestRoute else server.ws_url
        publisher = Publisher("p", kind(lambda: url), clock=Clock(), random=Random(1))
        await publisher.publish([event(1), event(2)], "wf")
        await publisher.close()
        *unanswered, last = publisher.publishes
        assert [one.answered for one in unanswered] == [None, None, None]
        assert [(one.sequence, one.duplicate) for one in last.results] == [(1, True), (2, True)]
        assert all(one.events == last.events for one in unanswered)
        (stored,) = await contents(server.rest_url, ["wf", "never made"])
        assert [one["id"] for one in stored.events] == ["1", "2"]

    run(body)


def test_a_message_over_the_socket_may_be_larger_than_a_frame() -> None:
    async def body(server: SimulatedServer) -> None:
        publisher = Publisher("p", SocketRoute(lambda: server.ws_url), clock=Clock(), random=Random(1))
        await publisher.publish([event(1, size=100_000)], "wf")
        await publisher.close()
        assert server.hub.event("wf", 1)["data"] == "x" * 100_000

    run(body)


def test_fragments_split_a_message_into_frames_that_the_hub_accepts() -> None:
    text = "ü€😀" * 20_000
    pieces = fragments(text)
    assert "".join(pieces) == text
    assert max(len(piece.encode()) for piece in pieces) <= 32 * 1024
    assert fragments("short") == "short"


def test_pauses_double_up_to_a_bound_and_are_reset() -> None:
    class Highest(Random):
        def random(self) -> float:
            return 1.0

    backoff = Backoff(Highest(), first=1.0, longest=4.0)
    assert [backoff.pause() for _ in range(4)] == [1.0, 2.0, 4.0, 4.0]
    backoff.worked()
    assert backoff.pause() == 1.0
