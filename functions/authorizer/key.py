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
    """Print a new key to standard error, once, and its entry to standard output."""
    told = _parser().parse_args(arguments)
    if unknown := sorted(set(told.scopes) - set(Scope)):
        print(f"key: there is no scope {unknown[0]!r}; there are {', '.join(Scope)}", file=sys.stderr)
        return 2
    key = _PREFIX + secrets.token_urlsafe(_BYTES)
    document = Path(told.into) if told.into else None
    entry = {"id": told.id, "sha256": digest_of(key), "scopes": told.scopes}
    entry |= {name: value for name in ("tenants", "streams", "expires") if (value := getattr(told, name))}
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
    parser.add_argument("id", help="what it is called in logs, such as billing-2026")
    parser.add_argument("--scopes", type=_list, required=True, metavar="A,B", help=f"what it may do: {scopes}")
    parser.add_argument("--tenants", type=_list, metavar="A,B", help="of these tenants alone: streams of TENANT:…")
    parser.add_argument("--streams", type=_list, metavar="A,B", help="of streams alone whose names start so")
    parser.add_argument(
        "--expires", metavar="TIME", help="until then, such as 2027-01-01T00:00:00Z; without it, always"
    )
    parser.add_argument(
        "--into", metavar="FILE", help="the document that the entry is added to, or that is begun with it"
    )
    return parser


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


if __name__ == "__main__":
    sys.exit(main())
