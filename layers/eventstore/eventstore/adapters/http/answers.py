"""What the answers of targets mean."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import responses
from typing import TYPE_CHECKING

from eventstore.ports import Refusal, TargetThrottled, TargetUnavailable

if TYPE_CHECKING:
    from eventstore.adapters.http.receiving import Answer

__all__ = ["refusal_of"]

_MAX_WORDS = 200
_MIN_DELAY_MS = 1000
"""Throttles do not count as attempts, so a target that asks for no delay would be called without end."""

_MAX_DELAY_MS = 60 * 60 * 1000
_TEXT = re.compile(r"text/|[^;]*[/+](?:json|xml)\s*(?:;|$)", re.IGNORECASE)
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_DIGITS = re.compile(r"[0-9]{1,10}")
_SUCCESS, _REDIRECTION, _CLIENT_ERROR, _SERVER_ERROR = 200, 300, 400, 500


def refusal_of(answer: Answer, *, now: int) -> Refusal | None:
    """Return why the target refused the events; None if it handled them.

    Args:
        answer: Its answer.
        now: The current time, in milliseconds since 1970.

    Raises:
        TargetThrottled: It asked to slow down.
        TargetUnavailable: It cannot work now.
    """
    status = answer.status
    if _SUCCESS <= status < _REDIRECTION:
        return None
    reason = _reason(answer)
    delay_ms = _retry_after(answer.headers.get("retry-after", ""), now=now)
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and delay_ms is not None):
        raise TargetThrottled(reason, delay_ms=delay_ms)
    # 408: the server did not wait for the request, which says nothing of the events (RFC 9110, 15.5.9).
    if not _REDIRECTION <= status < _SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        raise TargetUnavailable(reason)
    if status < _CLIENT_ERROR:
        location = _printable(answer.headers.get("location", ""))
        reason = f"{_status(status)}: redirects are not followed; it pointed to {location or 'nowhere'}"
    return Refusal(reason, park=True)


def _reason(answer: Answer) -> str:
    words = _words(answer)
    return f"{_status(answer.status)}: {words}" if words else _status(answer.status)


def _status(status: int) -> str:
    # By our own phrase: the server's may be anything.
    return f"{status} {responses.get(status, '')}".rstrip()


def _words(answer: Answer) -> str:
    """Return the beginning of the body, if it is text."""
    media_type = answer.headers.get("content-type", "")
    if "content-encoding" in answer.headers or (media_type and not _TEXT.match(media_type)):
        return ""
    words = _printable(answer.body.decode(errors="replace"))
    return "" if _REPLACEMENT in words and not media_type else words


def _printable(text: str) -> str:
    """Return the beginning of a text in one line, without characters that control what a terminal or a page shows."""
    plain = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or not unicodedata.category(character).startswith("C")
    )
    return " ".join(plain.split())[:_MAX_WORDS]


def _retry_after(value: str, *, now: int) -> int | None:
    """Return the milliseconds of a `Retry-After` (RFC 9110, 10.2.3); None if there is none, or not a valid one."""
    if _DIGITS.fullmatch(value):
        delay_ms = int(value) * 1000
    else:
        try:
            date = parsedate_to_datetime(value)
            # One of the three formats names no time zone, and means UTC (RFC 9110, 5.6.7).
            delay_ms = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000) - now
        except (ValueError, OverflowError):
            return None
    return min(max(delay_ms, _MIN_DELAY_MS), _MAX_DELAY_MS)
