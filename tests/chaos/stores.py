"""Runs with a store of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_hosting.valkey import ValkeyServer
from tests.chaos.simulation import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["OPTIONS", "run_alone"]

OPTIONS = {"hash-seed": "chaos"}
"""Hashes have the same order in every run."""


def run_alone(
    seed: int, *, steps: int, without: Collection[str] = (), about: Collection[str] = (), lines: int = 40
) -> Outcome:
    """One run, on a store that nobody else uses."""
    with ValkeyServer.start(options=OPTIONS) as server:
        return run(seed, steps, server.url, without=without, about=about, lines=lines)
