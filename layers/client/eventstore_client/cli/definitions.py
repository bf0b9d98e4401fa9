"""What options say of durable subscriptions and rules, as the client takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_client.cli.records import details

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["done", "filters_of", "has_filters", "settings_of"]


def filters_of(options: argparse.Namespace) -> Sequence[Mapping[str, Any]]:
    """Return the filters that the options select; all of them must match."""
    return [
        *([{"any": options.type}] if options.type else []),
        *([{"sql": options.filter}] if options.filter is not None else []),
        *(options.filters or []),
    ]


def has_filters(options: argparse.Namespace) -> bool:
    """Whether the options select filters."""
    return bool(options.type) or options.filter is not None or options.filters is not None


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of delivery."""
    return {name: getattr(options, name) for name in ("ack_deadline", "max_attempts", "max_in_flight")}


def done(options: argparse.Namespace, **members: object) -> Iterable[str]:
    """Return the result of a command that has none for people."""
    return [] if options.output == "table" else details(members, output=options.output)
