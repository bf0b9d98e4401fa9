"""`python -m functions.authorizer.key`: creates an API key, and its entry in the document of keys."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eventstore.access import Scope
from functions.authorizer.keys import digest_of, entries_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_PREFIX = "fes_"
"""Lets scanners for secrets recognise a leaked key."""

_BYTES = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a new key to standard error and its entry to standard output.

    Returns:
        0; or 2 if an argument or the document is invalid, and nothing was created.
    """
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    key = _PREFIX + secrets.token_urlsafe(_BYTES)
    document = options.into
    entry = {"id": options.id, "sha256": digest_of(key), "scopes": options.scopes}
    # An absent option sets no limit; an empty one is an error (`_non_empty`).
    limits = {"tenants": options.tenants, "streams": options.streams, "expires": options.expires}
    entry |= {name: value for name, value in limits.items() if value is not None}
    # The authorizer's own parser, so that it accepts the result.
    try:
        content = json.loads(document.read_text()) if document and document.exists() else {"keys": []}
        entries_of(json.dumps(content))
        content["keys"].append(entry)
        entries_of(json.dumps(content))
    except ValueError as error:
        print(f"key: {error}", file=sys.stderr)
        return 2
    if document:
        document.write_text(json.dumps(content, indent=2) + "\n")
    print(f"The key, which is not shown again: {key}", file=sys.stderr)
    print(json.dumps(entry))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m functions.authorizer.key",
        description="Creates an API key. Add the entry to the list `keys` of the secret that API_KEYS_SECRET names, "
        "and give the key to its user: it is not stored.",
    )
    scopes = ", ".join(Scope)
    parser.add_argument("id", type=_non_empty, help="its name in logs, such as billing-2026")
    parser.add_argument("--scopes", type=_scopes, required=True, metavar="A,B", help=f"its scopes: {scopes}")
    parser.add_argument("--tenants", type=_list, metavar="A,B", help="allow only these tenants: streams TENANT:…")
    parser.add_argument("--streams", type=_list, metavar="A,B", help="allow only streams whose names start with these")
    parser.add_argument(
        "--expires",
        type=_non_empty,
        metavar="TIME",
        help="when it expires, such as 2027-01-01T00:00:00Z; never by default",
    )
    parser.add_argument(
        "--into", type=_file, metavar="FILE", help="the document to add the entry to; created if it does not exist"
    )
    return parser


def _non_empty(text: str) -> str:
    """Return the value of an option unless it is empty: an empty shell variable must not remove a limit."""
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
    if unknown := sorted(set(scopes) - set(Scope)):
        raise argparse.ArgumentTypeError(f"unknown scope {unknown[0]!r}; scopes are {', '.join(Scope)}")
    return scopes


def _file(text: str) -> Path:
    return Path(_non_empty(text))


if __name__ == "__main__":
    sys.exit(main())
