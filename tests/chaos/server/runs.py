"""Runs of seeds, each on instances, a Valkey and perhaps a journal of its own."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from tests.chaos.server.scenario import run
from tests.chaos.server.servers import ChaosJournal, chaos_servers
from tests.ports import ReservedPort
from tests.transcripts.checker import OWNERS_AND_ATTEMPTS, violations
from tests.transcripts.recording import written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.chaos.server.scenario import Outcome
    from tests.chaos.server.servers import ChaosServers

__all__ = ["Report", "reported"]

_PATIENCE = 150.0

_MOST = 5


class Report:
    """What a run has shown.

    Attributes:
        outcome: What was recorded.
        found: What is wrong, as sentences; empty if nothing is.
        kills: How many instances were ended.
        pauses: How many hung for a while.
        losses: What happened to the store and to the servers of the journal, with one.
    """

    def __init__(self, outcome: Outcome, hub: ChaosServers) -> None:
        self.outcome = outcome
        self.kills = hub.kills
        self.pauses = hub.pauses
        self.losses = hub.losses if isinstance(hub, ChaosJournal) else ()
        # What a turn sent that was under way when the store was lost, the hub does not know (docs/backends.md).
        broken = violations(outcome.transcript, excused=OWNERS_AND_ATTEMPTS if isinstance(hub, ChaosJournal) else ())
        self.found: Sequence[str] = [
            *map(str, broken[:_MOST]),
            *([f"{len(broken)} violations in all"] if len(broken) > _MOST else []),
            *outcome.wrong[:_MOST],
            *([outcome.unfinished] if outcome.unfinished else []),
        ]


def reported(
    seed: int,
    *,
    seconds: float,
    folder: Path | None = None,
    patience: float = _PATIENCE,
    backend: str = "redis",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Report:
    """Run a seed, and check what was recorded.

    Args:
        seconds: How long publishing takes.
        folder: Where the transcript of a run that failed, and the logs of its instances, are kept; `None` for a
            temporary folder, which goes with the run.
        patience: Seconds that the run may take beside the time in which it publishes.
        backend: Where events are, of `BACKENDS`.
        environment: Variables of the instances.
    """
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        kept = folder or Path(temporary)
        store = Path(tempfile.mkdtemp(prefix="run-", dir=kept)) / "valkey"
        with chaos_servers(seed, store, backend, environment=environment) as hub, ReservedPort() as port:
            outcome = asyncio.run(run(hub, port, seed=seed, seconds=seconds, deadline=seconds + patience))
        report = Report(outcome, hub)
        if report.found:
            lines = "\n".join(written(outcome.transcript))
            (kept / "transcript.jsonl").write_text(lines, encoding="utf-8")
        return report
