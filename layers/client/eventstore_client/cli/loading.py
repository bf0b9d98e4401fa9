"""The commands of `eventstore` that publish many events: load, import and demo."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from eventstore_client.cli.demo import items as demo_items
from eventstore_client.cli.demo import runs
from eventstore_client.cli.event_output import one_line
from eventstore_client.cli.files import is_regular, read_failure, standard_input
from eventstore_client.cli.loader import check, load
from eventstore_client.cli.outputs import print_lines, say, say_line
from eventstore_client.cli.progress import Progress
from eventstore_client.cli.records import array_of, details
from eventstore_client.cli.sources import Source, spooled
from eventstore_client.cli.styles import style_of
from eventstore_client.cli.timeline import timeline
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from eventstore_client.cli.demo import Run
    from eventstore_client.cli.sources import Fault, Item
    from eventstore_client.hub import EventStore
    from eventstore_client.summary import Summary

__all__ = ["RUNNERS"]


def _load(options: argparse.Namespace, store: EventStore) -> None:
    with ExitStack() as stack:
        sources = list(_sources(options.files, stack, stream=options.stream))
        _load_sources(sources, options, store)


def _import(options: argparse.Namespace, store: EventStore) -> None:
    with ExitStack() as stack:
        _load_sources(list(_sources(options.files, stack, is_export=True)), options, store)


def _load_sources(sources: Sequence[Source], options: argparse.Namespace, store: EventStore) -> None:
    total = check(sources, note=say)
    items = chain.from_iterable(source.items() for source in sources)
    summary = _load_items(items, total, options, store)
    if options.output is None:
        say_line(str(summary))
    else:
        print_lines(details({"events": summary.events, **asdict(summary)}, output=options.output))


def _demo(options: argparse.Namespace, store: EventStore) -> None:
    demo_runs = runs(options.runs, seed=options.seed, start=options.start)
    total = sum(len(run.events) for run in demo_runs)
    say_line(str(_load_items(demo_items(demo_runs), total, options, store)))
    stream = _richest_run(demo_runs).stream
    if options.output == "table":
        print_lines([f"\n{stream}, read back in order:\n"])
        print_lines(timeline(store.read(stream), style=style_of(sys.stdout)))
    else:
        texts = (one_line(event.text) for event in store.read(stream))
        print_lines(texts if options.output == "ndjson" else array_of(texts))


def _load_items(items: Iterable[Item | Fault], total: int, options: argparse.Namespace, store: EventStore) -> Summary:
    if sys.stderr is None:
        return load(items, store, publishers=options.publishers)
    progress = Progress(total, out=sys.stderr)
    try:
        return load(items, store, publishers=options.publishers, progress=progress)
    finally:
        progress.close()


def _sources(
    files: Sequence[str], stack: ExitStack, *, stream: str | None = None, is_export: bool = False
) -> Iterator[Source]:
    for name in files:
        path = Path(name)
        if name == "-":
            yield stack.enter_context(
                spooled(standard_input(sys.stdin), name="standard input", into=stream, is_export=is_export)
            )
        elif is_regular(path):
            yield Source(path=path, stream=stream, is_export=is_export)
        else:
            # A pipe can be read only once, and the loader reads its sources twice, to check and to load them.
            try:
                pipe = cast("BinaryIO", stack.enter_context(path.open("rb")))
            except OSError as error:
                raise BadInput([f"{name}: {read_failure(error)}"]) from error
            yield stack.enter_context(spooled(pipe, name=name, into=stream, is_export=is_export))


def _richest_run(demo_runs: Sequence[Run]) -> Run:
    """Return the run with the most kinds of events: a timer, a retry and a completed workflow, if there is one."""
    types = {f"io.flunq.{name}" for name in ("task.retried", "timer.fired", "workflow.completed")}
    return max(demo_runs, key=lambda run: len(run.types() & types))


RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {
    "demo": _demo,
    "import": _import,
    "load": _load,
}
