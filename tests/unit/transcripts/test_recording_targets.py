"""The targets of soaks record what they did, whatever becomes of their calls."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, cast

import aiohttp
import pytest

from tests.ports import ReservedPort
from tests.transcripts.bindings import Mishap, drawn_mishaps
from tests.transcripts.calls import Reply
from tests.transcripts.clock import Clock
from tests.transcripts.http_binding import MODES, HttpBinding
from tests.transcripts.lambda_binding import LambdaBinding
from tests.transcripts.plan import planned
from tests.transcripts.target import RecordingTarget
from tests.transcripts.target_group import TargetSettings
from tests.transcripts.target_server import TargetServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from tests.transcripts.bindings import Binding
    from tests.transcripts.content import Where
    from tests.transcripts.controls import GroupHub
    from tests.transcripts.membership import Group
    from tests.transcripts.transcript import Json

A1, A2, B1 = ("a", 1), ("a", 2), ("b", 1)


def event(stream: str, sequence: int) -> Json:
    return {"id": f"{stream}-{sequence}", "hubstream": stream, "hubsequence": str(sequence), "data": {"n": sequence}}


def records(*places: Where) -> bytes:
    """The payload of a function."""
    return json.dumps(
        {
            "Records": [
                {"body": json.dumps(event(*place)), "attributes": {"ApproximateReceiveCount": "2"}} for place in places
            ]
        }
    ).encode()


class Served:
    """A target behind a server."""

    def __init__(
        self, binding: Binding, port: ReservedPort, *, failing: Collection[str], mishap: Mishap | None, seconds: float
    ) -> None:
        self.killed = 0
        self.tried = asyncio.Event()
        self.url = port.url
        self.target = RecordingTarget(
            binding,
            clock=Clock(),
            random=Random(2),
            fails=lambda event: event["id"] in failing,
            handle=lambda _: None,
            seconds=lambda _: self._try(seconds),
            mishap=lambda: mishap,
            kill=self._kill,
        )
        self.server = TargetServer(port, self.target.serve)

    async def post(self, body: bytes, **headers: str) -> tuple[int, Any]:
        async with aiohttp.ClientSession() as session, session.post(self.url, data=body, headers=headers) as response:
            return response.status, await response.text()

    def _try(self, seconds: float) -> float:
        self.tried.set()
        return seconds

    async def _kill(self, port: int) -> None:
        assert port
        self.killed += 1


@asynccontextmanager
async def serving(
    binding: Binding, *, failing: Collection[str] = (), mishap: Mishap | None = None, seconds: float = 0.0
) -> AsyncIterator[Served]:
    with ReservedPort() as port:
        served = Served(binding, port, failing=failing, mishap=mishap, seconds=seconds)
        await served.server.open()
        try:
            yield served
        finally:
            await served.server.close()


def test_a_function_handles_the_other_streams_of_a_call_in_which_an_event_failed() -> None:
    async def called() -> None:
        # By the seed of the target it reports the event, and does not fail as a whole.
        async with serving(LambdaBinding(), failing={"a-1"}) as served:
            status, text = await served.post(records(A1, B1, A2))
            reported = {failure["itemIdentifier"] for failure in json.loads(text)["batchItemFailures"]}
            assert (status, reported - {"a/2"}) == (200, {"a/1"})
            [call] = served.target.calls
            assert (call.reply, call.attempt, call.reason) == (Reply.HANDLED, 2, "batchItemFailures")
            assert [pushed.handled is not None for pushed in call.events] == [False, True, False]
            assert call.events[0].failed

    asyncio.run(called())


def test_a_function_reports_no_event_before_the_first_failed_one_of_its_stream() -> None:
    events = [event(*A1), event(*B1), event("b", 2), event(*A2)]
    answers = [LambdaBinding().finished(events, [0, 2], 1, Random(seed)) for seed in range(20)]
    # It fails as a whole, reports the failed events, or also those behind them.
    assert {answer.failed for answer in answers} == {frozenset(), frozenset({0, 2}), frozenset({0, 2, 3})}


@pytest.mark.parametrize("mode", MODES)
def test_a_url_reads_events_in_each_mode(mode: str) -> None:
    async def called() -> None:
        async with serving(HttpBinding(mode)) as served:
            one = event(*A1)
            headers, body = {}, json.dumps([one] if mode == "batched" else one)
            if mode == "binary":
                headers = {f"ce-{name}": value for name, value in one.items() if name != "data"}
                body = json.dumps(one["data"])
            status, _ = await served.post(body.encode(), **headers)
            assert status in {200, 202, 204}
            [call] = served.target.calls
            assert [pushed.event for pushed in call.events] == [one]

    asyncio.run(called())


def test_a_url_refuses_an_event_that_fails() -> None:
    async def called() -> None:
        async with serving(HttpBinding("structured"), failing={"a-1"}) as served:
            await served.post(json.dumps(event(*A1)).encode())
            [call] = served.target.calls
            assert (call.reply, call.events[0].handled) == (Reply.REFUSED, None)
            assert call.reason in {"in call 1.", "/1/moved"}

    asyncio.run(called())


@pytest.mark.parametrize(
    ("mishap", "reply"),
    [(Mishap.CUT, Reply.NONE), (Mishap.KILLED, Reply.CALLER_KILLED), (Mishap.NONSENSE, Reply.NONE)],
)
def test_a_call_that_gets_no_answer_is_recorded(mishap: Mishap, reply: Reply) -> None:
    async def called() -> None:
        async with serving(HttpBinding("structured"), mishap=mishap) as served:
            with pytest.raises(aiohttp.ClientError):
                await served.post(json.dumps(event(*A1)).encode())
            # The client may send the request again on a new connection.
            assert {call.reply for call in served.target.calls} == {reply}
            assert bool(served.killed) is (mishap is Mishap.KILLED)

    asyncio.run(called())


def test_a_call_that_ends_because_the_server_vanishes_is_recorded() -> None:
    async def called() -> None:
        async with serving(HttpBinding("structured"), seconds=60) as served:
            calling = asyncio.create_task(served.post(json.dumps(event(*A1)).encode()))
            await served.tried.wait()
            await served.server.close()
            with pytest.raises(aiohttp.ClientError):
                await calling
            [call] = served.target.calls
            assert (call.reply, call.events[0].handled) == (Reply.NONE, None)

    asyncio.run(called())


def test_a_server_refuses_connections_while_it_is_closed_and_comes_back_at_its_port() -> None:
    async def called() -> None:
        async with serving(LambdaBinding()) as served:
            await served.post(records(A1))
            await served.server.close()
            with pytest.raises(aiohttp.ClientConnectorError):
                await served.post(records(A2))
            await served.server.open()
            assert (await served.post(records(A2)))[0] == 200
            assert len(served.target.calls) == 2

    asyncio.run(called())


async def left(**troubles: Any) -> Group:  # noqa: ANN401 - what `TargetSettings` takes
    """The record of a target that is ordered to leave just after all its other orders."""
    plan = planned(
        1, events=9, subscribers=0, streams=1, processes=(), kills=0, restarts=0, sweeps=0, longest_pause=0.0
    )
    with ReservedPort() as port:
        settings = TargetSettings(binding=LambdaBinding(), port=port, **troubles)
        group = settings.group(cast("GroupHub", None), plan, clock=Clock(), seed=1)
        running = asyncio.create_task(group.run())
        for _, order in group.actions():
            order()
        await asyncio.sleep(0.1)
        group.leave()
        await asyncio.wait_for(running, 2)
        return group.recorded(finished=False)


def test_a_target_leaves_also_while_several_periods_of_mishaps_wait_for_a_call() -> None:
    target = asyncio.run(left(absences=2, throttles=2)).target
    assert target is not None
    assert target.absences == ()


def test_an_absence_that_is_cut_short_is_recorded() -> None:
    target = asyncio.run(left(absences=2, throttles=0, refuses=True, longest_pause=60)).target
    assert target is not None
    assert len(target.absences) == 1


def test_every_mishap_is_drawn_before_any_is_drawn_again() -> None:
    drawn = [mishap for mishap in islice(drawn_mishaps(Random(1), 0.1), 1_000) if mishap is not None]
    assert set(drawn[: len(Mishap)]) == set(Mishap)
    assert set(drawn[len(Mishap) : 2 * len(Mishap)]) == set(Mishap)


def test_mishaps_have_their_share_of_the_calls() -> None:
    drawn = [mishap for mishap in islice(drawn_mishaps(Random(1), 0.1), 1_000) if mishap is not None]
    assert 50 < len(drawn) < 150
