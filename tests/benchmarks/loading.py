"""Real histories through the loader and the local stack: once, and again."""

from __future__ import annotations

import json
import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore_client import EventStore
from eventstore_client.cli.loader import check, load
from eventstore_client.cli.sources import Fault, Item, Source
from eventstore_hosting.valkey import ValkeyServer
from tests.benchmarks.hub import running_hub
from tests.benchmarks.measure import Aim, Figure, NotMeasured, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["figures"]

_PUBLISHERS = (1, 8)


def figures() -> Iterator[Figure | NotMeasured]:
    """The rates, and how many of the events are then read back once and in order."""
    files = sorted(_histories().glob("*.json"))
    if not files:
        yield NotMeasured("Loading Temporal histories", "no material here; EVENTSTORE_MATERIAL names its folder")
        return
    sources = [Source(path=file) for file in files]
    check(sources)
    items = [item for item in chain.from_iterable(source.items() for source in sources) if not isinstance(item, Fault)]
    for publishers in _PUBLISHERS:
        who = f"{publishers} publisher{'s' if publishers > 1 else ''}"
        with ValkeyServer.start(persistent=True) as server, running_hub(server.url) as url, EventStore(url) as store:
            first = load(items, store, publishers=publishers)
            again = load(items, store, publishers=publishers)
            if (first.new, again.duplicates) != (len(items), len(items)):
                raise AssertionError(f"{len(items)} events: {first.new} new, then {again.duplicates} duplicates")
            read_back = _found(items, store)
        what = f"{len(items):,} events of {len(files)} Temporal histories, {who}"
        yield Figure(f"{what}: loaded", first.events / first.seconds, Unit.RATE)
        yield Figure(f"{what}: loaded again, all duplicates", again.events / again.seconds, Unit.RATE)
        yield Figure(f"{what}: read back once, in order", 100 * read_back / len(items), Unit.PERCENT, Aim("≥", 100))


def _found(items: Sequence[Item], store: EventStore) -> int:
    """How many events stand where they belong: each stream holds its own, all of them, in order, and nothing else."""
    published: dict[str, list[tuple[str, str]]] = {}
    for item in items:
        event = json.loads(item.text)
        published.setdefault(item.stream, []).append((event["source"], event["id"]))
    read_back = 0
    for stream, events in published.items():
        read = [(event["source"], event["id"]) for event in map(json.loads, (e.text for e in store.read(stream)))]
        read_back += sum(map(tuple.__eq__, read, events)) - max(0, len(read) - len(events))
    return read_back


def _histories() -> Path:
    material = os.environ.get("EVENTSTORE_MATERIAL", Path(__file__).parents[3] / "shared" / "material")
    return Path(material) / "workflows" / "temporal"
