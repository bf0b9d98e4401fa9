"""What headers ask for: conditions (RFC 9110, 13), preferences (RFC 7240) and media types (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eventstore.errors import InvalidQuery
from eventstore.streams import ANY, NEW, Condition, Expected, version_of
from functions.rest.responses import BATCH, JSON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.streams import StreamState

__all__ = [
    "VERSION_PATTERN",
    "conditions",
    "entity_tag",
    "expected",
    "is_current",
    "prefers_batch",
    "requires_new",
    "settings_tag",
    "tags",
    "wait_seconds",
]

_OF_A_BATCH = "-batch"
_OF_SETTINGS = "-c"
"""What stands behind the version in the entity tag of a bare batch, and of a stream whose settings were changed."""

# The version alone, or a whole entity tag of this API: head, first and epoch, in either representation.
VERSION_PATTERN = (
    r'"((0|[1-9][0-9]{0,15})(\.[1-9][0-9]{0,15}\.[0-9a-f]+)?)' rf'(?:{_OF_A_BATCH}|{_OF_SETTINGS}[0-9]{{1,15}})?"'
)
_VERSION = re.compile(VERSION_PATTERN)
_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
"""RFC 9110, 8.8.3."""
_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*"?([0-9]{1,9})"?\s*(?=$|[,;])', re.IGNORECASE)
_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)", re.IGNORECASE)

_LONGEST_WAIT = 25.0
"""API Gateway ends a request after 29 seconds (API Gateway quotas)."""

_RESERVE = 2.0
"""Seconds that reading and answering may take once the wait is over."""


def entity_tag(state: StreamState, epoch: str, *, batch: bool = False) -> str:
    """The stream's version, as `streams.version_of` has it; a bare batch is another representation of the same.

    Strong tags of two representations differ (RFC 9110, 8.8.1). As a condition of a change, both name the version.
    """
    return f'"{version_of(state, epoch)}{_OF_A_BATCH if batch else ""}"'


def settings_tag(state: StreamState, epoch: str) -> str:
    """The version of a stream and of its settings, which a description of it shows."""
    return f'"{version_of(state, epoch)}{f"{_OF_SETTINGS}{state.changes}" if state.changes else ""}"'


def expected(headers: Mapping[str, str]) -> Expected:
    """Where the publisher believes the stream ends.

    Raises:
        InvalidQuery: The condition is none that a publish can have.
    """
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if match is not None and none_match is not None:
        raise InvalidQuery("If-Match and If-None-Match contradict each other; send one of them", pointer="If-Match")
    if none_match is not None:
        if none_match.strip() != "*":
            raise InvalidQuery(
                "If-None-Match of a publish is *, for a stream that is new; send an expected version as If-Match",
                pointer="If-None-Match",
            )
        return NEW
    if match is None:
        return ANY
    if match.strip() == "*":
        raise InvalidQuery(
            'If-Match: * names no version; send the expected one, such as If-Match: "7", or no condition at all',
            pointer="If-Match",
        )
    version = _VERSION.fullmatch(match.strip())
    if not version:
        raise InvalidQuery(
            f'If-Match is {match[:80]!r}; send one version in double quotes, such as "7", or an ETag as it was given',
            pointer="If-Match",
        )
    return Expected(int(version[2]), tag=version[1] if version[3] else "")


def conditions(headers: Mapping[str, str]) -> Sequence[Condition]:
    """On which conditions a stream is to be changed, by `If-Match` and `If-None-Match`.

    Raises:
        InvalidQuery: One is neither `*` nor a list of entity tags.
    """
    found = []
    for name, negated in (("If-Match", False), ("If-None-Match", True)):
        text = headers.get(name.lower())
        if text is not None:
            versions = ("*",) if text.strip() == "*" else _versions(name, text, weak=negated)
            found.append(Condition(versions, negated))
    return found


def _versions(name: str, text: str, *, weak: bool) -> tuple[str, ...]:
    """The versions in a list of entity tags; what is none of this API's is none of any stream's.

    A weak tag counts where tags are compared weakly (RFC 9110, 13.1.1 and 13.1.2).
    """
    tags = [_TAG.fullmatch(entry.strip()) for entry in text.split(",")]
    versions = []
    for tag in tags:
        if not tag:
            raise InvalidQuery(
                f'{name} is {text[:80]!r}; send *, versions in double quotes, such as "7", or ETags as they were given',
                pointer=name,
            )
        version = _VERSION.fullmatch(tag[2])
        if version and (weak or not tag[1]):
            versions.append(version[1])
    return tuple(versions)


def tags(headers: Mapping[str, str]) -> Sequence[str] | None:
    """The strong entity tags of `If-Match`, without their quotes; None if every version will do.

    Raises:
        InvalidQuery: It is neither `*` nor a list of entity tags.
    """
    text = headers.get("if-match", "*")
    if text.strip() == "*":
        return None
    found = [_TAG.fullmatch(entry.strip()) for entry in text.split(",")]
    if not all(found):
        raise InvalidQuery(f"If-Match is {text[:80]!r}; send *, or ETags as they were given", pointer="If-Match")
    return [tag[2].strip('"') for tag in found if tag and not tag[1]]


def requires_new(headers: Mapping[str, str]) -> bool:
    """Whether a stream is to be made only if there is none of its name.

    Raises:
        InvalidQuery: The condition is none that making a stream can have.
    """
    condition = headers.get("if-none-match")
    if condition not in {None, "*"}:
        raise InvalidQuery("If-None-Match of a new stream is *, for one that there is not yet", pointer="If-None-Match")
    return condition is not None


def is_current(headers: Mapping[str, str], tag: str) -> bool:
    """Whether the reader already has what the tag stands for (If-None-Match, weak comparison)."""
    known = headers.get("if-none-match")
    if known is None:
        return False
    return known.strip() == "*" or tag in {entry.strip().removeprefix("W/") for entry in known.split(",")}


def wait_seconds(headers: Mapping[str, str], *, seconds_left: float) -> float:
    """How long the reader is ready to wait, within what the gateway and the function allow; 0 if not at all.

    What cannot be understood is ignored, as RFC 7240, 2 has it.
    """
    match = _WAIT.search(headers.get("prefer", ""))
    if not match:
        return 0.0
    return max(0.0, min(float(match[1]), _LONGEST_WAIT, float(int(seconds_left - _RESERVE))))


def prefers_batch(headers: Mapping[str, str]) -> bool:
    """Whether the reader names the JSON batch format, and likes JSON no better."""
    qualities = dict(_accepted(headers.get("accept", "")))
    return qualities.get(BATCH, 0.0) > 0 and qualities[BATCH] >= qualities.get(JSON, 0.0)


def _accepted(accept: str) -> list[tuple[str, float]]:
    accepted = []
    for entry in accept.split(","):
        name, _, parameters = entry.partition(";")
        quality = _QUALITY.search(f";{parameters}")
        accepted.append((name.strip().lower(), float(quality[1]) if quality else 1.0))
    return accepted
