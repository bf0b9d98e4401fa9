"""What a client shows so that a hub lets it in. No secret stands in a `repr`, an error or a log line."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

from eventstore_client.errors import NoCredentials
from eventstore_client.processes import Process

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ApiKey", "Bearer", "Credentials", "Kept", "Outgoing", "from_environment"]

_Value = TypeVar("_Value")

_Token: TypeAlias = str | Callable[[], str]

_TOKEN = re.compile(r"[A-Za-z0-9._~+/:-]+=*")
"""RFC 6750, 2.1; with the colon, which keys of some makers have."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is about to leave; a WebSocket's handshake is one, too."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Credentials(Protocol):
    """What a hub is shown."""

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:
        """The headers that let the request in.

        Args:
            request: What they are to let in; some are signed over it.
            anew: Not what was kept: it is old, or was refused.

        Raises:
            NoCredentials: There is nothing to show.
            ConnectFailed: Whoever gives it does not answer for now.
        """
        ...

    def __str__(self) -> str:
        """What it is, without telling it."""
        ...


class Kept(Generic[_Value]):
    """A value that is made when it is first wanted, by one thread for all of a process."""

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._process = Process()
        self._lock = threading.Lock()
        self._values: list[_Value] = []

    def get(self, make: Callable[[], _Value], *, anew: bool = False) -> _Value:
        """The value kept, or else a new one."""
        # Another thread may have held the lock when this process was forked.
        if not self._process.is_this:
            self._renew()
        with self._lock:
            if anew or not self._values:
                self._values = [make()]
            return self._values[0]


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token in the header `Authorization` (RFC 6750, 2.1): a JSON Web Token, or an API key.

    Attributes:
        token: The token; or what gives one that is valid now. That is asked whenever a WebSocket is opened, and once
            when the hub answers 401: a subscription outlives its tokens. It may raise `ConnectFailed`, to be retried.
    """

    token: _Token = field(repr=False)
    _kept: Kept[str] = field(default_factory=Kept, init=False, repr=False, compare=False)

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """As `Credentials` says."""
        given = self.token
        token = given if isinstance(given, str) else self._kept.get(given, anew=anew)
        return {"Authorization": f"Bearer {_checked(token, str(self))}"}

    def __str__(self) -> str:
        return "the bearer token"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in the header `X-Api-Key`."""

    key: str = field(repr=False)

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """As `Credentials` says."""
        return {"X-Api-Key": _checked(self.key, str(self))}

    def __str__(self) -> str:
        return "the API key"


def from_environment() -> Credentials | None:
    """What EVENTSTORE_TOKEN or EVENTSTORE_API_KEY holds; None without them.

    Raises:
        NoCredentials: Both are set.
    """
    token, key = os.environ.get("EVENTSTORE_TOKEN"), os.environ.get("EVENTSTORE_API_KEY")
    if token and key:
        raise NoCredentials("EVENTSTORE_TOKEN and EVENTSTORE_API_KEY are both set; a hub is shown one: unset the other")
    return Bearer(token) if token else ApiKey(key) if key else None


def _checked(secret: str, what: str) -> str:
    # A line break in it would end the header, and begin another one.
    if not _TOKEN.fullmatch(secret):
        raise NoCredentials(f"{what} is empty, or holds what no token does, such as a blank or a line break")
    return secret
