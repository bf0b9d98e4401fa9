"""Which proxy leads to an address: what HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY say.

Either case counts, the lower one first. A hub on this machine is asked without a proxy, whatever they say: it is the
only one that is shown credentials in the clear. To any other, credentials go over https and wss alone, through a tunnel
(CONNECT, RFC 9110, 9.3.6) in which the proxy sees nothing but the host and the port.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined] # typeshed lacks it

import urllib3

from eventstore_client.errors import ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Proxy", "is_here", "proxy_for", "through"]

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))
_VARIABLES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
"""Whose proxy a scheme takes: a WebSocket begins as a request over HTTP."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy over HTTP.

    Attributes:
        origin: Its address, without what it is shown.
        user: Whom it is told to let through; empty if it asks nobody.
        password: What it is shown.
    """

    origin: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Its address, with what it is shown."""
        if not self.user:
            return self.origin
        scheme, rest = self.origin.split("://", 1)
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{rest}"

    @property
    def headers(self) -> Mapping[str, str]:
        """What it is shown. It stands in the requests to the proxy, and in none that goes through a tunnel."""
        return urllib3.make_headers(proxy_basic_auth=f"{self.user}:{self.password}") if self.user else {}

    def pool(self, *, maxsize: int, timeout: urllib3.Timeout) -> urllib3.ProxyManager:
        """Connections through it."""
        own = ssl.create_default_context() if self.origin.startswith("https:") else None
        return urllib3.ProxyManager(
            self.origin, maxsize=maxsize, timeout=timeout, proxy_headers=self.headers, proxy_ssl_context=own
        )

    def __str__(self) -> str:
        return self.origin


def proxy_for(url: str) -> Proxy | None:
    """The proxy that leads to an address over HTTP or WebSocket; None if it is asked without one.

    Raises:
        ConnectFailed: The environment names what is no proxy over HTTP.
    """
    parsed = urlsplit(url)
    named = getproxies_environment()
    value = named.get(_VARIABLES.get(parsed.scheme, ""), "") or named.get("all", "")
    if not value or is_here(parsed.hostname or "") or _is_excepted(url, named):
        return None
    return _proxy(value if "://" in value else f"http://{value}")


def through(url: str) -> str:
    """Words for an error about an address that a proxy leads to; empty if none does."""
    proxy = proxy_for(url)
    return f" through the proxy {proxy}" if proxy else ""


def is_here(host: str) -> bool:
    """Whether a host is this machine by every reading of its name."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return any(address in network for network in _LOOPBACK)


def _is_excepted(url: str, named: dict[str, str]) -> bool:
    parsed = urlsplit(url)
    host = parsed.hostname or ""
    authority = parsed.netloc.rpartition("@")[2]
    if proxy_bypass_environment(authority, named) or proxy_bypass_environment(host, named):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(_holds(entry.strip(), address) for entry in named.get("no", "").split(","))


def _holds(entry: str, address: object) -> bool:
    """Whether an entry of NO_PROXY is a network in which an address is."""
    try:
        return "/" in entry and address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _proxy(value: str) -> Proxy:
    try:
        parsed = urlsplit(value)
        port = parsed.port
    except ValueError:
        # The address is not repeated: a password may stand anywhere in one that cannot be read.
        raise ConnectFailed("the environment names a proxy by no address; one is such as http://proxy:3128") from None
    if parsed.scheme not in {"http", "https"} or not parsed.hostname:
        raise ConnectFailed(
            f"the environment names a proxy by {parsed.scheme}://{parsed.hostname or ''}, and the client uses "
            "http:// and https:// ones; set HTTPS_PROXY to one, or except the hub by NO_PROXY"
        )
    host = f"[{parsed.hostname}]" if ":" in parsed.hostname else parsed.hostname
    origin = f"{parsed.scheme}://{host}" + (f":{port}" if port else "")
    return Proxy(origin, unquote(parsed.username or ""), unquote(parsed.password or ""))
