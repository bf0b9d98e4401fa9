"""Generated runs of workflows such as flunq.io's. The same seed and start generate the same events."""

from __future__ import annotations

import heapq
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from eventstore.streams import workflow_stream
from eventstore_client.cli.sources import Item

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["DEMO_START", "Run", "items", "runs"]

DEMO_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""The default start. It is fixed, so that running the demo twice generates the same events."""

_ENGINE = "/flunq/engine"
_TENANTS = ("acme", "globex", "initech")
_FAILING = 0.18
_ATTEMPTS = 3
_REASONS = ("connection reset by peer", "503 from upstream", "deadline exceeded", "rate limited by upstream")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A workflow's definition.

    Attributes:
        name: The name of the workflow.
        tasks: Its tasks in order.
        waits: How long it waits before a task.
    """

    name: str
    tasks: Sequence[str]
    waits: Mapping[str, timedelta]


_KINDS = (
    _Kind(
        "order",
        ("validate-order", "reserve-stock", "charge-card", "pack-parcel", "notify-customer"),
        {"pack-parcel": timedelta(minutes=30)},
    ),
    _Kind(
        "invoice",
        ("collect-items", "compute-tax", "render-pdf", "send-invoice", "book-payment"),
        {"book-payment": timedelta(days=14)},
    ),
    _Kind(
        "onboarding",
        ("create-account", "verify-email", "provision-workspace", "send-welcome", "send-survey"),
        {"verify-email": timedelta(minutes=5), "send-survey": timedelta(days=2)},
    ),
)


@dataclass(slots=True)
class Run:
    """One execution of a workflow and its events in order."""

    tenant: str
    workflow: str
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def stream(self) -> str:
        """The stream of the events."""
        return workflow_stream(self.tenant, self.workflow)

    def types(self) -> set[str]:
        """Return the types of the events."""
        return {event["type"] for event in self.events}


def runs(count: int, *, seed: int = 1, start: datetime = DEMO_START) -> list[Run]:
    """Return runs that start one after another and overlap.

    Args:
        count: The number of runs.
        seed: Selects the random choices.
        start: The start of the first run.
    """
    generated = []
    for index in range(count):
        # Each run has its own random generator, so that a greater `count` does not change the first runs.
        random = Random(f"{seed} {start.isoformat()} {index}")  # noqa: S311 - test data, not secrets
        kind = _KINDS[index % len(_KINDS)]
        begin = start + timedelta(seconds=47 * index + random.randrange(40))
        generated.append(_RunBuilder(random, kind, f"{kind.name}-{seed}-{10_000 + index}", begin).build())
    return generated


def items(runs: Sequence[Run]) -> Iterator[Item]:
    """Iterate over the events of all runs, ordered by time."""
    feeds = [[(event["time"], index, event) for event in run.events] for index, run in enumerate(runs)]
    for _, index, event in heapq.merge(*feeds, key=lambda entry: entry[:2]):
        text = json.dumps(event, separators=(",", ":"))
        yield Item(text, runs[index].stream, f"event {event['id']} of the demo", len(text.encode()))


class _RunBuilder:
    """Generates the events of one run."""

    def __init__(self, random: Random, kind: _Kind, workflow: str, begin: datetime) -> None:
        self._random = random
        self._kind = kind
        self._now = begin
        self._run = Run(random.choice(_TENANTS), workflow)
        self._execution = str(UUID(int=random.getrandbits(128), version=4))
        self._trace = f"{random.getrandbits(128):032x}"
        self._cause = ""

    def build(self) -> Run:
        amount = self._random.randrange(900, 90_000) / 100
        self._add(
            "execution.started", data={"workflow_name": self._kind.name, "input": {"amount": amount, "currency": "EUR"}}
        )
        for task in self._kind.tasks:
            if task in self._kind.waits:
                self._wait(task, self._kind.waits[task])
            if not self._run_task(task):
                self._add("workflow.failed", data={"error": f"{task} failed {_ATTEMPTS} times", "task_name": task})
                return self._run
        tasks = len(self._kind.tasks)
        self._add("workflow.completed", data={"output": {"tasks": tasks, "outcome": "done"}})
        return self._run

    def _wait(self, task: str, pause: timedelta) -> None:
        timer, due = f"before-{task}", _rfc3339(self._now + pause)
        milliseconds = int(pause.total_seconds() * 1000)
        self._add("timer.scheduled", data={"task_name": timer, "duration_ms": milliseconds, "fire_at": due})
        self._now += pause
        self._add("timer.fired", data={"task_name": timer, "scheduled_for": due})

    def _run_task(self, task: str) -> bool:
        worker = f"/flunq/workers/{task}"
        self._add("task.requested", task=task, data={"task_name": task, "attempt": 1})
        for attempt in range(1, _ATTEMPTS + 1):
            self._now += timedelta(milliseconds=self._random.randrange(40, 2_500))
            if self._random.random() >= _FAILING:
                took = self._random.randrange(12, 900)
                result = {"task_name": task, "attempt": attempt, "duration_ms": took}
                self._add("task.completed", task=task, source=worker, data=result)
                return True
            reason = self._random.choice(_REASONS)
            failure = {"task_name": task, "attempt": attempt, "error": reason}
            self._add("task.failed", task=task, source=worker, data=failure)
            if attempt < _ATTEMPTS:
                self._now += timedelta(seconds=2**attempt)
                self._add("task.retried", task=task, data={"task_name": task, "attempt": attempt + 1})
        return False

    def _add(self, kind: str, *, data: Mapping[str, Any], task: str = "", source: str = _ENGINE) -> None:
        self._now += timedelta(milliseconds=self._random.randrange(2, 30))
        event = {
            "specversion": "1.0",
            "id": f"{self._execution}-{len(self._run.events) + 1}",
            "source": source,
            "type": f"io.flunq.{kind}",
            "subject": self._run.workflow,
            "time": _rfc3339(self._now),
            "datacontenttype": "application/json",
            "tenantid": self._run.tenant,
            "workflowid": self._run.workflow,
            "executionid": self._execution,
            "correlationid": f"{self._run.tenant}/{self._run.workflow}",
            "traceparent": f"00-{self._trace}-{self._random.getrandbits(64) | 1:016x}-01",
        }
        if task:
            event["taskid"] = task
        if self._cause:
            event["causationid"] = self._cause
        self._cause = event["id"]
        self._run.events.append({**event, "data": data})


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
