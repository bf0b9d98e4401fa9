"""The access that a credential grants: actions and streams. The authorizer passes it to the functions as text."""

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
from eventstore.streams import DurableName, FilterName, StreamName, stream_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from eventstore.cloudevents.event import Event
    from eventstore.filters import Filter
    from eventstore.subscriptions import Connection, Durable

__all__ = ["FULL", "IN_BODY", "IN_URL", "Access", "Scope"]

IN_BODY = "/stream", "/filters"
"""Where a message, or the body of a request, has its streams and its filter (RFC 6901)."""

IN_URL = "stream", "filter"
"""The parameters of a URL for the same."""


class Scope(StrEnum):
    """An action, as tokens and the entries of API keys name it."""

    PUBLISH = "publish"
    READ = "read"
    SUBSCRIBE = "subscribe"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Access:
    """The actions and streams that a caller may use. Lists and searches leave out other streams; naming one is refused.

    Make one with `Access.of`.

    Attributes:
        subject: The identity of the caller.
        scopes: The actions that it allows.
        tenants: The values of `tenantid` that published events may have; any, if empty.
        prefixes: The prefixes of the names of its streams, those of its tenants included; sorted, none a prefix of
            another. All streams, if empty.
    """

    subject: str
    scopes: frozenset[Scope]
    tenants: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, subject: str, scopes: Iterable[Scope], *, tenants: Iterable[str] = (), streams: Iterable[str] = ()
    ) -> Access:
        """Return the access that a credential grants.

        Args:
            subject: The identity of the caller.
            scopes: The actions that it allows.
            tenants: Each allows the streams whose names start with `{tenant}:`.
            streams: Prefixes of the names of further streams. With neither tenants nor streams, all are allowed.
        """
        tenant_names = frozenset(tenants)
        prefixes = _shortest_prefixes({*streams, *map(_prefix_of_tenant, tenant_names)})
        return cls(subject, frozenset(scopes), tenant_names, prefixes)

    def encoded(self) -> dict[str, str]:
        """Return the text form that `decoded` reads: strings only, because API Gateway passes on nothing else.

        No string has a character that is not ASCII, or that would end a JSON string or a line: the gateway writes the
        subject into its access logs without escaping it.
        """
        # The prefixes of tenants follow from the tenants: the context has at most 8 KiB.
        implied = {_prefix_of_tenant(tenant) for tenant in self.tenants}
        return {
            "subject": quote(self.subject, safe=_PLAIN, errors="surrogatepass"),
            "scopes": " ".join(sorted(self.scopes)),
            "tenants": " ".join(sorted(self.tenants)),
            "streams": " ".join(prefix for prefix in self.prefixes if prefix not in implied),
        }

    @classmethod
    def decoded(cls, context: Mapping[str, str]) -> Access:
        """Return the access that was encoded. An empty context gives an access without scopes."""
        scopes = [Scope(name) for name in context.get("scopes", "").split() if name in _SCOPES]
        tenants, streams = context.get("tenants", "").split(), context.get("streams", "").split()
        subject = unquote(context.get("subject", ""), errors="surrogatepass")
        return cls.of(subject, scopes, tenants=tenants, streams=streams)

    def allows(self, scope: Scope) -> bool:
        """Whether the access allows an action."""
        return scope in self.scopes

    def require(self, *any_of: Scope) -> None:
        """Raise `Forbidden` unless the access has at least one of these scopes."""
        if self.scopes.isdisjoint(any_of):
            raise Forbidden(f"this call requires the scope {' or '.join(any_of)}, which the credential does not have")

    def reaches(self, stream: str) -> bool:
        """Whether the access includes a stream, by its name."""
        return not self.prefixes or stream.startswith(self.prefixes)

    def require_streams(self, streams: Iterable[StreamName | DurableName | FilterName], *, pointer: str = "") -> None:
        """Raise `Forbidden` unless the access includes all of these streams, whether they exist or not.

        Args:
            streams: The names of the streams; those of durable subscriptions and filters are confined to the same
                prefixes.
            pointer: Where the request names them (RFC 6901), for the error.
        """
        for stream in streams:
            if not self.reaches(stream):
                raise Forbidden(
                    f"the credential does not allow stream {stream!r}, only names that start with "
                    f"{self._listed_prefixes()}",
                    pointer=pointer,
                )

    def require_all_streams(self) -> None:
        """Raise `Forbidden` unless the access includes all streams."""
        if self.prefixes:
            raise Forbidden(
                "this call covers all streams, but the credential allows only names that start with "
                f"{self._listed_prefixes()}"
            )

    def require_events(self, events: Sequence[Event], *, stream: StreamName | None) -> None:
        """Raise unless the access includes the streams and tenants of these events.

        Args:
            events: The events to publish.
            stream: The stream of all of them; None if each belongs to the stream that it names (`streams.stream_of`).

        Raises:
            Forbidden: The stream or the tenant of an event is not included.
            InvalidStream: See `streams.stream_of`.
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

    def confined(
        self, requested: Filter, *, streams: Collection[StreamName] = (), pointers: tuple[str, str] = IN_BODY
    ) -> Filter:
        """Return the filter of a request, confined to the streams of the access.

        Args:
            requested: The filter of the request.
            streams: The streams that the request names. The access must reach them; the filter then stays as it is.
            pointers: Where the request has streams and filter (RFC 6901), for errors: `IN_BODY` or `IN_URL`.

        Raises:
            Forbidden: The request names a stream that the access does not reach.
            InvalidFilter: The combined filter is too long.
        """
        at_streams, at_filter = pointers
        self.require_streams(streams, pointer=at_streams)
        if streams or not self.prefixes or self._includes_all_of(requested):
            return requested
        own: list[object] = [{"prefix": {"hubstream": prefix}} for prefix in self.prefixes]
        return parse_filters(
            [*json.loads(requested.text), own[0] if len(own) == 1 else {"any": own}], pointer=at_filter
        )

    def covers(self, durable: Durable) -> bool:
        """Whether the access includes every stream of a durable subscription; otherwise it must not see it."""
        if not self.prefixes:
            return True
        return all(map(self.reaches, durable.streams)) if durable.streams else self._includes_all_of(durable.filter)

    def includes(self, connection: Connection) -> bool:
        """Whether the access includes every stream that a connection may reach; otherwise it must not see it."""
        if not self.prefixes:
            return True
        # A connection without prefixes may reach all streams.
        return bool(connection.prefixes) and all(map(self.reaches, connection.prefixes))

    def within(self, prefix: str) -> Sequence[str]:
        """Return the prefixes of the included names that start with `prefix`; sorted, and no name has two of them."""
        if self.reaches(prefix):
            return (prefix,)
        return [own for own in self.prefixes if own.startswith(prefix)]

    def _includes_all_of(self, requested: Filter) -> bool:
        """Whether the filter is known to match events of included streams only."""
        return requested.prefixes is not None and all(map(self.reaches, requested.prefixes))

    def _listed_prefixes(self) -> str:
        return ", ".join(map(repr, self.prefixes))


_SCOPES = frozenset(Scope)
_PLAIN = ascii_letters + digits + " " + punctuation.translate(str.maketrans("", "", '"\\%'))

FULL = Access("", _SCOPES)
"""The access of every caller where no credential is required, or where IAM decides."""


def _prefix_of_tenant(tenant: str) -> str:
    return f"{tenant}:"


def _shortest_prefixes(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Return the prefixes without those that start with another one, which includes their streams."""
    kept: list[str] = []
    for prefix in sorted(prefixes):
        if not (kept and prefix.startswith(kept[-1])):
            kept.append(prefix)
    return tuple(kept)
