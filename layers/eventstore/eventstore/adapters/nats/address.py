"""Parsing `NATS_URL`: the servers of a cluster, and who connects.

No message repeats any part of the URL: a password with characters that are not percent-encoded can end up in any part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from eventstore.errors import SettingsError

__all__ = ["NatsUrl", "Server"]

_PORT = 4222
_FORM = (
    "nats://[user:password@ or token@]host[:4222][,host…], or tls://…; with ?creds=FILE or ?nkey=FILE if the user has "
    "a key, and with tls_ca=FILE if the CA of the servers is not a public one"
)


class Server(NamedTuple):
    """A server of a cluster."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class NatsUrl:
    """A parsed `NATS_URL`.

    Attributes:
        servers: The servers to connect to, in the order given; at least one.
        tls: Whether connections must be encrypted. They are anyway, if the server requires it.
        tls_ca: The file of the certificate authority of the servers, in PEM; empty for those of the system.
        user: The user; empty if none is named.
        password: The password of the user.
        token: The token; empty if none is given.
        creds: The file of credentials of a user: a token and the seed of an nkey; empty if none is named.
        nkey: The file with the seed of a user's nkey; empty if none is named.
    """

    servers: tuple[Server, ...]
    tls: bool = False
    tls_ca: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    creds: str = ""
    nkey: str = ""

    @classmethod
    def parse(cls, url: str) -> NatsUrl:
        """Parse a URL.

        Raises:
            SettingsError: It is not valid.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"nats", "tls"}:
            raise _invalid("its scheme is not nats or tls")
        if parts.path not in {"", "/"} or parts.fragment:
            raise _invalid("it has a path or a fragment")
        credentials, _, hosts = parts.netloc.rpartition("@")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        tls_ca, creds, nkey = (options.pop(option, "") for option in ("tls_ca", "creds", "nkey"))
        if options:
            raise _invalid("it has an option that is unknown")
        if [bool(credentials), bool(creds), bool(nkey)].count(True) > 1:
            raise _invalid("it says in several ways who connects")
        user, has_password, password = credentials.partition(":")
        return cls(
            servers=tuple(_server(host) for host in hosts.split(",")),
            tls=parts.scheme == "tls",
            tls_ca=tls_ca,
            user=unquote(user) if has_password else "",
            password=unquote(password),
            token="" if has_password else unquote(user),
            creds=creds,
            nkey=nkey,
        )


def _server(text: str) -> Server:
    try:
        address = urlsplit(f"//{text}")
        port = address.port
    except ValueError:
        raise _invalid("a port is not a number up to 65535") from None
    if not address.hostname:
        raise _invalid("a host is missing")
    return Server(address.hostname, _PORT if port is None else port)


def _invalid(why: str) -> SettingsError:
    return SettingsError(f"NATS_URL is not valid: {why}; write {_FORM}")
