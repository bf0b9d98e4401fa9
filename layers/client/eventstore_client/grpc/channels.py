"""Channels of gRPC to a hub, and the credentials of calls."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import grpc

from eventstore_client.aws_iam import AwsIam
from eventstore_client.credentials import Outgoing
from eventstore_client.errors import ConnectFailed, NoCredentials
from eventstore_client.proxies import proxy_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_client.credentials import Credentials

__all__ = ["Metadata", "metadata_of", "open_channel"]

Metadata = tuple[tuple[str, str], ...]
"""The headers of a call."""

_MESSAGE_BYTES = 16 * 1024 * 1024
"""A response has a part of a page, or a frame: events of 256 KiB, and a few hundred bytes beside each."""

_OPTIONS: Sequence[tuple[str, int | str]] = (
    ("grpc.primary_user_agent", "eventstore-client"),
    ("grpc.max_receive_message_length", _MESSAGE_BYTES),
    # They replace the pings of `Link`. The hub accepts one every 10 seconds (docs/grpc.md).
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # The time that connecting may take; `Backoff` decides how often it is tried.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),
    # A channel has a connection of its own: one that is closed closes no other.
    ("grpc.use_local_subchannel_pool", 1),
)


def open_channel(url: str) -> grpc.Channel:
    """Return a channel to a hub. It connects when it is used.

    Args:
        url: The hub's address, `grpc://` or `grpcs://`, as `checked_url` returned it.

    Raises:
        ConnectFailed: The environment's proxy is not an HTTP proxy, or the authorities that it trusts cannot be read.
    """
    parsed = urlsplit(url)
    proxy = proxy_for(url)
    # Otherwise the library reads the environment itself, by rules of its own.
    via: tuple[str, int | str] = ("grpc.http_proxy", proxy.url) if proxy else ("grpc.enable_http_proxy", 0)
    options = [*_OPTIONS, via]
    if parsed.scheme == "grpc":
        return grpc.insecure_channel(parsed.netloc, options=options)
    return grpc.secure_channel(parsed.netloc, grpc.ssl_channel_credentials(_authorities()), options=options)


def metadata_of(credentials: Credentials | None, url: str, *, anew: bool = False) -> Metadata:
    """Return the metadata that authenticate a call. This may block.

    Args:
        credentials: The credentials; None for none.
        url: The hub's address.
        anew: Ignore cached credentials.

    Raises:
        NoCredentials: The credentials are not available, or are a signature of HTTP requests.
        ConnectFailed: The issuer of the credentials is unreachable.
    """
    if credentials is None:
        return ()
    if isinstance(credentials, AwsIam):
        raise NoCredentials(f"{credentials} covers requests over HTTP only: use the hub's HTTP address, not {url}")
    headers = credentials.headers(Outgoing("POST", url), anew=anew)
    return tuple((name.lower(), value) for name, value in headers.items())


def _authorities() -> bytes | None:
    """Return the certificates of the system's authorities, or of SSL_CERT_FILE or SSL_CERT_DIR, which HTTP trusts, too.

    Returns:
        None if there are none: the library has its own.

    Raises:
        ConnectFailed: They cannot be read.
    """
    paths = ssl.get_default_verify_paths()
    files = [Path(paths.cafile)] if paths.cafile else []
    if not files and paths.capath:
        found = Path(paths.capath)
        files = [file for suffix in ("crt", "pem") for file in sorted(found.glob(f"*.{suffix}")) if file.is_file()]
    try:
        return b"\n".join(file.read_bytes() for file in files) or None
    except OSError as error:
        raise ConnectFailed(f"the authorities in {error.filename} cannot be read: {error.strerror}") from error
