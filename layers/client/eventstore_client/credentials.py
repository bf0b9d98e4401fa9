"""The credentials that a client sends to a hub. Secrets never appear in a `repr`, an error or a log entry."""

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

__all__ = ["Anonymous", "ApiKey", "Bearer", "Cached", "Credentials", "Outgoing", "from_environment"]

_Value = TypeVar("_Value")

_Token: TypeAlias = str | Callable[[], str]

_TOKEN = re.compile(r"[A-Za-z0-9._~+/:-]+=*")
"""RFC 6750, 2.1, and the colon, which occurs in the API keys of some vendors."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request before it is sent; a WebSocket's handshake is one, too."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Credentials(Protocol):
    """A source of the headers that authenticate a request."""

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:
        """Return the headers that authenticate a request.

        Args:
            request: The request, which a signature covers.
            anew: Ignore cached credentials: they are old, or the hub rejected them.

        Raises:
            NoCredentials: The credentials are not available.
            ConnectFailed: The issuer of the credentials is unreachable for now.
        """
        ...

    def __str__(self) -> str:
        """Return the kind of credentials, without the secret."""
        ...


class Cached(Generic[_Value]):
    """A value that one thread creates on first use, for all threads of the process."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._process = Process()
        self._lock = threading.Lock()
        self._values: list[_Value] = []

    def get(self, make: Callable[[], _Value], *, anew: bool = False) -> _Value:
        """Return the cached value.

        Args:
            make: Creates the value.
            anew: Replace the cached value by a new one.
        """
        # Another thread may have held the lock when this process was forked.
        if not self._process.is_this:
            self._reset()
        with self._lock:
            if anew or not self._values:
                self._values = [make()]
            return self._values[0]


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token in the header `Authorization` (RFC 6750, 2.1): a JSON Web Token or an API key.

    Attributes:
        token: The token, or a function that returns a valid one. The function is called whenever a WebSocket is opened,
            and once when the hub answers 401, because a subscription outlives its tokens. It may raise
            `ConnectFailed`, which is retried.
    """

    token: _Token = field(repr=False)
    _cache: Cached[str] = field(default_factory=Cached, init=False, repr=False, compare=False)

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """Return the header `Authorization`; see `Credentials.headers`."""
        source = self.token
        token = source if isinstance(source, str) else self._cache.get(source, anew=anew)
        return {"Authorization": f"Bearer {_checked(token, str(self))}"}

    def __str__(self) -> str:
        return "the bearer token"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key in the header `X-Api-Key`."""

    key: str = field(repr=False)

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """Return the header `X-Api-Key`; see `Credentials.headers`."""
        return {"X-Api-Key": _checked(self.key, str(self))}

    def __str__(self) -> str:
        return "the API key"


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credentials, whether or not the environment has some. It is false."""

    def headers(self, request: Outgoing, *, anew: bool = False) -> Mapping[str, str]:  # noqa: ARG002 - the same for all
        """Return no header; see `Credentials.headers`."""
        return {}

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "no credentials"


def from_environment() -> Credentials | None:
    """Return the credentials of EVENTSTORE_TOKEN or EVENTSTORE_API_KEY; None if neither is set.

    Raises:
        NoCredentials: Both are set.
    """
    token, key = os.environ.get("EVENTSTORE_TOKEN"), os.environ.get("EVENTSTORE_API_KEY")
    if token and key:
        raise NoCredentials("EVENTSTORE_TOKEN and EVENTSTORE_API_KEY are both set: unset one of them")
    return Bearer(token) if token else ApiKey(key) if key else None


def _checked(secret: str, kind: str) -> str:
    # A line break in a secret would end the header and start another one.
    if not _TOKEN.fullmatch(secret):
        raise NoCredentials(f"{kind} is empty or has an invalid character, such as a space or a line break")
    return secret
