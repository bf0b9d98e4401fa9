"""The commands `eventstore keys`, and their help texts: API keys in the file that a hub with `AUTH=key` reads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventstore_client.cli.definitions import done
from eventstore_client.cli.key_documents import SCOPES, check_entries, entry_of, new_key, read_entries, write_entries
from eventstore_client.cli.outputs import print_lines, say
from eventstore_client.cli.own_files import locked_folder
from eventstore_client.cli.parsers import add_command, add_group, suggestion
from eventstore_client.cli.records import compact, details, records
from eventstore_client.cli.shared_arguments import add_output
from eventstore_client.cli.values import time_with_zone
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore_client.cli.parsers import Commands, Parser

__all__ = ["BUILDERS", "RUNNERS"]

_COLUMNS = ("id", "scopes", "tenants", "streams", "expires")


def _add_keys(commands: Commands, local: Parser) -> None:
    actions = add_group(commands, "keys", "create, list and remove API keys in the file that a hub reads")
    create = add_command(actions, local, "create", "create an API key, and its entry for the hub's file of keys")
    create.epilog = "The key is printed once, and is not stored: the entry has its hash. Give the key to its user."
    create.add_argument("name", type=_non_empty, metavar="NAME", help="its name in logs, such as billing-2026")
    create.add_argument(
        "--scopes", type=_scopes, required=True, metavar="A,B", help=f"its scopes, of {', '.join(SCOPES)}"
    )
    create.add_argument("--tenants", type=_list, metavar="A,B", help="allow only these tenants: streams TENANT:…")
    create.add_argument("--streams", type=_list, metavar="A,B", help="allow only streams whose names start with these")
    create.add_argument(
        "--expires", type=_time, metavar="TIME", help="when it expires, such as 2027-01-01T00:00:00Z (default: never)"
    )
    create.add_argument(
        "--into", type=_file, metavar="FILE", help="the file to add the entry to; created if it does not exist"
    )
    add_output(create, default=None, without="the entry as JSON, and the key on standard error")

    listing = add_command(actions, local, "list", "print the keys of a file, without their hashes")
    listing.add_argument("file", type=_file, metavar="FILE", help="the file of keys")
    add_output(listing)

    remove = add_command(actions, local, "remove", "remove a key from a file")
    remove.add_argument("name", metavar="NAME", help="the name of the key")
    remove.add_argument("file", type=_file, metavar="FILE", help="the file of keys")
    add_output(remove)


def _run(options: argparse.Namespace) -> int:
    """Run a command, and return its exit code."""
    match options.action:
        case "create":
            _create(options)
        case "list":
            entries = _existing(options.file)
            rows = [{name: value for name, value in entry.items() if name != "sha256"} for entry in entries]
            print_lines(records(rows, _COLUMNS, output=options.output))
        case _:
            _remove(options)
            print_lines(done(options, id=options.name, removed=True))
    return 0


def _create(options: argparse.Namespace) -> None:
    key = new_key()
    limits = {name: getattr(options, name) for name in ("scopes", "tenants", "streams", "expires")}
    entry = entry_of(key, options.name, **limits)
    if options.into:
        with locked_folder(options.into.resolve().parent):
            before = read_entries(options.into)
            _check([*before, entry], f"{options.into}: ")
            write_entries(options.into, [*before, entry])
    else:
        _check([entry], "")
    if options.output is None:
        say(f"the key, which is not shown again: {key}")
        print_lines([compact(entry)])
    else:
        print_lines(details({"key": key, "entry": entry}, output=options.output))


def _remove(options: argparse.Namespace) -> None:
    _existing(options.file)
    with locked_folder(options.file.resolve().parent):
        entries = _existing(options.file)
        rest = [entry for entry in entries if entry["id"] != options.name]
        if len(rest) == len(entries):
            hint = suggestion(options.name, [str(entry["id"]) for entry in entries])
            raise BadInput([f"{options.file}: has no key {options.name!r}{hint}"])
        write_entries(options.file, rest)


def _check(entries: Sequence[Mapping[str, Any]], place: str) -> None:
    try:
        check_entries(entries)
    except ValueError as error:
        raise BadInput([f"{place}{error}"]) from error


def _existing(path: Path) -> list[dict[str, object]]:
    if not path.exists():
        raise BadInput([f"{path}: does not exist; `eventstore keys create NAME --scopes A,B --into {path}` makes it"])
    return [dict(entry) for entry in read_entries(path)]


def _non_empty(text: str) -> str:
    """Return the value of an option unless it is empty: an empty variable of a shell must not remove a limit."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty; set a value, or omit the option")
    return text.strip()


def _list(text: str) -> list[str]:
    parts = [part.strip() for part in _non_empty(text).split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r} contains an empty name; separate names with single commas")
    return parts


def _scopes(text: str) -> list[str]:
    scopes = _list(text)
    for scope in scopes:
        if scope not in SCOPES:
            known = ", ".join(SCOPES)
            raise argparse.ArgumentTypeError(f"unknown scope {scope!r}{suggestion(scope, SCOPES)} (scopes: {known})")
    return scopes


def _time(text: str) -> str:
    time_with_zone(_non_empty(text))
    return text.strip()


def _file(text: str) -> Path:
    return Path(_non_empty(text))


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"keys": _add_keys}
"""Each adds a command, with the options that local commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace], int]] = {"keys": _run}
