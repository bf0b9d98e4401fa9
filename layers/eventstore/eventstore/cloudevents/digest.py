"""The digest of an event's content, by which a store tells a repeated event from a conflicting one without its body.

Two events have equal digests if they have equal attributes and data: the order of members and the spelling of numbers
and strings in JSON data do not count, and neither does the trace, since who publishes an event again does so in another
span. The format is stored with every event and never changes; another one would be another version.
"""

from __future__ import annotations

import json
import math
import re
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CANONICAL", "DIGEST_BYTES", "VERBATIM", "content_digest", "equal_content"]

DIGEST_BYTES = 17
"""The length of a digest: its version, and 128 bits of BLAKE2b."""

CANONICAL = b"\x01"
"""The version of digests by the rules above. No version is 0, by which a store marks an event without a digest."""

VERBATIM = b"\x02"
"""The version of digests of JSON data that Python cannot decode, because it is nested very deeply or has a number of
thousands of digits: only the same text has the same digest. Digests of different versions say nothing of each other;
then bodies are compared."""

_TRACED = {CANONICAL: b"\x03", VERBATIM: b"\x04"}
"""The versions of digests of events with a trace. An earlier hub took those of the whole event, under the versions 1
and 2."""

_UNTRACED = {traced: version for version, traced in _TRACED.items()}

_TRACE = frozenset({"traceparent", "tracestate"})
"""The attributes of a trace (CloudEvents extension "Distributed Tracing")."""

_MAX_DIGITS = 4300
"""The maximum number of digits of an integer that Python converts (`sys.int_info.default_max_str_digits`)."""

_NUMBER = re.compile(rb"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")
_decode = json.JSONDecoder(parse_float=str.encode).decode
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def content_digest(attributes: Mapping[str, str | int | bool], data: str | bytes | None) -> bytes:
    """Return the digest of an event's content, of `DIGEST_BYTES`.

    Args:
        attributes: All attributes of the event.
        data: Its data: JSON text, or the bytes of other data; None if it has none.
    """
    is_traced = not _TRACE.isdisjoint(attributes)
    if is_traced:
        attributes = {name: value for name, value in attributes.items() if name not in _TRACE}
    # JSON text has no bare NUL, so bytes behind one are not confused with JSON.
    if data is None:
        version, content = CANONICAL, _encode([attributes]).encode()
    elif isinstance(data, bytes):
        version, content = CANONICAL, _encode([attributes]).encode() + b"\0" + data
    else:
        try:
            version, content = CANONICAL, _canonical([attributes, _decode(data)])
        except (RecursionError, ValueError):
            version, content = VERBATIM, _encode([attributes]).encode() + b"\0" + data.encode()
    if is_traced:
        version = _TRACED[version]
    return version + blake2b(content, digest_size=DIGEST_BYTES - 1).digest()


def equal_content(first: bytes, second: bytes) -> bool:
    """Whether two digests that this version of the hub has made are of events with equal content."""
    versions = [_UNTRACED.get(digest[:1], digest[:1]) for digest in (first, second)]
    return versions[0] == versions[1] and first[1:] == second[1:]


def _canonical(value: object) -> bytes:
    """Encode JSON with sorted members, no spaces, and ASCII characters only.

    A number that is no integer stands as `NaN`, which no JSON has; the exact numbers follow, in their order.
    """
    try:
        return _encode(value).encode()
    except TypeError:
        # Fractions and exponents were decoded as bytes, which JSON cannot encode.
        numbers: list[bytes] = []

        def exact(number: bytes) -> int | float:
            integer, text = _exact(number)
            if integer is None:
                numbers.append(text)
            return math.nan if integer is None else integer

        encoded = json.dumps(value, default=exact, sort_keys=True, separators=(",", ":"))
        return b"\n".join([encoded.encode(), *numbers])


def _exact(number: bytes) -> tuple[int | None, bytes]:
    """Return a number with a fraction or an exponent as an integer if it is one, else as `<digits>e<exponent>`."""
    match = _NUMBER.fullmatch(number)
    assert match is not None  # noqa: S101 - the decoder has found a number
    sign, whole, fraction, exponent = match.groups(b"")
    digits = (whole + fraction).lstrip(b"0")
    significant = digits.rstrip(b"0")
    if not significant:
        return 0, b""
    scale = int(exponent or b"0") - len(fraction) + len(digits) - len(significant)
    if 0 <= scale <= _MAX_DIGITS - len(significant):
        return int(sign + significant + b"0" * scale), b""
    return None, b"%b%be%d" % (sign, significant, scale)
