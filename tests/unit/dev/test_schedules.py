from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.schedules import Schedule, Scheduler, read_schedule
from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class SteppedTimer:
    """A timer for which every moment up to `until` has passed, and no later one."""

    def __init__(self, *, until: datetime) -> None:
        self._end = until
        self.over = asyncio.Event()

    def now(self) -> datetime:
        return NOON

    async def until(self, moment: datetime) -> None:
        if moment > self._end:
            self.over.set()
            await asyncio.Event().wait()


def read(kind: str = "Schedule", **properties: object) -> Schedule:
    return read_schedule(properties, at="F.Events.E", name="E", kind=kind, function="F")


def hours(*schedules: Schedule, number: int = 1) -> list[tuple[str, str]]:
    """The calls of functions, with their times, within a number of hours."""
    calls: list[tuple[str, str]] = []

    async def run() -> None:
        timer = SteppedTimer(until=NOON + timedelta(hours=number))
        scheduler = Scheduler(lambda name, event: calls.append((name, json.loads(event)["time"])), timer=timer)
        scheduler.follow(schedules)
        await timer.over.wait()
        await scheduler.stop()

    asyncio.run(run())
    return calls


def test_a_function_is_called_every_minute_of_an_hour() -> None:
    calls = hours(read(Schedule="rate(1 minute)"))
    assert len(calls) == 60
    assert calls[0] == ("F", "2026-01-02T12:01:00Z")
    assert calls[-1] == ("F", "2026-01-02T13:00:00Z")


@pytest.mark.parametrize(
    ("rate", "every"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(5 minutes)", timedelta(minutes=5)),
        ("rate(1 hour)", timedelta(hours=1)),
        ("rate(2 days)", timedelta(days=2)),
    ],
)
def test_a_rate_is_understood(rate: str, every: timedelta) -> None:
    assert read(Schedule=rate).every == every


def test_a_disabled_schedule_calls_nobody() -> None:
    off: list[Mapping[str, object]] = [{"Enabled": False}, {"State": "DISABLED"}]
    schedules = [read(Schedule="rate(1 minute)", Name=str(place), **about) for place, about in enumerate(off)]
    assert hours(*schedules, read(Schedule="rate(1 hour)")) == [("F", "2026-01-02T13:00:00Z")]


def test_a_rules_event_is_eventbridges() -> None:
    event = json.loads(read(Schedule="rate(1 minute)").event(NOON))
    assert len(event.pop("id")) == 36
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2026-01-02T12:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:events:us-east-1:123456789012:rule/FE"],
        "detail": {},
    }


def test_a_schedules_event_is_eventbridge_schedulers() -> None:
    event = json.loads(read("ScheduleV2", ScheduleExpression="rate(1 minute)", Name="sweep").event(NOON))
    assert (event["source"], event["detail"]) == ("aws.scheduler", "{}")
    assert event["resources"] == ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/sweep"]


def test_an_input_is_the_whole_event() -> None:
    assert read(Schedule="rate(1 minute)", Input='{"a": 1}').event(NOON) == b'{"a": 1}'


@pytest.mark.parametrize(
    ("properties", "complaint"),
    [
        ({"Schedule": "cron(0 12 * * ? *)"}, "knows only rate"),
        ({"Schedule": "at(2026-01-01T00:00:00)"}, "knows only rate"),
        ({"Schedule": "rate(1 minutes)"}, "it must be as in rate"),
        ({"Schedule": "rate(5 minute)"}, "it must be as in rate"),
        ({"Schedule": "rate(0 minutes)"}, "it must be as in rate"),
        ({"Schedule": "rate(5 seconds)"}, "it must be as in rate"),
        ({}, "it must be as in rate"),
        ({"Schedule": "rate(1 minute)", "Input": "{"}, "Input must be JSON"),
    ],
)
def test_a_fault_is_named_with_its_place(properties: dict[str, object], complaint: str) -> None:
    with pytest.raises(TemplateError, match=f"F.Events.E.*{complaint}"):
        read(**properties)
