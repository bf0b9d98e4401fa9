"""The commands of `eventstore` that query events: get, read and search. Each returns the lines to print."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, cast

from eventstore_client.cli.event_output import one_line
from eventstore_client.cli.outputs import printing, say
from eventstore_client.cli.records import array_of
from eventstore_client.cli.styles import style_of
from eventstore_client.cli.timeline import live_table, timeline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from eventstore_client.hub import EventStore
    from eventstore_client.losses import Loss
    from eventstore_client.recorded import Recorded
    from eventstore_client.searches import Selection

__all__ = ["RUNNERS", "selection_of"]

_PAGE = 500
_SELECTION = (
    *("type", "source", "subject", "workflowid", "executionid", "tenantid"),
    *("since", "until", "filter", "filter_name"),
)
"""The options of a search that select events; one that is not set is None."""


def _get(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    event = store.get(options.event, source=options.source, stream=options.stream)
    return live_table([event], style=style_of(sys.stdout)) if options.output == "table" else [one_line(event.text)]


def _read(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    events = store.read(options.stream, start=options.start, on_loss=_report_loss)
    return timeline(events, style=style_of(sys.stdout)) if options.output == "table" else _texts(events, options.output)


def _search(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    selection = selection_of(options)
    page = _PAGE if options.count is None else min(_PAGE, options.count)
    found = store.search(
        stream=options.stream,
        order=options.order,
        page=page,
        on_loss=_report_loss,
        **selection,
    )
    events = islice(found, options.count)
    return (
        live_table(events, style=style_of(sys.stdout)) if options.output == "table" else _texts(events, options.output)
    )


def selection_of(options: argparse.Namespace) -> Selection:
    """Return the events that the options of a search select; their streams are `options.stream`."""
    return cast("Selection", {name: getattr(options, name) for name in _SELECTION})


def _texts(events: Iterable[Recorded], output: str) -> Iterator[str]:
    """Iterate over the events as NDJSON, or as one JSON array; each event keeps its text."""
    texts = (one_line(event.text) for event in events)
    yield from texts if output == "ndjson" else array_of(texts)


def _report_loss(loss: Loss) -> None:
    say(str(loss))


RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {
    "get": printing(_get),
    "read": printing(_read),
    "search": printing(_search),
}
