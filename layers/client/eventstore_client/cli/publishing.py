"""The command `eventstore publish`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from eventstore.cloudevents.json_text import decoded, members
from eventstore.errors import Malformed
from eventstore_client.cli.files import read_failure, standard_input
from eventstore_client.cli.outputs import print_lines
from eventstore_client.cli.records import records
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from eventstore_client.hub import EventStore

__all__ = ["RUNNERS"]

_STORED_COLUMNS = ("stream", "sequence", "id", "duplicate")


def _publish(options: argparse.Namespace, store: EventStore) -> None:
    stored = store.publish([_event(options.event)], stream=options.stream, expected=options.expected)
    if options.output is None:
        print_lines(
            f"{place.stream}\t{place.sequence}\t{place.id}" + ("\tduplicate" if place.duplicate else "")
            for place in stored
        )
    else:
        print_lines(records(map(asdict, stored), _STORED_COLUMNS, output=options.output))


def _event(given: str) -> str:
    """Return the text of one event: the argument, or standard input as UTF-8, independently of the locale."""
    try:
        if given != "-":
            members(given)
            return decoded(given.encode(errors="surrogateescape"))
        content = standard_input(sys.stdin).read()
        if not content.strip():
            raise BadInput(["standard input is empty: expected an event"])
        text = decoded(content)
        members(text)
    except Malformed as error:
        raise BadInput([f"{'standard input' if given == '-' else 'the event'}: {error.detail}"]) from error
    except OSError as error:
        raise BadInput([f"standard input: {read_failure(error)}"]) from error
    return text


RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {"publish": _publish}
