from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents.digest import CANONICAL, DIGEST_BYTES, VERBATIM, content_digest, equal_content

if TYPE_CHECKING:
    from random import Random

    Json = bool | int | Decimal | str | list["Json"] | dict[str, "Json"] | None

_NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
_SCALARS = st.none() | st.booleans() | _NUMBERS | st.text(st.characters(exclude_categories=["Cs"]))
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def digest_of(text: str) -> bytes:
    return content_digest({"id": "1"}, text)


def spelled(value: Json, random: Random) -> str:
    """Return JSON text of a value, in one of the many ways to write it."""
    space = random.choice(["", " ", "\n\t"])
    if isinstance(value, dict):
        members = [f"{spelled(name, random)}{space}:{spelled(member, random)}" for name, member in value.items()]
        random.shuffle(members)
        return f"{{{space}{f',{space}'.join(members)}}}"
    if isinstance(value, list):
        return f"[{space}{f'{space},'.join(spelled(element, random) for element in value)}]"
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        sign, digits, exponent = Decimal(value).as_tuple()
        zeros = random.randrange(20)
        mantissa = "-" * sign + ("".join(map(str, digits)).lstrip("0") or "0")
        if mantissa.strip("-") != "0":
            mantissa += "0" * zeros
        fraction = random.choice(["", ".0", ".000"])
        return f"{mantissa}{fraction}{random.choice('eE')}{int(exponent) - zeros:{random.choice(['', '+'])}d}"
    return json.dumps(value, ensure_ascii=random.random() < 0.5)


def strict(value: Json) -> object:
    """Return a value that equals another one only if both are the same JSON: in Python, True equals 1."""
    if isinstance(value, dict):
        return {name: strict(member) for name, member in value.items()}
    if isinstance(value, list):
        return [strict(element) for element in value]
    return (type(value), value) if isinstance(value, bool | str) else value


@given(_JSON, st.randoms(use_true_random=False))
def test_equal_content_has_one_digest_however_it_is_written(value: Json, random: Random) -> None:
    assert digest_of(spelled(value, random)) == digest_of(spelled(value, random))


@given(_JSON, _JSON, st.randoms(use_true_random=False))
def test_only_equal_content_has_equal_digests(value: Json, other: Json, random: Random) -> None:
    are_equal = digest_of(spelled(value, random)) == digest_of(spelled(other, random))
    assert are_equal == (strict(value) == strict(other))


@pytest.mark.parametrize(
    ("number", "others"),
    [
        ("0", ["-0", "0.0", "0e9", "-0.000e-5", "0E+99999"]),
        ("100", ["1e2", "100.0", "1000e-1", "0.1e3", "1.00E+2"]),
        ("-1.5", ["-15e-1", "-1.50", "-0.15E1"]),
        ("1e400", ["10e399", "0.001e403"]),
        ("1e5000", ["10e4999"]),
        ("12345678901234567890.5", ["123456789012345678905e-1"]),
    ],
)
def test_a_number_has_one_digest_however_it_is_written(number: str, others: list[str]) -> None:
    assert {digest_of(f'{{"n":[{text}]}}') for text in others} == {digest_of(f'{{"n":[{number}]}}')}


def test_values_of_different_kind_or_place_have_different_digests() -> None:
    texts = ["1.5", '"NaN"', "[1.5,null]", "[null,1.5]", "[1.5,2.5]", "[2.5,1.5]", '{"a":1.5}', '"1.5"', "15e-2"]
    digests = [content_digest({"a": 1}, text) for text in texts]
    digests += [content_digest({"a": 1}, None), content_digest({"a": 1}, b"1.5")]
    digests += [content_digest(attributes, "1.5") for attributes in ({}, {"a": "1"}, {"a": True}, {"a": 2}, {"b": 1})]
    assert len(set(digests)) == len(digests)


def test_the_digest_is_a_stored_format_that_never_changes() -> None:
    attributes = {"specversion": "1.0", "id": "\u00e91", "source": "/s", "type": "t", "extflag": True, "extnumber": 7}
    data = r'{"b": [1, 1.50, 1E3, -0], "a": "\ud83d\ude00 \ud800", "c": null}'
    assert content_digest(attributes, data).hex() == "01d584ea160842a262135c0c4fc4f69d5e"
    assert content_digest(attributes, b"\0\xff").hex() == "0166ca97580e188b1f962b57e09714b2e5"
    assert content_digest(attributes, None).hex() == "01024541efcf689a0bbc8c3bffbc920165"


@pytest.mark.parametrize("data", ["1.5", None, b"1.5", "1" * 5000])
def test_a_trace_changes_the_version_of_a_digest_only(data: str | bytes | None) -> None:
    attributes = {"id": "1", "a": "b"}
    plain = content_digest(attributes, data)
    traced = [
        content_digest(attributes | trace, data)
        for trace in ({"traceparent": "00-1"}, {"traceparent": "00-2", "tracestate": "v=1"}, {"tracestate": "w=1"})
    ]
    assert [digest[1:] for digest in traced] == [plain[1:]] * 3
    assert {digest[:1] for digest in traced} == {{CANONICAL: b"\x03", VERBATIM: b"\x04"}[plain[:1]]}
    assert all(equal_content(plain, digest) for digest in traced)
    assert not equal_content(plain, content_digest(attributes | {"tracestate": "w=1"}, b"2"))


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, "1" * 5000], ids=["deep", "long"])
def test_data_that_python_cannot_decode_has_the_digest_of_its_text(text: str) -> None:
    assert digest_of(text)[:1] == VERBATIM
    assert (digest_of(text), len(digest_of(text))) == (digest_of(text), DIGEST_BYTES)
    assert digest_of(text) != digest_of(f"{text} ")
    assert digest_of("[]")[:1] == CANONICAL
