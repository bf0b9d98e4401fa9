from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.parameters import QUERIES
from functions.rest import filter_models, models, openapi, subscription_models
from functions.rest.conditions import expected
from functions.rest.openapi import document
from tests.documents import references, resolved
from tests.functional.rest.fuzzing import fuzz
from tests.functional.rest.gateway import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.functional.rest.api import Api


@pytest.mark.usefixtures("api")
def test_no_request_is_answered_outside_the_document(tmp_path: Path) -> None:
    with serving() as url:
        found = fuzz(url, tmp_path, examples=10)
    assert not found, found


def test_an_answer_outside_the_document_is_found(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.rest.routes.about.VERSION", 1)
    assert api.get("/health").status == 200
    with serving() as url:
        assert "schema" in fuzz(url, tmp_path, examples=1, phases="coverage")


def test_a_call_that_asks_for_no_credential_where_the_document_says_so_is_found(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.get("/health").status == 200
    monkeypatch.setattr(openapi, "document", lambda *, server, **_: document(server=server, auth="jwt"))
    with serving() as url:
        found = fuzz(url, tmp_path, examples=1, phases="coverage", credential="token")
    assert "accepts requests without authentication" in found


@pytest.mark.parametrize("auth", ["none", "iam", "jwt", "key"])
def test_the_document_is_valid_by_its_standard(auth: str) -> None:
    whole = json.loads(json.dumps(document(server="/", auth=auth)))
    assert not [error.message for error in OpenAPIV31SpecValidator(whole).iter_errors()]


def test_every_reference_leads_somewhere() -> None:
    whole = document(server="/", auth="key")
    for reference in references(whole):
        resolved(whole, reference)


def parameters() -> list[tuple[str, dict[str, Any]]]:
    return [
        (operation["operationId"], parameter)
        for item in document(server="/")["paths"].values()
        for method, operation in item.items()
        if method != "head"
        for parameter in operation.get("parameters", ())
    ]


def test_every_parameter_has_a_type() -> None:
    """Generators of clients drop a call of which they cannot name the type of a parameter."""
    assert not [(call, one["name"]) for call, one in parameters() if "type" not in one["schema"]]


def test_every_constant_and_every_choice_has_a_type() -> None:
    def untyped(part: object, place: str) -> Iterator[str]:
        if isinstance(part, dict):
            if ("enum" in part or "const" in part) and "type" not in part:
                yield place
            for name, value in part.items():
                yield from untyped(value, f"{place}/{name}")
        elif isinstance(part, list):
            for index, value in enumerate(part):
                yield from untyped(value, f"{place}/{index}")

    assert not list(untyped(document(server="/"), ""))


def test_every_query_parameter_is_of_the_table_that_requests_are_checked_with() -> None:
    described: dict[str, list[str]] = {}
    for call, parameter in parameters():
        if parameter["in"] == "query":
            described.setdefault(call, []).append(parameter["name"])
    assert described == {call: [one.name for one in known] for call, known in QUERIES.items()}


@pytest.mark.parametrize("version", ['"7"', '"0"', '"7.1.00c0ffee1234"', '"7.1.00c0ffee1234-c3"', '"7.1.ab-batch"'])
def test_a_version_that_a_publish_may_have_is_one_of_the_document(version: str) -> None:
    (schema,) = [one["schema"] for call, one in parameters() if (call, one["name"]) == ("publishEvents", "If-Match")]
    assert expected({"if-match": version}).version == int(version.strip('"').partition(".")[0])
    assert Draft202012Validator(schema).is_valid(version)


def test_the_bodies_of_requests_are_described_by_the_models_that_check_them() -> None:
    schemas = document(server="/")["components"]["schemas"]
    for model in (*models.MODELS, *subscription_models.MODELS, *filter_models.MODELS):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        if "filters" in schema["properties"]:
            schema["properties"]["filters"]["items"] = {"$ref": "#/components/schemas/Filter"}
        assert schemas[model.__name__] == schema
