"""What the hub advises, in the words of the command line. The hub names the calls and the headers of its REST API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["in_commands"]

_WORDS: Mapping[str, str] = {
    "POST /api/v1/subscriptions": "`eventstore subscriptions create`",
    "PUT /api/v1/filters/{name}": "`eventstore filters put`",
    "PUT /api/v1/schemas/{type}": "`eventstore schemas put`",
    "GET /api/v1/dead-letters": "`eventstore dead-letters list`",
    "GET /api/v1/connections": "`eventstore connections list`",
    "exists with another definition; delete it, or choose another id": "exists with another definition; change it with "
    "`eventstore subscriptions change`, or choose another name",
    "remove the target": "remove the target with `eventstore subscriptions change --target none`",
    "GET it to see them": "`eventstore streams show` prints them",
    "GET it, then decide": "look at it with `show`, then decide",
    "If-Match must be * or a list of ETags": "--expected must be an etag, as `show` prints it",
    "If-Match and If-None-Match require": "--expected requires",
    "If-None-Match": "--new",
    "If-Match": "--expected",
    "the ETag was returned": "it was read",
    "?source= and ?stream=": "--source and --stream",
    "?stream=": "--stream",
}
"""What the hub says, and what the command line says in its place. Of two that begin the same, the longer is first."""

_SAID = re.compile("|".join(map(re.escape, _WORDS)))


def in_commands(text: str) -> str:
    """Return a detail of the hub with the commands and options for what it names. Other text stays as it is."""
    return _SAID.sub(lambda said: _WORDS[said[0]], text)
