"""`python -m tests.benchmarks.against.worker SUBJECT`: runs blocks of one subject, in the tree that it is started in.

It says in one line of JSON what it measures and whose code it has imported. Then each line that it reads names a task
by its number; it runs a block, and answers with what that cost. It ends when there is nothing more to read.
"""

from __future__ import annotations

import gc
import importlib
import json
import signal
import sys
from typing import TextIO

from tests.benchmarks.against.trees import PACKAGES
from tests.benchmarks.against.workloads import WORKLOADS

__all__ = ["work"]

_WARM_UPS = 2


def work(subject: str, *, orders: TextIO, answers: TextIO) -> None:
    """Set the subject up, warm it up, and run what is ordered."""
    with WORKLOADS[subject]() as tasks:
        for task in tasks:
            for _ in range(_WARM_UPS):
                task.run()
        # What was set up is no garbage of the blocks; without this, each collection would walk through it.
        gc.collect()
        gc.freeze()
        described = [
            {"what": task.what, "unit": task.unit, "amount": task.amount, "pairs": task.pairs} for task in tasks
        ]
        files = [importlib.import_module(name).__file__ for name in PACKAGES]
        print(json.dumps({"tasks": described, "files": files}), file=answers, flush=True)
        for line in orders:
            print(tasks[int(line)].run(), file=answers, flush=True)


if __name__ == "__main__":
    # So that an end by signal stops the servers, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    work(sys.argv[1], orders=sys.stdin, answers=sys.stdout)
