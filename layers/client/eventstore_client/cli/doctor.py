"""The command `eventstore doctor`: checks the way to a hub step by step, and says what would be right."""

from __future__ import annotations

import os
import platform
import stat
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from eventstore_client.cli.checks import (
    Check,
    ask,
    check_certificate,
    check_connect,
    check_names,
    endpoint_of,
    without_user,
)
from eventstore_client.cli.failures import REJECTED, UNAVAILABLE
from eventstore_client.cli.outputs import print_lines
from eventstore_client.cli.parsers import add_command
from eventstore_client.cli.records import records
from eventstore_client.cli.shared_arguments import add_output, add_websocket_url
from eventstore_client.cli.styles import style_of
from eventstore_client.cli.targets import target_of
from eventstore_client.cli.widths import printable
from eventstore_client.connection import Connection
from eventstore_client.credentials import Outgoing, from_environment
from eventstore_client.errors import ClientError, Denied
from eventstore_client.proxies import proxy_for
from eventstore_client.transport import checked_url, is_grpc, private_url, websocket_url
from eventstore_client.version import __version__

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Generator, Iterator, Mapping

    from eventstore_client.cli.checks import Answer
    from eventstore_client.cli.parsers import Commands, Parser
    from eventstore_client.cli.targets import Target
    from eventstore_client.credentials import Credentials

__all__ = ["BUILDERS", "RUNNERS"]

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "dim"}
_API = "/api/v1"
_REFUSED = {401, 403}
_SERVER_ERROR = 500
_UNAUTHORIZED = 401
_OTHERS = 0o077
_PONG = 10.0
"""Seconds in which a hub answers a ping."""

_CLOCK_NOTABLE, _CLOCK_LIMIT = 5.0, 300.0
"""Seconds of difference: notable, and the limit of signatures of AWS."""

_ERROR, _INVALID = 400, {400, 422}
"""Statuses of errors; those of a request that is invalid, and was permitted."""

_PROBES = {
    "publish": ("POST", "/api/v1/events", b"[]", "application/cloudevents-batch+json"),
    "read": ("GET", "/api/v1/streams?limit=1", b"", ""),
    "subscribe": ("GET", "/api/v1/handshake", b"", ""),
    "admin": ("GET", "/api/v1/stats", b"", ""),
}
"""A request for each scope that changes nothing. A batch without an event is invalid, after the scope is checked."""


def _add_doctor(commands: Commands, common: Parser) -> None:
    command = add_command(commands, common, "doctor", "check the way to the hub, and what the credentials permit")
    command.epilog = (
        "For each step it prints what was found, and what would be right. It changes nothing in the hub. Exit codes: 0 "
        "all checks passed, also with warnings, 1 a check failed, 3 the hub cannot be reached or does not work."
    )
    add_websocket_url(command)
    add_output(command)


def _run(options: argparse.Namespace) -> int:
    """Run all checks, and return the exit code: that of the failed check that matters most."""
    style, found = style_of(sys.stdout), []
    for check in _checks(options):
        found.append(check)
        if options.output == "table":
            status = style.paint(check.status, _COLOURS[check.status]) + " " * (9 - len(check.status))
            print_lines([f"{status}{check.name:<13}{printable(check.found)}".rstrip()])
            print_lines([f"{'':22}{style.paint(printable(check.advice), 'bold')}"] if check.advice else [])
            sys.stdout.flush()
    if options.output != "table":
        rows = [{name: value for name, value in asdict(check).items() if name != "is_unavailable"} for check in found]
        print_lines(records(rows, (), output=options.output))
    failed = [check for check in found if check.status == "failed"]
    return UNAVAILABLE if any(check.is_unavailable for check in failed) else REJECTED if failed else 0


def _checks(options: argparse.Namespace) -> Iterator[Check]:
    yield Check("client", "ok", f"{__version__}, Python {platform.python_version()}")
    try:
        target = target_of(options, os.environ)
    except ClientError as error:
        yield Check("credentials", "failed", str(error), "correct their source")
        return
    address = f"{without_user(target.url)} ({target.source})"
    try:
        url = checked_url(target.url)
    except ClientError:
        yield Check("address", "failed", address, "use an HTTP address such as http://127.0.0.1:8081")
        return
    if (base := url.removesuffix(_API)) != url:
        yield Check("address", "failed", address, f"use {without_user(base)}: the client adds {_API} itself")
        return
    if is_grpc(url):
        advice = "check the hub by its HTTP address, such as http://127.0.0.1:8081"
        yield Check("address", "failed", f"{address} is one of gRPC", advice)
        return
    yield Check("address", "ok", address)
    credentials, check = _credentials(target, url)
    yield check
    reached = yield from _way(url)
    if not reached:
        return
    yield from _hub(url, None if check.status == "failed" else credentials)
    yield _websocket(target, url, credentials)


def _credentials(target: Target, url: str) -> tuple[Credentials | None, Check]:
    credentials = target.credentials
    try:
        if credentials is None:
            credentials = from_environment()
        private_url(url, credentials)
        if not credentials:
            return credentials, Check("credentials", "ok", "none")
        credentials.headers(Outgoing("GET", f"{url}/health"))
    except ClientError as error:
        return credentials, Check("credentials", "failed", str(error), "correct their source")
    file = target.secret_file
    if file and stat.S_IMODE(Path(file).stat().st_mode) & _OTHERS:
        found = f"{credentials} of {file}, which other users of this machine can read or write"
        return credentials, Check("credentials", "warning", found, f"run chmod 600 {file}")
    return credentials, Check("credentials", "ok", str(credentials))


