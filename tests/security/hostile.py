"""Hostile and arbitrary input from strangers, and how many examples each test tries.

`SECURITY=thorough` tries a hundred times as much, and other input each time.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["JSON", "NAMES", "TEXT", "WRITABLE", "bounded", "near", "tries"]

_THOROUGH = os.environ.get("SECURITY") == "thorough"

_MARKS = [
    *("{p7}", "{p0}:events:", "}", "{", "{}", "*", "?", "[", "\0", "\r\n", "\n", "\x1b[31m", "\x7f", "\x85", "\u2028"),
    *(
        "%0d%0a",
        "%00",
        "%",
        "%ED%A0%80",
        "..",
        "/",
        "\\",
        "'",
        '"',
        "''",
        "`",
        "$(id)",
        ";",
        "--",
        "<script>",
        "&",
        "#",
    ),
    *("NX", "MAXLEN", "=", "+", "-", "0-1", "$", "(", "[a", "\xff", "\ufeff", "\uffff", "\ud800", "\udc00", "é", "😀"),
    *(
        "true",
        "null",
        "NaN",
        "1e999",
        "-0",
        "9" * 20,
        "a" * 300,
        "٣",
        ":",
        "~",
        ".",
        " ",
        "acme:",
        "default",
        "__proto__",
    ),
    *("hubstream", "action", "data", "c", "s", "n", "AA", "_", "LIKE '%", "AND", "NOT ", "EXISTS ", "IN (", "CONCAT("),
]

TEXT = st.lists(st.sampled_from(_MARKS) | st.text(st.characters(), max_size=6), max_size=8).map("".join)
"""Any text, including lone surrogates, which JSON escapes can encode, and control characters."""

WRITABLE = TEXT.map(lambda text: text.encode(errors="replace").decode())
"""Any text that UTF-8 can encode."""

NAMES = st.text("AZaz09._:~-", min_size=1, max_size=12) | st.just("x" * 200)
"""Names of streams and durable subscriptions."""

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXT
    | NAMES
    | st.sampled_from([10**400, -1, 2**31, 2**63])
)
JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=8
)
"""Any JSON value."""


def near(
    needed: dict[str, st.SearchStrategy[Any]], optional: dict[str, st.SearchStrategy[Any]] | None = None
) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these members; in half of them, one member is left out, replaced or added."""
    names = [*needed, *(optional or {})]

    def changed(members: dict[str, Any], name: str, value: object, how: str) -> dict[str, Any]:
        match how:
            case "without":
                return {known: members[known] for known in members if known != name}
            case "replaced":
                return {**members, name: value}
            case _:
                return members

    return st.builds(
        changed,
        st.fixed_dictionaries(needed, optional=optional),
        st.sampled_from(names) | TEXT,
        JSON,
        st.sampled_from(["as it is", "as it is", "without", "replaced"]),
    )


def tries(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The number of examples of a test: the same examples each time, unless it has to be thorough."""
    return settings(
        max_examples=count * 100 if _THOROUGH else count,
        derandomize=not _THOROUGH,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


@contextmanager
def bounded(*, seconds: float = 5.0) -> Iterator[None]:
    """Assert that the block uses less processor time than the limit; correct code needs a hundredth of it."""

    def ended(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"it took more than {seconds} s of the processor")

    before = signal.signal(signal.SIGVTALRM, ended)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
