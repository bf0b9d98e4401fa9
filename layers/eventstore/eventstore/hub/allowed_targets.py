"""The targets that a deployment lets durable subscriptions have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from eventstore.subscriptions import Target

__all__ = ["AllowedTargets"]

_ANY = "*"
_KINDS = ("lambda", "sqs", "http", "eventbridge")


@dataclass(frozen=True, slots=True)
class AllowedTargets:
    """Patterns of targets: those that one of them matches are allowed.

    Attributes:
        patterns: `*` for all targets, or `kind:pattern`. The pattern is compared with the whole address as it was
            given; for `http`, with the host of the URL. A `*` at its end stands for any characters, elsewhere for any
            but `:` and `/`.
    """

    patterns: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> AllowedTargets:
        """Read patterns that are separated by commas; raise `SettingsError` if one is invalid."""
        patterns = tuple(part.strip() for part in text.split(",") if part.strip())
        for pattern in patterns:
            kind, _, rest = pattern.partition(":")
            if pattern != _ANY and (kind not in _KINDS or not rest):
                raise SettingsError(
                    f"TARGETS has {pattern[:80]!r}; it takes patterns such as lambda:flunq-* or http:*.example.com "
                    f"of the kinds {', '.join(_KINDS)}, separated by commas, or *"
                )
        return cls(patterns)

    def allows(self, target: Target) -> bool:
        """Whether durable subscriptions may have the target."""
        compared = (urlsplit(target.address).hostname or "") if target.kind == "http" else target.address
        return any(pattern == _ANY or _matches(pattern, target.kind, compared) for pattern in self.patterns)


def _matches(pattern: str, kind: str, compared: str) -> bool:
    wanted, _, rest = pattern.partition(":")
    if wanted != kind:
        return False
    if kind == "http":
        rest = rest.lower()
    # An asterisk within an ARN or a URL must not reach into another account, region or host.
    beginning, ending = (rest[:-1], ".*") if rest.endswith("*") else (rest, "")
    expression = "[^:/]*".join(map(re.escape, beginning.split("*"))) + ending
    return re.fullmatch(expression, compared) is not None
