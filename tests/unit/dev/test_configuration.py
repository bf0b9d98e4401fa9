from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from eventstore_dev.configuration import Configuration, ConfigurationError, ServerParameter, Variable
from eventstore_dev.unsupported import Kind
from eventstore_dev.variables import VariableError, for_functions, for_parameters

if TYPE_CHECKING:
    from pathlib import Path

MODE: dict[str, Any] = {
    "parameter": "Mode",
    "default": "off",
    "needs": {"strict": ["ISSUER", "AUDIENCE"]},
    "takes": {"strict": ["HINT"]},
    "see": "docs/modes.md",
}
CONFIGURED = Configuration.read({"variables": {"MODE": MODE, "SIZE": {"parameter": "Size"}}})
STRICT = {"MODE": "strict", "ISSUER": "i", "AUDIENCE": "a"}


def functions_of(environment: dict[str, str]) -> dict[str, str]:
    parameters = for_parameters(CONFIGURED, environment, declared={"Mode", "Size"})
    return for_functions(CONFIGURED, environment, parameters=parameters)


def test_a_project_without_a_table_configures_nothing(tmp_path: Path) -> None:
    assert Configuration.beside(tmp_path / "template.yaml") == Configuration()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert Configuration.beside(tmp_path / "template.yaml") == Configuration()


def test_a_table_configures_what_a_template_cannot(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.eventstore_dev]\nvalkey_parameter = "Cache"\nallow_unsupported = ["auth"]\n'
        '[tool.eventstore_dev.variables]\nCACHE = {parameter = "Cache"}\n'
    )
    configuration = Configuration.beside(tmp_path / "template.yaml")
    assert configuration.valkey_parameter == "Cache"
    assert configuration.allow_unsupported == {Kind.AUTH}
    assert configuration.variables == {"CACHE": Variable(parameter="Cache")}
    assert configuration.variable_of("Cache") == "CACHE"
    assert configuration.variable_of("Other") == ""


@pytest.mark.parametrize("kind", ["nats", "kafka"])
def test_a_server_of_a_journal_is_started_when_other_parameters_have_their_values(kind: str) -> None:
    taker = getattr(Configuration.read({kind: {"parameter": "Url", "when": {"Store": "journal"}}}), kind)
    assert taker == ServerParameter("Url", {"Store": "journal"})
    parameters: list[dict[str, str | None]] = [
        {"Store": "journal", "Size": "3"},
        {"Store": "redis"},
        {},
        {"Store": None},
    ]
    assert [taker.applies(values) for values in parameters] == [True, False, False, False]
    assert getattr(Configuration.read({kind: {"parameter": "Url"}}), kind).applies({})


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"valky": "x"}, "has valky; it knows check, "),
        ({"check": 1}, "check must be text"),
        ({"allow_unsupported": "auth"}, "allow_unsupported must be a list"),
        ({"allow_unsupported": ["all"]}, "allow_unsupported is 'all'; it must be one of auth, events, runtimes"),
        ({"nats": "NatsUrl"}, "nats must be a table"),
        ({"nats": {}}, r"nats\.parameter must name a parameter"),
        ({"kafka": {}}, r"kafka\.parameter must name a parameter"),
        ({"nats": {"parameter": 1}}, r"nats\.parameter must be text"),
        ({"nats": {"parameter": "Url", "if": "x"}}, r"has nats\.if; it knows parameter"),
        ({"nats": {"parameter": "Url", "when": "Store=nats"}}, r"nats\.when must be a table"),
        ({"nats": {"parameter": "Url", "when": {"Store": 1}}}, r"nats\.when\.Store must be text"),
        ({"variables": ["A"]}, "variables must be a table"),
        ({"parameters": ["A"]}, "parameters must be a table"),
        ({"parameters": {"Size": 3}}, r"parameters\.Size must be text"),
        ({"variables": {"A": "Cache"}}, r"variables\.A must be a table"),
        ({"variables": {"A": {"param": "x"}}}, r"has variables\.A\.param; it knows"),
        ({"variables": {"A": {"kind": "number"}}}, r"variables\.A\.kind must be one of json, text, url"),
        ({"variables": {"A": {"needs": ["B"]}}}, r"variables\.A\.needs must be a table"),
        ({"variables": {"A": {"needs": {"x": "B"}}}}, r"variables\.A\.needs\.x must be a list"),
    ],
)
def test_a_fault_is_named_by_its_key(table: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        Configuration.read(table)


def test_a_file_that_is_not_toml_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool\n")
    with pytest.raises(ConfigurationError, match=r"pyproject\.toml cannot be read"):
        Configuration.beside(tmp_path / "template.yaml")


def test_a_variable_fills_a_parameter_that_the_template_has() -> None:
    environment = {"MODE": "strict", "SIZE": "3", "OTHER": "x"}
    assert for_parameters(CONFIGURED, environment, declared={"Size"}) == {"Size": "3"}
    assert for_parameters(CONFIGURED, {"SIZE": ""}, declared={"Size"}) == {}


@pytest.mark.parametrize("environment", [{}, {"MODE": ""}, {"MODE": "off"}])
def test_a_default_stands_in_for_the_templates(environment: dict[str, str]) -> None:
    assert for_parameters(CONFIGURED, environment, declared={"Mode"}) == {}
    assert functions_of(environment) == {"MODE": "off"}


def test_functions_get_the_required_and_optional_variables_of_a_value() -> None:
    assert functions_of(STRICT) == {"ISSUER": "i", "AUDIENCE": "a"}
    assert functions_of(STRICT | {"HINT": "h", "OTHER": "x"}) == {"ISSUER": "i", "AUDIENCE": "a", "HINT": "h"}


def test_a_missing_requirement_of_a_value_is_reported_with_its_documentation() -> None:
    with pytest.raises(
        VariableError, match=r"MODE=strict needs ISSUER and AUDIENCE \(docs/modes.md\); AUDIENCE is unset"
    ):
        functions_of({"MODE": "strict", "ISSUER": "i"})


def test_a_value_of_the_command_line_has_the_same_requirements() -> None:
    with pytest.raises(VariableError, match="MODE=strict needs"):
        for_functions(CONFIGURED, {}, parameters={"Mode": "strict"})
