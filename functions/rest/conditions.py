"""Request headers: preconditions (RFC 9110, 13), preferences (RFC 7240) and media types (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery
from eventstore.streams import ANY, NEW, Condition, Expected, version_of
from functions.rest.responses import BATCH, JSON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.positions import Epoch
    from eventstore.streams import StreamState

__all__ = [
    "VERSION_PATTERN",
    "conditions",
    "entity_tag",
    "expected",
    "is_current",
    "prefers_batch",
    "require_one_condition",
    "requires_new",
    "settings_condition",
    "settings_tag",
    "settings_version",
    "tags",
    "wait_seconds",
]

_BATCH_SUFFIX = "-batch"
_SETTINGS_SUFFIX = "-c"
"""Suffixes of the version in the entity tag of a bare batch, and of a stream whose settings were changed."""

# The version alone, or a whole entity tag of this API: head, first and epoch, in either representation.
VERSION_PATTERN = (
    r'"((0|[1-9][0-9]{0,15})(\.[1-9][0-9]{0,15}\.[0-9a-f]+)?)' rf'(?:{_BATCH_SUFFIX}|{_SETTINGS_SUFFIX}[0-9]{{1,15}})?"'
)
_VERSION = re.compile(VERSION_PATTERN)
_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
"""RFC 9110, 8.8.3."""
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?=$|[,;])', re.IGNORECASE)
_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)", re.IGNORECASE)

_LONGEST_WAIT = 25.0
"""API Gateway ends a request after 29 seconds (API Gateway quotas)."""

_RESERVE = 2.0
"""Seconds left for reading and responding after the wait."""


def entity_tag(state: StreamState, epoch: Epoch, *, batch: bool = False) -> str:
    """Return the entity tag of a stream's events, made of its version (`streams.version_of`).

    Strong tags of two representations must differ (RFC 9110, 8.8.1), so a bare batch has a suffix. As a precondition of
    a write, both mean the same version.

    Args:
        state: The stream.
        epoch: The epoch of its partition.
        batch: Whether the body is a bare batch.
    """
    return f'"{version_of(state, epoch)}{_BATCH_SUFFIX if batch else ""}"'


def settings_tag(state: StreamState, epoch: Epoch) -> str:
    """Return the entity tag of a stream's description; see `settings_version`."""
    return f'"{settings_version(state, epoch)}"'


def settings_version(state: StreamState, epoch: Epoch) -> str:
    """Return the version of a stream's description, made of those of the stream and of its settings.

    Args:
        state: The stream.
        epoch: The epoch of its partition.
    """
    return f"{version_of(state, epoch)}{f'{_SETTINGS_SUFFIX}{state.changes}' if state.changes else ''}"


def settings_condition(versions: Sequence[str] | None) -> Callable[[StreamState, Epoch], bool] | None:
    """Return whether a stream has one of these versions, so that its settings may be changed.

    Args:
        versions: Versions of the stream's description, or heads of the stream. None is any, and returns None.
    """
    if versions is None:
        return None
    return lambda state, epoch: not {str(state.head), settings_version(state, epoch)}.isdisjoint(versions)


def expected(headers: Mapping[str, str]) -> Expected:
    """Return the version at which the publisher expects the stream to be, from `If-Match` and `If-None-Match`.

    Raises:
        InvalidQuery: A publish does not support the precondition.
    """
    require_one_condition(headers)
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if none_match is not None:
        if none_match.strip() != "*":
            raise InvalidQuery(
                "If-None-Match must be * (the stream must not exist yet); send an expected version as If-Match",
                pointer="If-None-Match",
            )
        return NEW
    if match is None:
        return ANY
    if match.strip() == "*":
        raise InvalidQuery(
            'If-Match must be a version such as "7", not *; omit the header to publish unconditionally',
            pointer="If-Match",
        )
    version = _VERSION.fullmatch(match.strip())
    if not version:
        raise InvalidQuery(
            f'If-Match must be one version in double quotes, such as "7", or an ETag, not {match[:80]!r}',
            pointer="If-Match",
        )
    return Expected(int(version[2]), tag=version[1] if version[3] else "")


