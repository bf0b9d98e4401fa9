"""`python -m tests.chaos --seeds 30 --steps 20000`: runs the simulation, and says what it saw."""

from __future__ import annotations

import argparse
import os
import sys
import time

from eventstore_dev.valkey import ValkeyServer
from tests.chaos.simulation import run

_OPTIONS = {"hash-seed": "chaos"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CHAOS_SEED", "1")))
    parser.add_argument("--steps", type=int, default=int(os.environ.get("CHAOS_STEPS", "20000")))
    parser.add_argument("--lines", type=int, default=60)
    parser.add_argument("--about", action="append", default=[])
    parser.add_argument("--without", action="append", default=[])
    given = parser.parse_args()
    failed = 0
    with ValkeyServer.start(options=_OPTIONS) as server:
        for seed in range(given.seed, given.seed + given.seeds):
            began = time.monotonic()
            outcome = run(seed, given.steps, server.url, without=given.without)
            took = time.monotonic() - began
            print(f"seed {seed}: {outcome.step} steps in {took:.1f} s")
            if outcome.violation:
                failed += 1
                print("\n".join(outcome.world.lines_about(outcome.violation, *given.about, most=given.lines)))
                print(f"CHAOS_SEED={seed}, step {outcome.step}: {outcome.violation}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
