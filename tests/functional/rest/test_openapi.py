from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.parameters import QUERIES
from functions.rest import filter_models, models, openapi, schema_models, subscription_models
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
def test_every_answer_conforms_to_the_document(tmp_path: Path) -> None:
    with serving() as url:
        failures = fuzz(url, tmp_path, examples=10)
    assert not failures, failures


def test_an_undocumented_answer_is_detected(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.rest.routes.about.VERSION", 1)
    assert api.get("/health").status == 200
    with serving() as url:
        assert "schema" in fuzz(url, tmp_path, examples=1, phases="coverage")


def test_a_call_that_ignores_the_documented_security_is_detected(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.get("/health").status == 200
    monkeypatch.setattr(openapi, "document", lambda *, server, **_: document(server=server, auth="jwt"))
    with serving() as url:
        failures = fuzz(url, tmp_path, examples=1, phases="coverage", credential="token")
    assert "accepts requests without authentication" in failures


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
    """Client generators drop a call with a parameter whose type they cannot name."""
    assert not [(call, parameter["name"]) for call, parameter in parameters() if "type" not in parameter["schema"]]


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


def test_documented_query_parameters_are_those_that_the_handler_accepts() -> None:
    described: dict[str, list[str]] = {}
    for call, parameter in parameters():
        if parameter["in"] == "query":
            described.setdefault(call, []).append(parameter["name"])
    assert described == {call: [parameter.name for parameter in known] for call, known in QUERIES.items()}


@pytest.mark.parametrize("version", ['"7"', '"0"', '"7.1.00c0ffee1234"', '"7.1.00c0ffee1234-c3"', '"7.1.ab-batch"'])
def test_every_accepted_version_matches_the_documented_pattern(version: str) -> None:
    (schema,) = [
        parameter["schema"]
        for call, parameter in parameters()
        if (call, parameter["name"]) == ("publishEvents", "If-Match")
    ]
    assert expected({"if-match": version}).version == int(version.strip('"').partition(".")[0])
    assert Draft202012Validator(schema).is_valid(version)


def test_request_bodies_are_documented_by_their_validation_models() -> None:
    schemas = document(server="/")["components"]["schemas"]
    for model in (*models.MODELS, *subscription_models.MODELS, *filter_models.MODELS, *schema_models.MODELS):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schema.pop("$defs", None)
        if "filters" in schema["properties"]:
            schema["properties"]["filters"]["items"] = {"$ref": "#/components/schemas/Filter"}
        assert schemas[model.__name__] == schema
