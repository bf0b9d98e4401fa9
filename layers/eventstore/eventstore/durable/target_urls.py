"""Which URLs the hub calls: the rules of HTTP targets, checked when a target is defined and at every call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import NoReturn

from eventstore.durable.public_addresses import IPAddress, is_public
from eventstore.errors import InvalidTarget

__all__ = ["TargetUrl", "UrlRules"]

_MAX_URL = 2048

# No userinfo and no fragment. The path and the query have the characters of RFC 3986, with whole percent-escapes.
_CHARACTERS = r"A-Za-z0-9\-._~:/@!$&'()*+,;="
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{{1,5}}))?"
    rf"(?P<path>/(?:[{_CHARACTERS}]|%[0-9A-Fa-f]{{2}})*)?(?P<query>\?(?:[{_CHARACTERS}?]|%[0-9A-Fa-f]{{2}})*)?",
    re.IGNORECASE,
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_MAX_NAME = 253
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""The last label of what resolvers take for an IPv4 address, in any of its spellings: `127.1`, `0x7f000001`."""

_DEFAULT_PORTS = {"https": 443, "http": 80}
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class TargetUrl:
    """A URL in its parts.

    Attributes:
        scheme: `https` or `http`.
        host: The name or the address of the host, in lower case, without brackets and without a final dot.
        port: The port.
        path: The path with the query, as a request has it.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The host, and the port unless it is the scheme's own, as the `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> IPAddress | None:
        """The address, if the host is one; None if it is a name."""
        if ":" in self.host:
            return IPv6Address(self.host)
        return None if _NAME.fullmatch(self.host) and not _is_number(self.host) else IPv4Address(self.host)

    @property
    def is_local_name(self) -> bool:
        """Whether the host is a name of this machine (RFC 6761, 6.3)."""
        return self.host == "localhost" or self.host.endswith(".localhost")


@dataclass(frozen=True, slots=True)
class UrlRules:
    """The URLs that the hub may call.

    Attributes:
        allow_loopback: Whether the hub may call this machine, also by `http`. For development only.
    """

    allow_loopback: bool = False

    def check(self, url: str, *, pointer: str = "") -> TargetUrl:
        """Return the parts of a URL that the hub may call.

        Names are not resolved: what a name resolves to is known only when it is called, and may change from call to
        call. `check_addresses` applies to it then.

        Args:
            url: The URL.
            pointer: Where the request has it (RFC 6901), for the error.

        Raises:
            InvalidTarget: The hub may not call it. The detail does not repeat its path and query, which may be secret.
        """
        try:
            parsed = _parsed(url)
            self._check_host(parsed)
        except InvalidTarget as error:
            raise InvalidTarget(error.detail, pointer=pointer) from None
        return parsed

    def check_addresses(self, url: TargetUrl, addresses: list[IPAddress]) -> None:
        """Check what the host of a URL resolves to. One wrong address condemns the others.

        Raises:
            InvalidTarget: The hub may not connect to one of the addresses. The detail does not name the address, so
                that nobody explores a private network by it.
        """
        if not all(self._may_connect(url, address) for address in addresses):
            _refuse(f"host {url.host} resolves to an address that is not public")

    def _check_host(self, url: TargetUrl) -> None:
        local = url.is_local_name or (url.address is not None and url.address.is_loopback)
        if local and self.allow_loopback:
            return
        if url.scheme != "https":
            _refuse("the URL must start with https://")
        if local or (url.address is not None and not is_public(url.address)):
            _refuse(f"host {url.host} is not public; a target must be reachable over the internet")

    def _may_connect(self, url: TargetUrl, address: IPAddress) -> bool:
        if self.allow_loopback and address.is_loopback:
            return True
        return url.scheme == "https" and is_public(address)


def _parsed(url: str) -> TargetUrl:
    if len(url) > _MAX_URL:
        _refuse(f"the URL has {len(url)} characters; at most {_MAX_URL} are allowed")
    match = _URL.fullmatch(url)
    if not match:
        _refuse(
            "the URL must be https://host[:port][/path][?query] in ASCII, without a user, a password or a fragment; "
            "percent-encode other characters, and write international names in Punycode (xn--)"
        )
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"]) if match["port"] else _DEFAULT_PORTS[scheme]
    if not 1 <= port <= _MAX_PORT:
        _refuse(f"port {port} does not exist; ports are 1 to {_MAX_PORT}")
    path = (match["path"] or "/") + (match["query"] or "")
    return TargetUrl(scheme, _host(host), port, path)


def _host(host: str) -> str:
    try:
        if host.startswith("["):
            return str(IPv6Address(host[1:-1]))
        if _is_number(host):
            return str(IPv4Address(host))
    except ValueError:
        _refuse(f"host {host[:80]} is not an IP address; write IPv4 as four decimal numbers, IPv6 in brackets")
    name = host.removesuffix(".")
    if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
        _refuse(f"host {host[:80]} is not a host name")
    return name


def _is_number(host: str) -> bool:
    return _NUMBER.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None


def _refuse(detail: str) -> NoReturn:
    raise InvalidTarget(detail)
