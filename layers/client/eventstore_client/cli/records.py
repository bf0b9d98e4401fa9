"""What the hub describes, such as streams, as JSON, NDJSON or a table. Each function returns the lines to print."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eventstore_client.cli.widths import escaped, padded, printable, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["array_of", "compact", "details", "records", "table"]


def records(found: Iterable[Mapping[str, Any]], columns: Sequence[str], *, output: str) -> Iterator[str]:
    """Iterate over the lines of a list.

    Args:
        found: The records as the hub sent them.
        columns: The members that a table shows.
        output: `json` for one array, `ndjson` for a line per record, or `table`.
    """
    if output == "table":
        yield from table([[record.get(column) for column in columns] for record in found], columns)
    elif output == "ndjson":
        yield from map(compact, found)
    else:
        yield from array_of(map(compact, found))


def array_of(texts: Iterable[str]) -> Iterator[str]:
    """Iterate over the lines of a JSON array.

    Args:
        texts: The JSON texts of its items, each in one line.
    """
    start = "["
    for text in texts:
        yield start + text
        start = ","
    yield "]" if start == "," else "[]"


def details(record: Mapping[str, Any], *, output: str, texts: Mapping[str, str] | None = None) -> Iterator[str]:
    """Iterate over the lines of one record.

    Args:
        record: The record as the hub sent it.
        output: `json` for several lines, `ndjson` for one line, or `table` for a line per member, and a table for each
            member that is a list of objects.
        texts: Members whose JSON text is printed as it is.
    """
    if output == "table":
        yield from _lines({**record, **(texts or {})})
        return
    rest = {name: value for name, value in record.items() if name not in (texts or {})}
    encoded = json.dumps(rest, indent=2, ensure_ascii=False) if output == "json" else compact(rest)
    separator = ",\n  " if output == "json" else ","
    for name, text in (texts or {}).items():
        body = encoded.removesuffix("}").rstrip()
        encoded = f"{body}{separator}{json.dumps(name)}: {text}" + ("\n}" if output == "json" else "}")
    # `splitlines` would also split at characters that JSON has within strings, such as U+2028.
    yield from map(escaped, encoded.split("\n"))


def table(rows: Sequence[Sequence[Any]], columns: Sequence[str]) -> Iterator[str]:
    """Iterate over the lines of a table whose columns are as wide as their cells.

    Args:
        rows: The cells of each row.
        columns: The heads of the columns.
    """
    cells = [[*map(printable, columns)], *([_cell(value) for value in row] for row in rows)]
    widths = [max(width_of(row[number]) for row in cells) for number in range(len(columns))]
    for number, row in enumerate(cells):
        yield "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        if number == 0:
            yield "  ".join("─" * width for width in widths)


def _lines(record: Mapping[str, Any]) -> Iterator[str]:
    tables = {name: value for name, value in record.items() if _is_table(value)}
    members = {name: value for name, value in record.items() if name not in tables}
    width = max(map(len, members), default=0)
    for name, value in members.items():
        yield f"{printable(name).ljust(width)}  {_cell(value)}".rstrip()
    for name, rows in tables.items():
        columns = [*dict.fromkeys(column for row in rows for column in row)]
        yield ""
        yield f"{printable(name)}:"
        yield from table([[row.get(column) for column in columns] for row in rows], columns)


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _cell(value: Any) -> str:  # noqa: ANN401 - any JSON value
    match value:
        case None:
            return ""
        case str():
            return printable(value)
        case [*items] if items and all(isinstance(item, str | int) for item in items):
            return ", ".join(map(_cell, items))
        case {} | []:
            return "" if not value else compact(value)
        case _:
            return compact(value)


def compact(value: object) -> str:
    """Return a value as JSON in one line."""
    return escaped(json.dumps(value, separators=(",", ":"), ensure_ascii=False))
