"""Functions that are called by the clock.

Rules: EventBridge User Guide, "Creating a rule that runs on a schedule in Amazon EventBridge" and "Rate expressions";
EventBridge Scheduler User Guide, "Schedule types"; SAM Developer Guide, "Schedule" and "ScheduleV2".
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from eventstore_dev.aws_names import ACCOUNT, REGION
from eventstore_dev.cloudformation import is_true
from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)(s?)\)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a function is called, and with what.

    Attributes:
        function: The function's logical id.
        name: The event's own, or the one that the template gives.
        every: The time between two calls.
        input: The event's JSON, if the template has it.
        scheduler: Whether EventBridge Scheduler calls, and not a rule of EventBridge.
    """

    function: str
    name: str
    every: timedelta
    input: str | None
    scheduler: bool
    enabled: bool

    def event(self, time: datetime) -> bytes:
        """What the function is called with."""
        if self.input is not None:
            return self.input.encode()
        service, resource, detail = (
            ("scheduler", f"schedule/default/{self.name}", "{}")
            if self.scheduler
            else ("events", f"rule/{self.name}", dict[str, str]())
        )
        told = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": f"aws.{service}",
            "account": ACCOUNT,
            "time": time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"],
            "detail": detail,
        }
        return json.dumps(told).encode()


def read_schedule(properties: Mapping[str, Any], *, at: str, name: str, kind: str, function: str) -> Schedule:
    """An event of the kind Schedule or ScheduleV2.

    Args:
        properties: Its properties, worked out.
        at: What to call its place in an error.
        name: The event's logical id.
        kind: Which of the two.
        function: The function's logical id.

    Raises:
        TemplateError: Its expression is none, or is one that is not for here; or its input is no JSON.
    """
    key = "Schedule" if kind == "Schedule" else "ScheduleExpression"
    given = properties.get("Input")
    if given is not None:
        try:
            json.loads(given)
        except ValueError as error:
            raise TemplateError(f"{at}: Input must be JSON: {error}") from error
    return Schedule(
        function=function,
        name=str(properties.get("Name", f"{function}{name}")),
        every=_rate(str(properties.get(key)), at=f"{at}.{key}"),
        input=given,
        scheduler=kind == "ScheduleV2",
        enabled=is_true(properties.get("Enabled", True)) and properties.get("State", "ENABLED") == "ENABLED",
    )


class Timer(Protocol):
    """What schedules wait by."""

    def now(self) -> datetime:
        """The time."""
        ...

    async def until(self, moment: datetime) -> None:
        """Returns when it has come."""
        ...


class WallTimer:
    """The machine's own time."""

    def now(self) -> datetime:
        """The time."""
        return datetime.now(UTC)

    async def until(self, moment: datetime) -> None:
        """Returns when it has come."""
        await asyncio.sleep(max((moment - self.now()).total_seconds(), 0))


class Scheduler:
    """Calls by the clock, first after one period.

    Args:
        call: Takes a function's logical id and an event, and does not wait for the function.
        timer: What it waits by.
    """

    def __init__(self, call: Callable[[str, bytes], None], *, timer: Timer) -> None:
        self._call = call
        self._timer = timer
        self._running: dict[Schedule, asyncio.Task[None]] = {}

    def follow(self, schedules: Collection[Schedule]) -> None:
        """Keeps to these from now on; one that stays does not begin again."""
        wanted = {schedule for schedule in schedules if schedule.enabled}
        for schedule in set(self._running) - wanted:
            self._running.pop(schedule).cancel()
        for schedule in wanted - set(self._running):
            self._running[schedule] = asyncio.create_task(self._run(schedule))

    def fire(self, schedule: Schedule) -> None:
        """Calls now, whatever the time."""
        self._call(schedule.function, schedule.event(self._timer.now()))

    async def stop(self) -> None:
        """Calls no more."""
        for task in self._running.values():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self, schedule: Schedule) -> None:
        moment = self._timer.now()
        while True:
            # Counted from the last moment: a late call makes the next one no later. What a machine slept over is lost.
            moment = max(moment + schedule.every, self._timer.now())
            await self._timer.until(moment)
            self._call(schedule.function, schedule.event(moment))


def _rate(expression: str, *, at: str) -> timedelta:
    if expression.startswith(("cron(", "at(")):
        raise TemplateError(f"{at} is {expression!r}; the local stack knows only rate(…), as in rate(5 minutes)")
    found = _RATE.fullmatch(expression)
    if found is None or int(found[1]) < 1 or (found[3] == "s") != (int(found[1]) > 1):
        raise TemplateError(
            f"{at} is {expression!r}; it must be as in rate(1 minute), rate(5 minutes) or rate(2 hours)"
        )
    return timedelta(**{f"{found[2]}s": int(found[1])})
