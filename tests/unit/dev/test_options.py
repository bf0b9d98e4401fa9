"""What the command makes of its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventstore_dev.__main__ import Options, _options

_TEMPLATE = str(Path(__file__).parents[3] / "template.yaml")
_ISSUER = {"JWT_ISSUER": "http://127.0.0.1:9", "JWT_AUDIENCE": "hub", "JWT_JWKS_URL": "http://127.0.0.1:9/keys"}


def options(**environment: str) -> Options:
    return _options(["--template", _TEMPLATE], environment)


@pytest.mark.parametrize("environment", [{}, {"AUTH": ""}, {"AUTH": "none"}])
def test_unless_asked_for_nobody_checks_credentials(environment: dict[str, str]) -> None:
    found = options(**environment, **_ISSUER)
    assert "Auth" not in found.parameters
    assert found.variables == {}


def test_tokens_are_checked_against_the_environment() -> None:
    found = options(AUTH="jwt", **_ISSUER)
    assert found.parameters["Auth"] == "jwt"
    assert found.variables == _ISSUER


def test_keys_are_checked_against_a_file_wherever_functions_run() -> None:
    found = options(AUTH="key", API_KEYS_FILE="keys.json", **_ISSUER)
    assert found.variables["API_KEYS_FILE"] == str(Path.cwd() / "keys.json")


@pytest.mark.parametrize(
    ("environment", "unset"),
    [
        ({"AUTH": "jwt"}, "JWT_ISSUER"),
        ({"AUTH": "jwt", "JWT_ISSUER": "https://i"}, "JWT_AUDIENCE"),
        ({"AUTH": "key"}, "API_KEYS_FILE"),
    ],
)
def test_what_the_authorizer_lacks_is_told_before_anything_starts(
    environment: dict[str, str], unset: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        options(**environment)
    assert f"{unset} is unset" in capsys.readouterr().err


def test_further_origins_are_those_of_the_environment() -> None:
    assert options(ALLOWED_ORIGINS="https://app.example, http://a.test:1").origins.listed == {
        "https://app.example",
        "http://a.test:1",
    }
    assert options().origins.listed == frozenset()
    assert options(ALLOWED_ORIGINS="*").origins.everyone


def test_what_is_no_origin_is_told_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(ALLOWED_ORIGINS="app.example")
    assert "ALLOWED_ORIGINS has 'app.example'; an origin is such as" in capsys.readouterr().err
