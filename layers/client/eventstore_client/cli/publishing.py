"""The command `eventstore publish`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.cloudevents.json_text import decoded, elements, members
from eventstore.errors import Malformed
from eventstore_client.cli.files import read_failure, standard_input
from eventstore_client.cli.outputs import print_lines
from eventstore_client.cli.parsers import UsageError
from eventstore_client.cli.publishing_arguments import DEFAULT_SOURCE
from eventstore_client.cli.records import records
from eventstore_client.cli.shared_arguments import WORKFLOW_ATTRIBUTES
from eventstore_client.errors import BadInput
from eventstore_client.events import random_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from eventstore_client.hub import EventStore

__all__ = ["RUNNERS"]

_MEMBERS = {"specversion", "id", "source", "type", "subject", "data", "data_base64"}
"""The members of an event that `--attribute` does not set: other options do."""

_MOST_EVENTS = 1_000
_STORED_COLUMNS = ("stream", "sequence", "id", "duplicate")


def _publish(options: argparse.Namespace, store: EventStore) -> None:
    texts = _texts(options)
    if len(texts) > _MOST_EVENTS:
        raise BadInput(
            [f"{len(texts):,} events are more than the {_MOST_EVENTS:,} of a request; use `eventstore load`"]
        )
    stored = store.publish(texts, stream=options.stream, expected=options.expected)
    if options.output is None:
        print_lines(
            f"{place.stream}\t{place.sequence}\t{place.id}" + ("\tduplicate" if place.duplicate else "")
            for place in stored
        )
    else:
        print_lines(records(map(asdict, stored), _STORED_COLUMNS, output=options.output))


def _texts(options: argparse.Namespace) -> Sequence[str]:
    """Return the texts of the events that the options name."""
    if options.type is not None:
        return [_made(options)]
    for name in ("source", "id", "data", "subject", *WORKFLOW_ATTRIBUTES, "attribute"):
        if getattr(options, name):
            raise UsageError(
                f"--{name} belongs to --type, which makes an event; add it to the JSON of the event",
                usage="",
                program="eventstore publish",
            )
    if options.file is None and options.event != "-":
        return [_checked(options.event.encode(errors="surrogateescape"), "the event")]
    name = options.file or "standard input"
    try:
        content = Path(options.file).read_bytes() if options.file else standard_input(sys.stdin).read()
    except OSError as error:
        raise BadInput([f"{name}: {read_failure(error)}"]) from error
    if not content.strip():
        raise BadInput([f"{name} is empty: expected an event"])
    return _several(content, name)


def _several(content: bytes, name: str) -> Sequence[str]:
    """Return the texts of one event, of an array of events, or of the lines of NDJSON.

    Args:
        content: UTF-8, independently of the locale.
        name: Where it is from, for errors.
    """
    try:
        if content.lstrip().startswith(b"["):
            return [
                _checked(text.encode(), f"{name}, element {n}") for n, text in enumerate(elements(decoded(content)))
            ]
        try:
            return [_checked(content, name)]
        except BadInput:
            lines = [(number, line) for number, line in enumerate(content.splitlines(), 1) if line.strip()]
            # One event that is invalid is reported as it is, also if it has several lines.
            if len(lines) == 1 or not _is_object(lines[0][1]):
                raise
        return [_checked(line, f"{name}:{number}") for number, line in lines]
    except Malformed as error:
        raise BadInput([f"{name}: {error.detail}"]) from error


def _is_object(line: bytes) -> bool:
    try:
        members(decoded(line))
    except Malformed:
        return False
    return True


def _checked(content: bytes, name: str) -> str:
    try:
        text = decoded(content)
        members(text)
    except Malformed as error:
        raise BadInput([f"{name}: {error.detail}"]) from error
    return text


def _made(options: argparse.Namespace) -> str:
    """Return the text of the event that the options describe."""
    if options.id == "":
        raise UsageError("--id must not be empty", usage="", program="eventstore publish")
    event = {
        "specversion": "1.0",
        "id": options.id or random_id(),
        "source": options.source or DEFAULT_SOURCE,
        "type": options.type,
        "subject": options.subject,
        **{attribute: getattr(options, name) for name, attribute in WORKFLOW_ATTRIBUTES.items()},
    }
    for name, value in options.attribute:
        if name in _MEMBERS or event.get(name) is not None:
            raise UsageError(f"--attribute cannot set {name!r}", usage="", program="eventstore publish")
        event[name] = value
    text = json.dumps({name: value for name, value in event.items() if value is not None}, ensure_ascii=False)
    if options.data is None:
        return text
    # The data keep their text: numbers may be none of Python's.
    return f'{text[:-1]}, "datacontenttype": "application/json", "data": {options.data}}}'


RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {"publish": _publish}
