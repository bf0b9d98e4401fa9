"""Parsing `KAFKA_BROKERS`: the brokers of a cluster, and who connects.

No message repeats any part of it: a password with characters that are not percent-encoded can end up in any part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from eventstore.errors import SettingsError

__all__ = ["IAM", "Broker", "KafkaBrokers"]

IAM = "AWS_MSK_IAM"
"""The mechanism of Amazon MSK: the keys of AWS sign a token."""

_WITH_PASSWORD = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN")
"""The mechanisms that need a user and a password; the first one is the default."""

_PORT = 9092
_FORM = (
    "host[:9092][,host…], or kafka://[user:password@]host[:9092][,host…][?tls=true][&tls_ca=FILE]"
    f"[&mechanism={'|'.join((*_WITH_PASSWORD, IAM))}]"
)


class Broker(NamedTuple):
    """A broker of a cluster, which knows the others."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class KafkaBrokers:
    """A parsed `KAFKA_BROKERS`.

    Attributes:
        brokers: The brokers to ask for the others, in the order given; at least one.
        tls: Whether connections are encrypted.
        tls_ca: The file of the certificate authority of the brokers, in PEM; empty for those of the system.
        mechanism: The SASL mechanism; empty if nobody logs in.
        user: The user; empty for `AWS_MSK_IAM`, and if nobody logs in.
        password: The password of the user.
    """

    brokers: tuple[Broker, ...]
    tls: bool = False
    tls_ca: str = ""
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> KafkaBrokers:
        """Parse the setting: a list of brokers, or a URL.

        Raises:
            SettingsError: It is not valid.
        """
        if "://" not in text:
            return cls(tuple(_broker(host) for host in text.split(",")))
        parts = urlsplit(text)
        if parts.scheme != "kafka":
            raise _invalid("its scheme is not kafka")
        if parts.path not in {"", "/"} or parts.fragment:
            raise _invalid("it has a path or a fragment")
        credentials, _, hosts = parts.netloc.rpartition("@")
        user, _, password = (unquote(part) for part in credentials.partition(":"))
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        tls, tls_ca = options.pop("tls", ""), options.pop("tls_ca", "")
        mechanism = options.pop("mechanism", _WITH_PASSWORD[0] if credentials else "")
        if options:
            raise _invalid("it has an option that is unknown")
        if tls not in {"", "true", "false"}:
            raise _invalid("tls is not true or false")
        if tls == "false" and tls_ca:
            raise _invalid("it has tls=false and a tls_ca")
        _check(mechanism, user, password)
        brokers = tuple(_broker(host) for host in hosts.split(","))
        # A token of AWS_MSK_IAM is worth as much as a password, and Amazon MSK accepts it over TLS only.
        encrypted = tls == "true" or bool(tls_ca) or (mechanism == IAM and tls == "")
        if mechanism == IAM and not encrypted:
            raise _invalid(f"{IAM} needs tls=true")
        return cls(brokers, encrypted, tls_ca, mechanism, user, password)


def _check(mechanism: str, user: str, password: str) -> None:
    """Raise `SettingsError` unless the mechanism is known, and has what it needs."""
    if mechanism in _WITH_PASSWORD:
        if not user or not password:
            raise _invalid("its mechanism needs a user and a password")
    elif mechanism not in {"", IAM}:
        raise _invalid("its mechanism is unknown")
    elif user or password:
        raise _invalid("its mechanism takes no user")


def _broker(text: str) -> Broker:
    try:
        address = urlsplit(f"//{text.strip()}")
        port = address.port
    except ValueError:
        raise _invalid("a port is not a number up to 65535") from None
    if address.netloc != text.strip() or "@" in address.netloc:
        raise _invalid("a host has more than a name and a port")
    if not address.hostname:
        raise _invalid("a host is missing")
    return Broker(address.hostname, _PORT if port is None else port)


def _invalid(why: str) -> SettingsError:
    return SettingsError(f"KAFKA_BROKERS is not valid: {why}; write {_FORM}")
