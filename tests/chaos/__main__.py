"""`python -m tests.chaos --seeds 30 --steps 20000`: runs the simulation, and says what it did and what it saw."""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from tests.chaos import mutants
from tests.chaos.figures import Figures, write
from tests.chaos.simulation import NAMES, Outcome
from tests.chaos.stores import run_alone


def main() -> int:
    given = _arguments()
    if given.mutants is not None:
        return mutants.main(given.mutants, seeds=given.seeds, steps=given.steps)
    figures = Figures()
    seeds = range(given.seed, given.seed + given.seeds)
    run_seed = partial(run_alone, steps=given.steps, without=given.without, about=given.about, lines=given.lines)
    with ProcessPoolExecutor(min(given.jobs, given.seeds), mp_context=get_context("spawn")) as pool:
        began = time.monotonic()
        for outcome in pool.map(run_seed, seeds):
            figures.add(outcome)
            _print_outcome(outcome, time.monotonic() - began)
    print("\n".join(figures.lines()))
    if given.write:
        write(figures)
    rare = figures.rare() if given.seeds * given.steps >= _FULL else []
    for name in rare:
        print(f"too seldom to have shown anything: {name}")
    return int(bool(figures.violations or rare))


_FULL = 500_000
"""Steps of a soak after which everything must have been done."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many runs, each with the next seed")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("CHAOS_SEED", "1")), help="the first one")
    parser.add_argument("--steps", type=int, default=int(os.environ.get("CHAOS_STEPS", "20000")))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many runs at a time")
    parser.add_argument("--write", action="store_true", help="write the figures into docs/guarantees.md")
    parser.add_argument("--mutants", nargs="*", metavar="NAME", help="put old faults back, and say what catches each")
    parser.add_argument("--lines", type=int, default=40, help="of the trace, where a rule was broken")
    parser.add_argument("--about", action="append", default=[], help="which lines: those that have the word")
    parser.add_argument(
        "--without", action="append", default=[], choices=NAMES, metavar="NAME", help="leave an operation or fault out"
    )
    return parser.parse_args()


def _print_outcome(outcome: Outcome, seconds: float) -> None:
    print(
        f"seed {outcome.seed}: {outcome.step} steps, trace {outcome.digest}, {seconds:.0f} s since the start",
        flush=True,
    )
    if outcome.rule:
        print("\n".join(outcome.trace))
        print(f"CHAOS_SEED={outcome.seed}, step {outcome.step}: {outcome.rule}: {outcome.detail}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
