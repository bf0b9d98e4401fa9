"""`python -m functions.authorizer.key`: makes an API key, and the entry by which the authorizer knows it."""

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
"""So that a key is known for one where it should not be: scanners for secrets go by such a start."""

_BYTES = 32


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a new key to standard error, once, and its entry to standard output.

    Returns:
        0; 2 if an argument is wrong, of which nothing comes.
    """
    try:
        told = _parser().parse_args(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    key = _PREFIX + secrets.token_urlsafe(_BYTES)
    document = told.into
    entry = {"id": told.id, "sha256": digest_of(key), "scopes": told.scopes}
    # What is not given is no limit; what is given and says nothing is no less than an error (`_given`).
    limits = {"tenants": told.tenants, "streams": told.streams, "expires": told.expires}
    entry |= {name: value for name, value in limits.items() if value is not None}
    # The authorizer's own rules, so that what is made is taken.
    try:
        found = json.loads(document.read_text()) if document and document.exists() else {"keys": []}
        entries_of(json.dumps(found))
        found["keys"].append(entry)
        entries_of(json.dumps(found))
    except ValueError as error:
        print(f"key: {error}", file=sys.stderr)
        return 2
    if document:
        document.write_text(json.dumps(found, indent=2) + "\n")
    print(f"The key, which is shown this once: {key}", file=sys.stderr)
    print(json.dumps(entry))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m functions.authorizer.key",
        description="Makes an API key. The entry goes into the list `keys` of the secret that API_KEYS_SECRET names; "
        "the key goes to whom it is for, and is kept nowhere.",
    )
    scopes = ", ".join(Scope)
    parser.add_argument("id", type=_given, help="what it is called in logs, such as billing-2026")
    parser.add_argument("--scopes", type=_scopes, required=True, metavar="A,B", help=f"what it may do: {scopes}")
    parser.add_argument("--tenants", type=_list, metavar="A,B", help="of these tenants alone: streams of TENANT:…")
    parser.add_argument("--streams", type=_list, metavar="A,B", help="of streams alone whose names start so")
    parser.add_argument(
        "--expires", type=_given, metavar="TIME", help="until then, such as 2027-01-01T00:00:00Z; without it, always"
    )
    parser.add_argument(
        "--into", type=_file, metavar="FILE", help="the document that the entry is added to, or that is begun with it"
    )
    return parser


def _given(text: str) -> str:
    """What stands behind an option, if anything does: a variable that is empty must not become no limit at all."""
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty; give it a value, or leave the option out")
    return text.strip()


def _list(text: str) -> list[str]:
    parts = [part.strip() for part in _given(text).split(",")]
    if not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty part; separate names by one comma each")
    return parts


def _scopes(text: str) -> list[str]:
    scopes = _list(text)
    if unknown := sorted(set(scopes) - set(Scope)):
        raise argparse.ArgumentTypeError(f"there is no scope {unknown[0]!r}; there are {', '.join(Scope)}")
    return scopes


def _file(text: str) -> Path:
    return Path(_given(text))


if __name__ == "__main__":
    sys.exit(main())
