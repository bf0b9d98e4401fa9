"""A cache like in production: with TLS, and a user with the permissions of docs/operations.md only."""

from __future__ import annotations

import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from redis import Redis

from eventstore_hosting.valkey import ValkeyServer
from tests.tls import Authority, tls_in_front_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PASSWORD", "RULE", "Cache", "caching", "enter"]

_OPERATIONS = Path(__file__).parents[1] / "docs/operations.md"
RULE = re.findall(r"```acl\n(.+?)```", _OPERATIONS.read_text(), re.DOTALL)[0].split()
PASSWORD = "s3cret?/#@: %"  # noqa: S105 - all that must be encoded


def enter(server: ValkeyServer, *, password: str = PASSWORD, rule: list[str] = RULE) -> None:
    """Allow `hub` with this password only."""
    with Redis.from_url(server.url) as client:
        client.execute_command("ACL", "SETUSER", "hub", "reset", f">{password}", *rule)


class Cache:
    """A Valkey server behind TLS."""

    def __init__(self, server: ValkeyServer, port: int, authority: Authority) -> None:
        self.server = server
        self.port = port
        self.authority = authority

    def url(self, *, password: str = PASSWORD, trusting: Path | None = None, options: str = "") -> str:
        trusted = quote(str(trusting or self.authority.certificate))
        return f"rediss://hub:{quote(password, safe='')}@127.0.0.1:{self.port}?ssl_ca_certs={trusted}{options}"

    def iam_url(self) -> str:
        trusted = quote(str(self.authority.certificate))
        return f"rediss://hub@127.0.0.1:{self.port}?ssl_ca_certs={trusted}&iam=orders"

    def admin(self) -> Redis:
        return Redis.from_url(self.server.url)


@contextmanager
def caching(folder: Path, **options: str) -> Iterator[Cache]:
    authority = Authority.make(folder)
    with (
        ValkeyServer.start(options={name.replace("_", "-"): value for name, value in options.items()}) as server,
        tls_in_front_of(server.port, authority) as port,
    ):
        enter(server)
        yield Cache(server, port, authority)
