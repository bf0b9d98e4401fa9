"""A step of a workflow as a Lambda function: a rule calls it with tasks, and it publishes what came of each."""

from __future__ import annotations

import json
from typing import Any

from eventstore_client import EventStore

STORE = EventStore()


def handler(batch: dict[str, Any], _context: object) -> None:
    """Charge the cards that tasks name. An error lets the hub try the task again, and park its workflow in the end."""
    for record in batch["Records"]:
        task = json.loads(record["body"])
        if "data" not in task:
            raise ValueError("there is nothing to charge")
        print(f"charged for {task['hubstream']}, event {task['hubsequence']}")  # noqa: T201 - the function's log
        done = {
            "specversion": "1.0",
            # The same at each attempt, so the hub stores it once.
            "id": f"{task['hubsequence']}-charged",
            "source": "/charge-card",
            "type": "io.flunq.task.completed",
            "data": task["data"],
        }
        STORE.publish([done], stream=task["hubstream"])
