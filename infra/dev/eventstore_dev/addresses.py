"""Where functions find here what they would ask AWS for.

Rules: AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(slots=True)
class Addresses:
    """What is known only once the stack listens; complete before the first process starts.

    A template is read as it would be deployed: in it, things have the URLs that AWS would give them. A process gets
    the URL of here in their place, wherever they stand in the value of a variable.

    Attributes:
        stack: Where the stack listens.
        moved: The URL of here, for a URL as AWS gives it; or the beginning of one, for the beginning of the other.
    """

    stack: str = ""
    moved: dict[str, str] = field(default_factory=dict)

    @property
    def elsewhere(self) -> str:
        """Where other services of AWS are, if the developer's own environment names another place than this stack."""
        named = os.environ.get("AWS_ENDPOINT_URL", "")
        return "" if _same(named, self.stack) else named

    def variables(self) -> dict[str, str]:
        """What makes every AWS client call here, or where the developer's own environment has one service."""
        named = {name: value for name, value in os.environ.items() if name.startswith("AWS_ENDPOINT_URL_") and value}
        return {
            **named,
            "AWS_ENDPOINT_URL": self.elsewhere or self.stack,
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": self.stack,
        }

    def translated(self, value: str) -> str:
        """A variable's value, with the URLs of here."""
        if not self.moved:
            return value
        # The longest first: a queue's URL may begin another's.
        known = "|".join(map(re.escape, sorted(self.moved, key=len, reverse=True)))
        return re.sub(known, lambda found: self.moved[found[0]], value)


def _same(one: str, other: str) -> bool:
    first, second = urlsplit(one), urlsplit(other)
    both_here = {first.hostname, second.hostname} <= _LOOPBACK
    return (both_here or first.hostname == second.hostname) and first.port == second.port
