"""The JavaScript module for pages, which every hub serves in the version that fits it."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from functions.rest import responses
from functions.rest.conditions import is_current

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.rest.responses import Answer

__all__ = ["client_module"]

_FILE = Path(__file__).parent / "javascript/eventstore.js"

_MAX_AGE = 300
"""Seconds for which a browser uses the module without asking: pages that load it are many, and its versions few."""


class _Module(NamedTuple):
    """The text of the module, and its entity tag."""

    text: str
    tag: str


def client_module(headers: Mapping[str, str]) -> Answer:
    """Return the module, or 304 if the reader has it.

    Args:
        headers: The request's.
    """
    module = _module()
    caching = {"ETag": module.tag, "Cache-Control": f"public, max-age={_MAX_AGE}"}
    if is_current(headers, module.tag):
        return responses.empty(304, headers=caching)
    return responses.script(module.text, headers=caching)


@cache
def _module() -> _Module:
    content = _FILE.read_bytes()
    return _Module(content.decode(), f'"{sha256(content).hexdigest()[:32]}"')
