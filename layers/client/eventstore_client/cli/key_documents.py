"""The document of API keys that a hub with `AUTH=key` reads (docs/security.md): its rules, and changes of its file."""

from __future__ import annotations

import json
import re
import secrets
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from eventstore_client.cli.own_files import replace_file
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["SCOPES", "check_entries", "entry_of", "new_key", "read_entries", "write_entries"]

SCOPES = ("publish", "read", "subscribe", "admin")
"""The scopes of keys and tokens."""

_KEY_PREFIX = "fes_"
"""Lets scanners for secrets recognise a leaked key."""

_BYTES = 32
_MEMBERS = {"id", "sha256", "scopes", "tenants", "streams", "expires"}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMES = {"tenants": re.compile(r"[A-Za-z0-9._~-]{1,199}"), "streams": re.compile(r"[A-Za-z0-9._:~-]{1,200}")}
_MOST_ID_BYTES, _MOST_NAMES, _MOST_CHARACTERS = 256, 50, 4096


def new_key() -> str:
    """Return a key of 256 random bits."""
    return _KEY_PREFIX + secrets.token_urlsafe(_BYTES)


def entry_of(key: str, name: str, **members: object) -> Mapping[str, Any]:
    """Return the entry of a key, which has its hash.

    Args:
        key: The key.
        name: Its name in logs.
        **members: The scopes and limits; None leaves one out.
    """
    limits = {member: value for member, value in members.items() if value is not None}
    return {"id": name, "sha256": sha256(key.encode()).hexdigest(), **limits}


def read_entries(path: Path) -> Sequence[Mapping[str, Any]]:
    """Return the entries of a document; none if the file does not exist.

    Raises:
        BadInput: The file cannot be read, or the hub would not accept it.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInput([f"{path}: cannot be read: {error.strerror}"]) from error
    except ValueError as error:
        raise BadInput([f"{path}: is not JSON: {error}"]) from error
    if not isinstance(content, dict) or not isinstance(content.get("keys"), list):
        raise BadInput([f'{path}: must be {{"keys": […]}}'])
    entries: Sequence[Mapping[str, Any]] = content["keys"]
    try:
        check_entries(entries)
    except ValueError as error:
        raise BadInput([f"{path}: {error}"]) from error
    return entries


def write_entries(path: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Replace the document as a whole; see `replace_file`.

    Raises:
        BadInput: The file cannot be written.
    """
    replace_file(path, json.dumps({"keys": [*entries]}, indent=2) + "\n")


def check_entries(entries: Sequence[Any]) -> None:
    """Check what the hub requires of a document.

    Raises:
        ValueError: An entry is invalid; the message names it by its id, and quotes nothing else.
    """
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise ValueError(f"keys[{number}] must be an object")  # noqa: TRY004 - an error of the document
        if reason := _fault(entry):
            raise ValueError(f"keys[{number}], {str(entry.get('id'))[:80]!r}: {reason}")
    for member in ("id", "sha256"):
        if len({entry[member] for entry in entries}) < len(entries):
            raise ValueError(f"two keys have the same {member}")


def _fault(entry: Mapping[str, Any]) -> str:
    """Return why an entry is invalid; empty if it is not."""
    if unknown := sorted(entry.keys() - _MEMBERS):
        return f"unknown member {unknown[0][:80]!r}; members are {', '.join(sorted(_MEMBERS))}"
    name, scopes = entry.get("id"), entry.get("scopes", [])
    if not isinstance(name, str) or not 0 < len(name.encode(errors="surrogatepass")) <= _MOST_ID_BYTES:
        return f"the id must be a text of 1 to {_MOST_ID_BYTES} bytes"
    if not isinstance(entry.get("sha256"), str) or not _DIGEST.fullmatch(entry["sha256"]):
        return "sha256 must be 64 lower-case hexadecimal digits"
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        return "scopes must be a list of names"
    return _fault_of_limits(entry)


def _fault_of_limits(entry: Mapping[str, Any]) -> str:
    names: set[str] = set()
    for member, rule in _NAMES.items():
        values = entry.get(member, [])
        if not isinstance(values, list):
            return f"{member} must be a list"
        if not all(isinstance(value, str) and rule.fullmatch(value) for value in values):
            return f"{member} must have names of letters, digits and . _ ~ -" + (
                " and :" if member == "streams" else ""
            )
        # A tenant is the prefix of its streams, which ends in a colon. A name that is repeated counts once.
        names |= {f"{value}:" if member == "tenants" else value for value in values}
    if len(names) > _MOST_NAMES or sum(map(len, names)) > _MOST_CHARACTERS:
        return f"tenants and streams must have at most {_MOST_NAMES} names and {_MOST_CHARACTERS} characters"
    if "expires" not in entry:
        return ""
    try:
        has_zone = datetime.fromisoformat(str(entry["expires"])).tzinfo is not None
    except ValueError:
        has_zone = False
    return "" if has_zone else "expires must be a time with a zone, such as 2027-01-01T00:00:00Z"
