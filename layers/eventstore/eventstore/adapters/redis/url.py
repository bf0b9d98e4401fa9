"""Parsing `REDIS_URL`: the address of the store, and the user that connects.

No message repeats any part of the URL: a password with characters that are not percent-encoded can end up in any part.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from urllib.parse import SplitResult

__all__ = ["IamUser", "RedisUrl"]

_OWN_OPTIONS = ("cluster", "iam", "serverless")
_TLS_OPTIONS = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_check_hostname", "ssl_keyfile")
"""The options that are passed to redis-py. `ssl_cert_reqs` is not one of them: certificates are always verified."""

_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class IamUser:
    """A user of ElastiCache that authenticates by IAM.

    Attributes:
        name: The name of the user, which is also its id.
        cache: The id of the replication group, or the name of the serverless cache.
        serverless: Whether the cache is serverless.
    """

    name: str
    cache: str
    serverless: bool


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A parsed `REDIS_URL`.

    Attributes:
        address: The URL as redis-py accepts it; without the user, if `iam` has it.
        cluster: Whether it is the address of a cluster, or of a node of one.
        iam: The user that authenticates by IAM; None if none does.
    """

    address: str = field(repr=False)
    cluster: bool
    iam: IamUser | None

    @classmethod
    def parse(cls, url: str) -> RedisUrl:
        """Parse a URL.

        Raises:
            SettingsError: The URL is invalid. The message names the rule, and no part of the URL.
        """
        parts = _split(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := options.keys() - {*_OWN_OPTIONS, *_TLS_OPTIONS}:
            raise SettingsError(
                f"REDIS_URL has {len(unknown)} options that are not known; there are "
                f"{', '.join((*_OWN_OPTIONS, *_TLS_OPTIONS))}; "
                "? # / @ in a password are percent-encoded"
            )
        iam = _iam(parts, options)
        netloc = parts.netloc.rpartition("@")[2] if iam else parts.netloc
        query = urlencode({name: value for name, value in options.items() if name in _TLS_OPTIONS})
        return cls(
            address=urlunsplit(parts._replace(netloc=netloc, query=query)),
            cluster=_flag(options, "cluster"),
            iam=iam,
        )


def _split(url: str) -> SplitResult:
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0 and not parts.fragment:
            return parts
    raise SettingsError(
        "REDIS_URL is not of the form rediss://user:password@host:port, or redis://; "
        "? # / @ in a password are percent-encoded"
    )


def _iam(parts: SplitResult, options: dict[str, str]) -> IamUser | None:
    cache, serverless = options.get("iam"), _flag(options, "serverless")
    if cache is None:
        if serverless:
            raise SettingsError("REDIS_URL has serverless=true without iam=; it says of what kind that cache is")
        return None
    if not cache or not parts.username or parts.password is not None:
        raise SettingsError("with iam=, REDIS_URL has a user and no password, and iam= names the cache")
    if parts.scheme != "rediss":
        raise SettingsError("with iam=, REDIS_URL starts with rediss://; ElastiCache takes tokens over TLS only")
    return IamUser(unquote(parts.username), cache.lower(), serverless)


def _flag(options: dict[str, str], name: str) -> bool:
    value = _BOOLEANS.get(options.get(name, "false").lower())
    if value is None:
        raise SettingsError(f"the option {name}= of REDIS_URL is true or false")
    return value
