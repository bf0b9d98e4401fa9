"""What a credential grants: which actions, and on which streams. Whoever checked it passes that on as text."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_letters, digits, punctuation
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from eventstore.cloudevents.event import canonical
from eventstore.errors import Forbidden
from eventstore.filters import parse_filters
from eventstore.streams import stream_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import Event
    from eventstore.filters import Filter
    from eventstore.subscriptions import Durable

__all__ = ["FULL", "Access", "Scope"]


class Scope(StrEnum):
    """What may be done, as it stands in tokens and in the entries of API keys."""

    PUBLISH = "publish"
    READ = "read"
    SUBSCRIBE = "subscribe"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Access:
    """What its holder may do. What lies outside does not exist for it; to name that is refused.

    Make one with `Access.of`.

    Attributes:
        subject: Who it is.
        scopes: What it may do.
        tenants: What the `tenantid` of an event may be that it publishes; none means anything.
        prefixes: How the names of its streams start, those of its tenants among them, in order, and none the start of
            another; none means all streams.
    """

    subject: str
    scopes: frozenset[Scope]
    tenants: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, subject: str, scopes: Iterable[Scope], *, tenants: Iterable[str] = (), streams: Iterable[str] = ()
    ) -> Access:
        """What a credential says: a tenant stands for the streams whose names start with its own and a colon."""
        of_tenants = frozenset(tenants)
        starts = _shortest({*streams, *map(_start_of, of_tenants)})
        return cls(subject, frozenset(scopes), of_tenants, starts)

    def encoded(self) -> dict[str, str]:
        """What `decoded` reads back: strings alone, for API Gateway passes on nothing else, and 8 KiB at most.

        None has a character that is not ASCII, or that would end a JSON string or a line: the gateway writes the
        subject into its access logs as it is.
        """
        # What the tenants stand for is not told twice.
        implied = {_start_of(tenant) for tenant in self.tenants}
        return {
            "subject": quote(self.subject, safe=_PLAIN, errors="surrogatepass"),
            "scopes": " ".join(sorted(self.scopes)),
            "tenants": " ".join(sorted(self.tenants)),
            "streams": " ".join(start for start in self.prefixes if start not in implied),
        }

    @classmethod
    def decoded(cls, context: Mapping[str, str]) -> Access:
        """The access that was encoded; without scopes, where they are missing."""
        scopes = [Scope(name) for name in context.get("scopes", "").split() if name in _SCOPES]
        tenants, streams = context.get("tenants", "").split(), context.get("streams", "").split()
        subject = unquote(context.get("subject", ""), errors="surrogatepass")
        return cls.of(subject, scopes, tenants=tenants, streams=streams)

    def allows(self, scope: Scope) -> bool:
        """Whether it may do this."""
        return scope in self.scopes

    def require(self, *any_of: Scope) -> None:
        """Raise `Forbidden` unless it has one of these scopes at least."""
        if self.scopes.isdisjoint(any_of):
            raise Forbidden(f"this call requires the scope {' or '.join(any_of)}, which the credential does not have")

    def reaches(self, stream: str) -> bool:
        """Whether a stream of this name is one of its own."""
        return not self.prefixes or stream.startswith(self.prefixes)

    def require_streams(self, streams: Iterable[str], *, pointer: str = "") -> None:
        """Raise `Forbidden` unless all of these are its own, whether there are such streams or not.

        Args:
            streams: Their names.
            pointer: Where they stand in the request (RFC 6901), for the error.
        """
        for stream in streams:
            if not self.reaches(stream):
                raise Forbidden(
                    f"the credential does not allow stream {stream!r}, only names that start with {self._starts()}",
                    pointer=pointer,
                )

    def require_all_streams(self) -> None:
        """Raise `Forbidden` unless all streams are its own."""
        if self.prefixes:
            raise Forbidden(
                f"this call covers all streams, but the credential allows only names that start with {self._starts()}"
            )

    def require_events(self, events: Sequence[Event], *, stream: str | None) -> None:
        """Raise unless it may publish these; `stream` as in `Publisher.publish`.

        Raises:
            Forbidden: One belongs to a stream, or says that it is of a tenant, that is not its own.
            InvalidStream: As `streams.stream_of` says.
        """
        if not self.prefixes:
            return
        if stream is not None:
            self.require_streams([stream], pointer="stream")
        for index, event in enumerate(events):
            pointer = f"/{index}" if len(events) > 1 else ""
            if stream is None:
                self.require_streams([stream_of(event)], pointer=pointer)
            if not self.tenants or "tenantid" not in event.attributes:
                continue
            tenant = canonical(event.attributes["tenantid"])
            if tenant not in self.tenants:
                raise Forbidden(
                    f"the credential does not allow tenantid {tenant[:80]!r}, only {', '.join(sorted(self.tenants))}",
                    pointer=f"{pointer}/tenantid",
                )

    def confined(self, wanted: Filter, *, pointer: str = "/filters") -> Filter:
        """The filter of what is wanted and its own.

        Raises:
            InvalidFilter: Both together are too long.
        """
        if not self.prefixes or self._holds(wanted):
            return wanted
        starts: list[object] = [{"prefix": {"hubstream": start}} for start in self.prefixes]
        return parse_filters(
            [*json.loads(wanted.text), starts[0] if len(starts) == 1 else {"any": starts}], pointer=pointer
        )

    def covers(self, durable: Durable) -> bool:
        """Whether a durable subscription concerns its own streams alone: else it is not there for it."""
        if not self.prefixes:
            return True
        return all(map(self.reaches, durable.streams)) if durable.streams else self._holds(durable.filter)

    def within(self, prefix: str) -> Sequence[str]:
        """The starts of the names that start with `prefix` and are its own: in order, no two share a name."""
        if self.reaches(prefix):
            return (prefix,)
        return [start for start in self.prefixes if start.startswith(prefix)]

    def _holds(self, wanted: Filter) -> bool:
        """Whether every event that matches is its own, as far as the filter tells."""
        return wanted.prefixes is not None and all(map(self.reaches, wanted.prefixes))

    def _starts(self) -> str:
        return ", ".join(map(repr, self.prefixes))


_SCOPES = frozenset(Scope)
_PLAIN = ascii_letters + digits + " " + punctuation.translate(str.maketrans("", "", '"\\%'))

FULL = Access("", _SCOPES)
"""What everyone may do where nobody asks for a credential, or something else decides."""


def _start_of(tenant: str) -> str:
    return f"{tenant}:"


def _shortest(starts: Iterable[str]) -> tuple[str, ...]:
    """Those of which no other is the start: they say the same."""
    kept: list[str] = []
    for start in sorted(starts):
        if not (kept and start.startswith(kept[-1])):
            kept.append(start)
    return tuple(kept)