def _way(url: str) -> Generator[Check, None, bool]:
    """Check the way to an address; the result is whether a connection can be opened."""
    try:
        proxy = proxy_for(url)
    except ClientError as error:
        yield Check("proxy", "failed", str(error), "correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY", is_unavailable=True)
        return False
    yield Check("proxy", "ok", proxy.origin if proxy else "none")
    host, port = endpoint_of(proxy.origin if proxy else url)
    for step in (check_names, check_connect):
        check = step(host, port)
        yield check
        if check.status == "failed":
            return False
    if not url.startswith("https:"):
        yield Check("TLS", "skipped", "the address is not encrypted")
    elif proxy:
        yield Check("TLS", "skipped", "checked by the next request, through the proxy")
    else:
        check = check_certificate(host, port)
        yield check
        return check.status != "failed"
    return True


def _hub(url: str, credentials: Credentials | None) -> Iterator[Check]:
    """Check the hub's health, versions and clock, and what the credentials permit."""
    try:
        health = ask(url, "/health", credentials)
    except urllib3.exceptions.HTTPError as error:
        reason = " ".join(str(error.__cause__ or error).split())
        yield Check(
            "health", "failed", f"no response: {reason}", "see the log of the hub or the proxy", is_unavailable=True
        )
        return
    yield _health(health)
    if health.status in _REFUSED:
        return
    yield _versions(health)
    yield _clock(health)
    if health.status < _SERVER_ERROR:
        yield _scopes(url, credentials)


def _health(health: Answer) -> Check:
    if health.status in _REFUSED:
        advice = (
            "pass --token, --api-key or --aws-iam, or other ones" if health.status == _UNAUTHORIZED else "use others"
        )
        return Check("health", "failed", f"{health.reason}: the credentials are refused", advice)
    if health.status >= _SERVER_ERROR:
        advice = "see the log of the hub: its store does not respond"
        return Check("health", "failed", health.reason, advice, is_unavailable=True)
    if health.members.get("status") != "ok":
        return Check("health", "failed", health.reason, "use the address of a hub: this is another program")
    return Check("health", "ok", f"backend {health.members.get('backend')}, {health.seconds * 1000:.0f} ms")


def _versions(health: Answer) -> Check:
    hub = str(health.members.get("version") or "unknown")
    found = f"hub {hub}, client {__version__}"
    if hub == "unknown" or _compatible(hub) == _compatible(__version__):
        return Check("versions", "ok", found)
    return Check("versions", "warning", found, f"install the client {_compatible(hub)}.x beside this hub")


def _compatible(version: str) -> str:
    """Return the part of a version that changes if interfaces do (semver.org, 4 and 8)."""
    major, minor, *_ = [*version.split("."), "0", "0"]
    return f"{major}.{minor}" if major == "0" else major


def _clock(health: Answer) -> Check:
    ahead = health.clock_ahead
    if ahead is None:
        return Check("clock", "skipped", "the hub sent no time")
    found = f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the hub"
    if abs(ahead) < _CLOCK_NOTABLE:
        return Check("clock", "ok", "less than 5 s from that of the hub")
    advice = "set the clock of this machine by NTP: tokens and signatures have times"
    return Check("clock", "failed" if abs(ahead) >= _CLOCK_LIMIT else "warning", found, advice)


def _scopes(url: str, credentials: Credentials | None) -> Check:
    permitted: list[str] = []
    refused: list[str] = []
    for scope, (method, path, body, media) in _PROBES.items():
        try:
            answer = ask(url, path, credentials, method=method, body=body, media=media)
        except (urllib3.exceptions.HTTPError, ClientError) as error:
            return Check("scopes", "failed", f"{method} {path}: {' '.join(str(error).split())}", "run it again")
        if answer.status in _REFUSED:
            refused.append(scope)
        elif answer.status < _ERROR or answer.status in _INVALID:
            permitted.append(scope)
        else:
            found = f"{method} {path} was answered {answer.status}"
            return Check("scopes", "failed", found, "run it again, and look at the log of the hub", is_unavailable=True)
    if not permitted:
        return Check("scopes", "failed", "none", "use credentials that have a scope (docs/security.md)")
    return Check("scopes", "ok", ", ".join(permitted) + (f"; not {', '.join(refused)}" if refused else ""))


def _websocket(target: Target, url: str, credentials: Credentials | None) -> Check:
    try:
        address = private_url(websocket_url(target.websocket_url, url=url), credentials)
    except ClientError as error:
        return Check("WebSocket", "failed", str(error), "set the WebSocket address beside the address")
    shown = without_user(address)
    try:
        connection = Connection(address, ping_every=_PONG * 10, credentials=credentials)
        try:
            begun = time.perf_counter()
            connection.send({"action": "ping"})
            connection.receive(within=_PONG)
            seconds = time.perf_counter() - begun
        finally:
            connection.close()
    except Denied as error:
        return Check("WebSocket", "failed", f"{shown}: {error}", "use credentials with the scope subscribe or publish")
    except ClientError as error:
        advice = "correct the WebSocket address, or let the proxy pass WebSockets"
        return Check("WebSocket", "failed", f"{shown}: {error}", advice, is_unavailable=True)
    return Check("WebSocket", "ok", f"{shown}, answers a ping in {seconds * 1000:.0f} ms")


BUILDERS: Mapping[str, Callable[[Commands, Parser], None]] = {"doctor": _add_doctor}
"""Each adds a command, with the options that all commands have."""

RUNNERS: Mapping[str, Callable[[argparse.Namespace], int]] = {"doctor": _run}
