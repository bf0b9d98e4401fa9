"""What `eventstore doctor` finds: checks of the way to a hub, by its address, and of its answers."""

from __future__ import annotations

import json
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import urlsplit

import urllib3

from eventstore_client.credentials import Outgoing
from eventstore_client.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.credentials import Credentials

__all__ = ["Answer", "Check", "ask", "check_certificate", "check_connect", "check_names", "endpoint_of", "without_user"]

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]

_CONNECT = 5.0
"""Seconds in which a connection is made."""

_TIMEOUT = urllib3.Timeout(connect=_CONNECT, read=35.0)
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_EXPIRES_SOON = 14
"""Days before its end from which a certificate is a warning."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check.

    Attributes:
        name: What was checked.
        status: The result.
        found: What was found.
        advice: What would be right; empty if it is.
        is_unavailable: Whether the hub cannot be reached, or does not work.
    """

    name: str
    status: Status
    found: str
    advice: str = ""
    is_unavailable: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the hub, whatever its status.

    Attributes:
        status: The HTTP status.
        members: The members of its body; none if the body is no JSON object.
        seconds: How long it took.
        clock_ahead: The seconds by which the clock of this machine is ahead of the hub's; None if it sent no time.
    """

    status: int
    members: Mapping[str, Any]
    seconds: float
    clock_ahead: float | None

    @property
    def reason(self) -> str:
        """The status, with the reason if the body has one."""
        detail = self.members.get("detail") or self.members.get("message") or self.members.get("Message") or ""
        return f"HTTP {self.status}" + (f": {detail}" if detail else "")


def ask(
    url: str, path: str, credentials: Credentials | None, *, method: str = "GET", body: bytes = b"", media: str = ""
) -> Answer:
    """Send one request, and return its response.

    Raises:
        urllib3.exceptions.HTTPError: There was no response.
        ClientError: The credentials are not available.
    """
    proxy = proxy_for(url)
    pool = proxy.pool(maxsize=1, timeout=_TIMEOUT) if proxy else urllib3.PoolManager(timeout=_TIMEOUT)
    own = {"Accept": "application/json, application/problem+json", "User-Agent": "eventstore-doctor"}
    request = Outgoing(method, url + path, {**own, **({"Content-Type": media} if media else {})}, body)
    headers = {**request.headers, **(credentials.headers(request) if credentials else {})}
    with pool:
        begun, sent = time.perf_counter(), time.time()
        answer = pool.request(method, request.url, body=body or None, headers=headers, retries=False, redirect=False)
        seconds = time.perf_counter() - begun
    return Answer(
        answer.status, _members(answer.data), seconds, _clock_ahead(answer.headers.get("Date"), sent, seconds)
    )


def endpoint_of(url: str) -> tuple[str, int]:
    """Return the host and the port of an address."""
    parsed = urlsplit(url)
    return parsed.hostname or "", parsed.port or _PORTS[parsed.scheme]


def without_user(url: str) -> str:
    """Return an address without a user and a password."""
    parsed = urlsplit(url)
    return parsed._replace(netloc=parsed.netloc.rpartition("@")[2]).geturl()


def check_names(host: str, port: int) -> Check:
    """Check whether the name of a host has addresses."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        return Check("DNS", "failed", f"{host}: no name of a host", "correct the name of the host", is_unavailable=True)
    except OSError as error:
        advice = "correct the name of the host, or the name servers of this machine"
        return Check("DNS", "failed", f"{host}: {_reason(error)}", advice, is_unavailable=True)
    return Check("DNS", "ok", f"{host}: {', '.join(dict.fromkeys(str(address[4][0]) for address in found))}")


def check_connect(host: str, port: int) -> Check:
    """Check whether a connection can be opened."""
    begun = time.perf_counter()
    try:
        socket.create_connection((host, port), timeout=_CONNECT).close()
    except OSError as error:
        advice = "start the hub, correct the port, or open the firewall"
        return Check("TCP", "failed", f"{host}:{port}: {_reason(error)}", advice, is_unavailable=True)
    return Check("TCP", "ok", f"{host}:{port} in {(time.perf_counter() - begun) * 1000:.1f} ms")


def check_certificate(host: str, port: int) -> Check:
    """Check the certificate of a host that is reached directly."""
    try:
        with (
            socket.create_connection((host, port), timeout=_CONNECT) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secured,
        ):
            version, certificate = secured.version(), secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        advice = "use the name that the certificate has; SSL_CERT_FILE names a file with a private authority"
        return Check("TLS", "failed", f"{host}:{port}: {error.verify_message}", advice, is_unavailable=True)
    except OSError as error:
        advice = "use http:// if the hub has no TLS"
        return Check("TLS", "failed", f"{host}:{port}: {_reason(error)}", advice, is_unavailable=True)
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    days = (ends - datetime.now(UTC)).days
    found = f"{version}, certificate until {ends:%Y-%m-%d}"
    if days < _EXPIRES_SOON:
        return Check("TLS", "warning", found, f"renew the certificate: it expires in {days} days")
    return Check("TLS", "ok", found)


def _reason(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        members = json.loads(body)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _clock_ahead(date: str | None, sent: float, seconds: float) -> float | None:
    try:
        at_hub = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return None
    # The header has whole seconds, so half a second is added; half of the time was spent on the way there.
    return sent + seconds / 2 - (at_hub + 0.5)
