"""The commands `eventstore schemas`, and their help texts."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventstore_client.catalogue import resolve
from eventstore_client.cli.definitions import done
from eventstore_client.cli.files import read_failure, standard_input
from eventstore_client.cli.named_definitions import add_delete, add_list, add_put_condition, lines_of
from eventstore_client.cli.outputs import printing
from eventstore_client.cli.parsers import add_command, add_group
from eventstore_client.cli.records import records
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.errors import BadInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eventstore_client.cli.parsers import Commands, Parser
    from eventstore_client.hub import EventStore

__all__ = ["BUILDERS", "RUNNERS"]

_COLUMNS = ("type", "origin", "enforce", "version", "updated")


def _add_schemas(commands: Commands, common: Parser) -> None:
    actions = add_group(commands, "schemas", "list, show, store and delete the schemas of event types")
    add_list(actions, common, "print the types that have a schema, by name", things="types")

    show = add_command(
        actions, common, "show", "print the schema of a type: the stored one, else that of the catalogue"
    )
    _add_type(show, "the type, such as order.placed, or a short name of the catalogue")
    add_output(show, default="json", without="json")

    put = add_command(actions, common, "put", "store the schema of a type")
    _add_type(put, "the type, such as order.placed")
    put.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="a file with a JSON Schema; - for standard input (default: the schema of the catalogue)",
    )
    put.add_argument(
        "--enforce",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="refuse events of this type whose data do not match (default: as the stored schema does, else no)",
    )
    add_put_condition(put, exists="a schema is stored")
    add_output(put)

    _add_type(add_delete(actions, common, "delete the stored schema of a type"), "the type")


def _run(options: argparse.Namespace, store: EventStore) -> Iterable[str]:
    """Run a command, and return the lines to print."""
    match options.action:
        case "list":
            found = (schema.raw for schema in store.schemas.list(prefix=options.prefix))
            return records(found, _COLUMNS, output=options.output)
        case "show":
            shown = store.schemas.get(options.type)
        case "put":
            # A short name is that of a schema of the catalogue; with a schema, it is a type of the user's own.
            name = resolve(options.type) if options.file is None else options.type
            shown = store.schemas.put(
                name,
                None if options.file is None else _schema_of(options.file),
                enforce=_is_enforced(store, name) if options.enforce is None else options.enforce,
                expected=options.expected,
                new=options.new,
            )
        case _:
            store.schemas.delete(options.type, expected=options.expected)
            return done(options, type=options.type, deleted=True)
    return lines_of(shown, output=options.output)


def _is_enforced(store: EventStore, name: str) -> bool:
    try:
        return store.schemas.get(name).is_enforced
    except NotFound:
        return False


def _add_type(command: argparse.ArgumentParser, meaning: str) -> None:
    command.add_argument("type", metavar="TYPE", help=meaning)


def _schema_of(file: str) -> Mapping[str, Any]:
    name = "standard input" if file == "-" else file
    try:
        schema = json.loads(standard_input(sys.stdin).read() if file == "-" else Path(file).read_bytes())
    except OSError as error:
        raise BadInput([f"{name}: {read_failure(error)}"]) from error
    except ValueError as error:
        raise BadInput([f"{name}: is not JSON: {error}"]) from error
    if not isinstance(schema, dict):
        raise BadInput([f'{name}: a schema is a JSON object, such as {{"type": "object"}}'])
    return schema


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"schemas": _add_schemas}
"""Each adds a command, with the options that all commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace, EventStore], None]] = {"schemas": printing(_run)}