def conditions(headers: Mapping[str, str]) -> Sequence[Condition]:
    """Return the preconditions of a change to a stream, from `If-Match` and `If-None-Match`.

    Raises:
        InvalidQuery: A header is neither `*` nor a list of entity tags.
    """
    preconditions = []
    for name, negated in (("If-Match", False), ("If-None-Match", True)):
        text = headers.get(name.lower())
        if text is not None:
            versions = ("*",) if text.strip() == "*" else _versions(name, text, weak=negated)
            preconditions.append(Condition(versions, negated))
    return preconditions


def _versions(name: str, text: str, *, weak: bool) -> tuple[str, ...]:
    """Return the versions in a list of entity tags; tags of another form match no stream, and are skipped.

    Args:
        name: The header's name.
        text: Its value.
        weak: Whether weak tags match (RFC 9110, 13.1.1 and 13.1.2).
    """
    tags = [_TAG.fullmatch(entry.strip()) for entry in text.split(",")]
    versions = []
    for tag in tags:
        if not tag:
            raise InvalidQuery(
                f'{name} must be *, versions in double quotes, such as "7", or ETags, not {text[:80]!r}',
                pointer=name,
            )
        version = _VERSION.fullmatch(tag[2])
        if version and (weak or not tag[1]):
            versions.append(version[1])
    return tuple(versions)


def tags(headers: Mapping[str, str]) -> Sequence[str] | None:
    """Return the strong entity tags of `If-Match` without their quotes; None if any version matches.

    Raises:
        InvalidQuery: The header is neither `*` nor a list of entity tags.
    """
    text = headers.get("if-match", "*")
    if text.strip() == "*":
        return None
    matches = [_TAG.fullmatch(entry.strip()) for entry in text.split(",")]
    if not all(matches):
        raise InvalidQuery(f"If-Match must be * or a list of ETags, not {text[:80]!r}", pointer="If-Match")
    return [match[2].strip('"') for match in matches if match and not match[1]]


def requires_new(headers: Mapping[str, str]) -> bool:
    """Return whether a stream or filter may be stored only if it does not exist (`If-None-Match: *`).

    Raises:
        InvalidQuery: `If-None-Match` has another value.
    """
    condition = headers.get("if-none-match")
    if condition not in {None, "*"}:
        raise InvalidQuery("If-None-Match must be * (it must not exist yet)", pointer="If-None-Match")
    return condition is not None


def require_one_condition(headers: Mapping[str, str]) -> None:
    """Raise `InvalidQuery` if a call that supports either `If-Match` or `If-None-Match` has both."""
    if {"if-match", "if-none-match"} <= headers.keys():
        raise InvalidQuery("If-Match and If-None-Match exclude each other; send one of them", pointer="If-Match")


def is_current(headers: Mapping[str, str], tag: str) -> bool:
    """Return whether `If-None-Match` matches the tag by weak comparison: the reader has this version already.

    Args:
        headers: The request's.
        tag: The entity tag of the current version.
    """
    text = headers.get("if-none-match")
    if text is None:
        return False
    return text.strip() == "*" or tag in {entry.strip().removeprefix("W/") for entry in text.split(",")}


def wait_seconds(headers: Mapping[str, str], *, seconds_left: float) -> float:
    """Return how many seconds to wait for events (`Prefer: wait`), limited by the gateway and the function; 0 for none.

    A preference that cannot be parsed is ignored (RFC 7240, 2).

    Args:
        headers: The request's.
        seconds_left: Seconds until Lambda ends the function.
    """
    match = _WAIT.search(headers.get("prefer", ""))
    if not match:
        return 0.0
    return max(0.0, min(float(match[1]), _LONGEST_WAIT, float(int(seconds_left - _RESERVE))))


def prefers_batch(headers: Mapping[str, str]) -> bool:
    """Return whether `Accept` names the JSON batch format, with a quality no lower than that of JSON."""
    qualities = dict(_accepted(headers.get("accept", "")))
    return qualities.get(BATCH, 0.0) > 0 and qualities[BATCH] >= qualities.get(JSON, 0.0)


def _accepted(accept: str) -> list[tuple[str, float]]:
    accepted = []
    for entry in accept.split(","):
        name, _, parameters = entry.partition(";")
        quality = _QUALITY.search(f";{parameters}")
        accepted.append((name.strip().lower(), float(quality[1]) if quality else 1.0))
    return accepted
