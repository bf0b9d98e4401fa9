"""The whole stack with its authorizer, and callers with credentials of either kind."""

from __future__ import annotations

import io
import json
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import urllib3
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal
from eventstore_hosting.origins import Origins
from eventstore_hosting.valkey import ValkeyServer
from functions.authorizer.keys import digest_of
from tests.e2e.endpoints import chosen
from tests.e2e.servers import instances_on
from tests.issuer import Issuer, issuing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from websockets.sync.client import ClientConnection


__all__ = ["Caller", "Guarded", "guarded"]

SECONDS = 60.0
"""A timeout that suffices on a slow machine."""

_TEMPLATE = Path(__file__).parents[2] / "template.yaml"


@dataclass
class Guarded:
    """The hub with an authorizer.

    Attributes:
        url: Where its APIs are; that of WebSocket under `/ws`.
        output: Returns all that it has written so far: an access log, and what its parts logged.
        has_gateway: Whether a gateway decides who comes in, and answers those that do not.
    """

    auth: str
    url: str
    issuer: Issuer
    keys: Path
    output: Callable[[], str]
    has_gateway: bool = True
    entries: list[dict[str, Any]] = field(default_factory=list)

    def credential(self, scopes: str, **limits: object) -> str:
        """Issue a token, or a key, with the given scopes and claims such as `tenants` and `streams`."""
        if self.auth == "jwt":
            return self.issuer.token(scope=scopes, **limits)
        key = f"fes_{urlsafe_b64encode(len(self.entries).to_bytes(32)).rstrip(b'=').decode()}"
        entry = {"id": f"key-{len(self.entries)}", "sha256": digest_of(key), "scopes": scopes.split(), **limits}
        self.entries.append(entry)
        self.keys.write_text(json.dumps({"keys": self.entries}))
        return key

    def caller(self, scopes: str = "publish read subscribe admin", **limits: object) -> Caller:
        return Caller(self.url, self.credential(scopes, **limits))


@dataclass(frozen=True)
class Caller:
    """A caller with a credential, or without one if it is empty."""

    url: str
    credential: str

    def call(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        own = {"Authorization": f"Bearer {self.credential}"} if self.credential else {}
        kind = {"Content-Type": "application/json"} if body is not None else {}
        content = None if body is None else json.dumps(body)
        return urllib3.request(
            method, f"{self.url}{path}", body=content, headers=own | kind | (headers or {}), timeout=SECONDS
        )

    def publish(self, *events: dict[str, object], query: str = "") -> urllib3.BaseHTTPResponse:
        kind = {"Content-Type": "application/cloudevents-batch+json"}
        return self.call("POST", f"/api/v1/events{query}", list(events), headers=kind)

    @contextmanager
    def socket(
        self, *, query: Sequence[tuple[str, str]] = (), protocol: str = "eventstore.v1", how: str = "header"
    ) -> Iterator[Socket]:
        """Open a connection; the credential is in a header or, as in browsers, in a subprotocol or the query."""
        encoded = urlsafe_b64encode(self.credential.encode()).rstrip(b"=").decode()
        offered = [protocol, *([f"bearer.{encoded}"] if how == "subprotocol" else [])]
        asked = [*query, *([("access_token", self.credential)] if how == "query" else [])]
        with connect(
            f"{self.url.replace('http', 'ws', 1)}/ws?{urlencode(asked)}",
            subprotocols=[Subprotocol(name) for name in offered],
            additional_headers={"Authorization": f"Bearer {self.credential}"} if how == "header" else {},
            open_timeout=SECONDS,
            compression=None,
        ) as connection:
            assert connection.subprotocol == protocol
            yield Socket(connection)


@dataclass(frozen=True)
class Socket:
    """A connection with JSON messages."""

    connection: ClientConnection
    early: list[dict[str, Any]] = field(default_factory=list)

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.connection.recv(timeout=SECONDS))
        return message

    def send(self, message: object) -> None:
        self.connection.send(json.dumps(message))

    def ask(self, **message: object) -> dict[str, Any]:
        """Send a message; return its answer, after which earlier frames are kept."""
        self.send(message | {"request": "r"})
        while True:
            answer = self.receive()
            if answer.get("request") == "r":
                return answer
            self.early.append(answer)

    def until(self, event_id: str) -> list[dict[str, Any]]:
        """The received events, up to the one with this id."""
        events: list[dict[str, Any]] = []
        while not (events and events[-1]["id"] == event_id):
            message = self.early.pop(0) if self.early else self.receive()
            events += message.get("events", [message] if "hubsequence" in message else [])
        return events


@contextmanager
def guarded(auth: str, folder: Path, *, origins: Origins | None = None) -> Iterator[Guarded]:
    """Run the hub on the chosen endpoint with the authorizer in front of its APIs; pages of `origins` may call it."""
    keys = folder / "keys.json"
    keys.write_text('{"keys":[]}')
    run = _server if chosen() == "server" else _stack
    with ValkeyServer.start(folder=folder) as valkey, issuing() as issuer:
        variables = issuer.environment | {"AUTH": auth, "API_KEYS_FILE": str(keys)}
        with run(valkey.url, variables, origins) as (url, output):
            yield Guarded(auth, url, issuer, keys, output, has_gateway=chosen() != "server")


@contextmanager
def _stack(
    redis_url: str, variables: Mapping[str, str], origins: Origins | None
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Run the project's template."""
    written = io.StringIO()
    with running(
        _TEMPLATE,
        parameters={"RedisUrl": redis_url, "Auth": variables["AUTH"], "LogLevel": "DEBUG"},
        variables={name: value for name, value in variables.items() if name != "AUTH"},
        terminal=Terminal(stream=written, verbose=True),
        origins=origins,
    ) as stack:
        yield stack.url, written.getvalue


@contextmanager
def _server(
    redis_url: str, variables: Mapping[str, str], origins: Origins | None
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Run an instance of the server."""
    # Pages of this machine may call, as on the local stack.
    readers = (origins or Origins()).readers
    environment = {**variables, "LOG_LEVEL": "DEBUG", "ALLOWED_ORIGINS": readers}
    with instances_on(redis_url, count=1, environment=environment) as [instance]:
        yield instance.url, instance.errors.read_text
