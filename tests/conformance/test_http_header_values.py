"""The percent-encoding vectors of the C# SDK for `ce-` header values (HTTP binding 1.0.2, 3.1.3.2)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.cloudevents.http_binding import header_decoded, header_encoded

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def vectors(material: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((material / "cloudevents" / "http-header-percent-vectors.json").read_text())
    return content


def test_values_are_encoded(vectors: dict[str, Any]) -> None:
    assert [header_encoded(value) for value, _ in vectors["round_trip"]] == [h for _, h in vectors["round_trip"]]


def test_encoded_values_are_decoded(vectors: dict[str, Any]) -> None:
    assert [header_decoded(header) for _, header in vectors["round_trip"]] == [v for v, _ in vectors["round_trip"]]


def test_values_that_others_encode_are_decoded(vectors: dict[str, Any]) -> None:
    assert [header_decoded(header) for header, _ in vectors["decode_only"]] == [v for _, v in vectors["decode_only"]]


def test_undecodable_values_are_refused(vectors: dict[str, Any]) -> None:
    for header in vectors["decode_invalid"]:
        with pytest.raises(ValueError, match=r"quote|percent"):
            header_decoded(header)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ('a "b c" d', "a b c d"),
        ('"a""b"', "ab"),
        (r'x="a \"b\" \\ %22"', 'x=a "b" \\ "'),
        ('""', ""),
    ],
)
def test_partially_quoted_values_are_unescaped(header: str, value: str) -> None:
    assert header_decoded(header) == value


@pytest.mark.parametrize("header", ['a"b', '"a" "b', r'"a\"'])
def test_unterminated_quotes_are_refused_anywhere(header: str) -> None:
    with pytest.raises(ValueError, match="closed by a quote"):
        header_decoded(header)
