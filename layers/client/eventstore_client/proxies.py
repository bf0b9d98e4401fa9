"""The proxy for an address, as HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY configure it.

The variables may be lower or upper case; lower case takes precedence. A hub on this machine is reached without a proxy
in any case, because it is the only one that receives credentials unencrypted. To other hubs, credentials are sent over
https and wss only, through a tunnel (CONNECT, RFC 9110, 9.3.6) in which the proxy sees only the host and the port.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

import urllib3

from eventstore_client.errors import ConnectFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Proxy", "is_loopback", "proxy_for", "proxy_note"]

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))
_VARIABLES = {"grpc": "http", "http": "http", "ws": "http", "grpcs": "https", "https": "https", "wss": "https"}
"""The scheme whose variable applies: a WebSocket begins as an HTTP request."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy.

    Attributes:
        origin: Its address without credentials.
        user: The user name; empty if the proxy requires none.
        password: The password.
    """

    origin: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The address with the credentials."""
        if not self.user:
            return self.origin
        scheme, rest = self.origin.split("://", 1)
        return f"{scheme}://{quote(self.user, safe='')}:{quote(self.password, safe='')}@{rest}"

    @property
    def headers(self) -> Mapping[str, str]:
        """The credentials as headers of requests to the proxy; requests through a tunnel do not carry them."""
        return urllib3.make_headers(proxy_basic_auth=f"{self.user}:{self.password}") if self.user else {}

    def pool(self, *, maxsize: int, timeout: urllib3.Timeout) -> urllib3.ProxyManager:
        """Return a connection pool through the proxy.

        Args:
            maxsize: The number of connections kept open.
            timeout: The timeout of each request.
        """
        tls = ssl.create_default_context() if self.origin.startswith("https:") else None
        return urllib3.ProxyManager(
            self.origin, maxsize=maxsize, timeout=timeout, proxy_headers=self.headers, proxy_ssl_context=tls
        )

    def __str__(self) -> str:
        return self.origin


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for an address of HTTP, WebSocket or gRPC; None if it is reached directly.

    Raises:
        ConnectFailed: The proxy of the environment is not an HTTP proxy.
    """
    parsed = urlsplit(url)
    if is_loopback(parsed.hostname or ""):
        return None
    from urllib.request import getproxies_environment  # noqa: PLC0415 - it takes long, and a hub here has no proxy

    proxies = getproxies_environment()
    value = proxies.get(_VARIABLES.get(parsed.scheme, ""), "") or proxies.get("all", "")
    if not value or _is_excluded(url, proxies):
        return None
    return _parse_proxy(value if "://" in value else f"http://{value}")


def proxy_note(url: str) -> str:
    """Return the part of an error message that names the proxy for an address; empty if there is none."""
    proxy = proxy_for(url)
    return f" through the proxy {proxy}" if proxy else ""


def is_loopback(host: str) -> bool:
    """Whether a host is `localhost` or a loopback address, which no resolver can point elsewhere."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return any(address in network for network in _LOOPBACK)


def _is_excluded(url: str, proxies: dict[str, str]) -> bool:
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined] # noqa: PLC0415 - as above

    parsed = urlsplit(url)
    host = parsed.hostname or ""
    authority = parsed.netloc.rpartition("@")[2]
    if proxy_bypass_environment(authority, proxies) or proxy_bypass_environment(host, proxies):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(_contains(entry.strip(), address) for entry in proxies.get("no", "").split(","))


def _contains(entry: str, address: object) -> bool:
    """Whether an entry of NO_PROXY is a network that contains the address."""
    try:
        return "/" in entry and address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _parse_proxy(value: str) -> Proxy:
    try:
        parsed = urlsplit(value)
        port = parsed.port
    except ValueError:
        # The error does not quote the address: any part of an invalid address may be a password.
        raise ConnectFailed("the proxy of the environment is not an address such as http://proxy:3128") from None
    if parsed.scheme not in {"http", "https"} or not parsed.hostname:
        raise ConnectFailed(
            f"the proxy of the environment is {parsed.scheme}://{parsed.hostname or ''}, and the client supports only "
            "http:// and https:// proxies; set HTTPS_PROXY to one, or add the hub to NO_PROXY"
        )
    host = f"[{parsed.hostname}]" if ":" in parsed.hostname else parsed.hostname
    origin = f"{parsed.scheme}://{host}" + (f":{port}" if port else "")
    return Proxy(origin, unquote(parsed.username or ""), unquote(parsed.password or ""))
