"""`python -m tests.chaos.server --seeds 5 --seconds 60`: chaos on three instances of the server, in real time."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tests.chaos.server.runs import reported


def main() -> int:
    """Run seeds one after the other; return 1 if a run has shown a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.server", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many runs, each with the next seed")
    parser.add_argument("--seed", type=int, default=1, help="the first one")
    parser.add_argument("--seconds", type=float, default=35.0, help="how long each run publishes")
    parser.add_argument("--keep", type=Path, help="a folder for transcripts and logs of runs")
    parser.add_argument("--operations", action="store_true", help="print how often each operation was done")
    given = parser.parse_args()
    # Calls that a killed instance ends are what happens here.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    failed = 0
    for seed in range(given.seed, given.seed + given.seeds):
        began = time.monotonic()
        folder = given.keep / str(seed) if given.keep else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        report = reported(seed, seconds=given.seconds, folder=folder)
        transcript = report.outcome.transcript
        sessions = sum(len(subscriber.sessions) for subscriber in transcript.subscribers)
        print(
            f"seed {seed}: {len(transcript.publishes)} publishes, {sessions} sessions of subscribers, "
            f"{sum(report.outcome.done.values())} operations, {report.kills} kills, {report.pauses} pauses, "
            f"{time.monotonic() - began:.0f} s: {'broken' if report.found else 'every promise was kept'}",
            flush=True,
        )
        if given.operations:
            for name, count in sorted(report.outcome.done.items()):
                print(f"  {count:5} {name}")
        for sentence in report.found:
            print(f"  {sentence}", flush=True)
        failed += bool(report.found)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
