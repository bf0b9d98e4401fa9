from __future__ import annotations

from typing import Any

import pytest

from eventstore.errors import InvalidSchema
from eventstore.write.schema_validation import Validator, schema_text


def violation(schema: dict[str, Any], text: str) -> tuple[str, str] | None:
    return Validator(schema_text(schema)).violation(text)


@pytest.mark.parametrize(
    ("schema", "matching", "violating"),
    [
        ({"properties": {"$id": {"type": "string"}, "$ref": {"type": "null"}}}, '{"$id": "a"}', '{"$ref": "b"}'),
        ({"enum": [{"$id": "x"}, {"$ref": "y"}], "x-note": {"$ref": "elsewhere"}}, '{"$id": "x"}', "5"),
        (
            {"$id": "https://a", "$defs": {"a/b": {"type": "integer"}}, "items": {"$ref": "#/$defs/a~1b"}},
            "[1]",
            "[[]]",
        ),
        ({"$anchor": "top", "type": "array", "items": {"$ref": "#top"}}, "[[], [[]]]", "[[], 5]"),
    ],
)
def test_references_within_the_schema_and_members_that_are_no_references_are_accepted(
    schema: dict[str, Any], matching: str, violating: str
) -> None:
    assert violation(schema, matching) is None
    assert violation(schema, violating) is not None


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"allOf": [{}, {"$ref": "other.json"}]}, "/schema/allOf/1/$ref"),
        ({"patternProperties": {"^a": {"not": {"$ref": "#none"}}}}, "/schema/patternProperties/^a/not/$ref"),
        ({"items": {"$dynamicRef": "https://example.com"}}, "/schema/items/$dynamicRef"),
        ({"$defs": {"a": {"$id": "a"}}}, "/schema/$defs/a/$id"),
        ({"patternProperties": {"(": {}}}, "/schema/patternProperties"),
        ({"maximum": float("inf")}, "/schema"),
    ],
)
def test_what_a_schema_may_not_have_is_named_by_its_place(schema: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        schema_text(schema)
    assert caught.value.pointer == pointer


def test_a_schema_that_is_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"not": schema}
    with pytest.raises(InvalidSchema, match="nested too deeply"):
        schema_text(schema)


def test_a_reference_out_of_an_unknown_keyword_is_a_violation_and_no_failure() -> None:
    schema = {"$ref": "#/x-part", "x-part": {"$ref": "http://127.0.0.1:9/never-asked"}}
    assert violation(schema, "1") == ("", "their schema refers to what it does not contain")


@pytest.mark.parametrize("text", ["1" * 5000, "1" * 400])
def test_numbers_that_cannot_be_checked_are_a_violation_and_no_failure(text: str) -> None:
    assert violation({"multipleOf": 0.1}, text) == ("", "they contain a number that is too long to be checked")


def test_the_place_of_a_violation_is_a_json_pointer() -> None:
    found = violation({"properties": {"a/b~c": {"items": {"type": "integer"}}}}, '{"a/b~c": [1, "x"]}')
    assert found == ("/a~1b~0c/1", "'x' is not of type 'integer'")
