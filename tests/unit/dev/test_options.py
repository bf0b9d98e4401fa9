"""How the command reads its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventstore_dev.options import Options, OptionsError, read_options
from eventstore_dev.template_file import TemplateError

_TEMPLATE = str(Path(__file__).parents[3] / "template.yaml")
_ISSUER = {"JWT_ISSUER": "http://127.0.0.1:9", "JWT_AUDIENCE": "hub", "JWT_JWKS_URL": "http://127.0.0.1:9/keys"}


def options(**environment: str) -> Options:
    return read_options(["--template", _TEMPLATE], environment)


@pytest.mark.parametrize("environment", [{}, {"AUTH": ""}, {"AUTH": "none"}])
def test_by_default_no_credentials_are_checked(environment: dict[str, str]) -> None:
    parsed = options(**environment, **_ISSUER)
    assert "Auth" not in parsed.parameters
    assert parsed.variables == {"AUTH": "none"}


def test_tokens_are_checked_against_the_environment() -> None:
    parsed = options(AUTH="jwt", **_ISSUER)
    assert parsed.parameters["Auth"] == "jwt"
    assert parsed.variables == _ISSUER


def test_keys_are_checked_against_a_file_wherever_functions_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.json").write_text('{"keys":[]}')
    parsed = options(AUTH="key", API_KEYS_FILE="keys.json", **_ISSUER)
    assert parsed.variables["API_KEYS_FILE"] == str(Path.cwd() / "keys.json")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "does not exist"),
        (b"", "is not JSON at line 1"),
        (b'{"keys":\n[s3cret]}', "is not JSON at line 2"),
        (b"\xff", "is not JSON"),
        (b"[]", 'is not an object {"keys": […]}'),
        (b'{"keys":{}}', 'is not an object {"keys": […]}'),
    ],
)
def test_an_invalid_file_of_keys_is_reported(content: bytes | None, why: str, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OptionsError) as refused:
        options(AUTH="key", API_KEYS_FILE=str(file))
    assert f"API_KEYS_FILE names {file}, which {why}" in str(refused.value)
    assert "functions.authorizer.key" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_file_of_keys_that_is_a_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="cannot be read: Is a directory"):
        options(AUTH="key", API_KEYS_FILE=str(tmp_path))


@pytest.mark.parametrize(
    ("environment", "unset"),
    [
        ({"AUTH": "jwt"}, "JWT_ISSUER"),
        ({"AUTH": "jwt", "JWT_ISSUER": "https://i"}, "JWT_AUDIENCE"),
        ({"AUTH": "key"}, "API_KEYS_FILE"),
    ],
)
def test_a_missing_setting_of_the_authorizer_is_reported_before_anything_starts(
    environment: dict[str, str], unset: str
) -> None:
    with pytest.raises(OptionsError, match=f"{unset} is unset"):
        options(**environment)


@pytest.mark.parametrize("name", ["JWT_ISSUER", "JWT_JWKS_URL"])
@pytest.mark.parametrize(
    "value", ["issuer.example", "http://issuer.example", "https://", "http://[", "ftp://i.example"]
)
def test_an_invalid_issuer_is_reported(name: str, value: str) -> None:
    with pytest.raises(OptionsError, match=f"{name} is .*; it must be a URL that starts with https://"):
        options(AUTH="jwt", **{**_ISSUER, name: value})


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        ("LOG_LEVEL", "verbose", "it must be one of DEBUG, INFO"),
        ("PARTITIONS", "0", "from 1 to 9999"),
        ("PARTITIONS", "many", "from 1 to 9999"),
        ("AUTH", "basic", "it must be one of iam, jwt, key"),
    ],
)
def test_a_variable_that_the_template_does_not_take_is_called_by_its_own_name(
    variable: str, value: str, right: str
) -> None:
    with pytest.raises(TemplateError, match=f"^{variable} is '{value}'; .*{right}"):
        options(**{variable: value})


@pytest.mark.parametrize("value", ["65536", "-1", "http", "80.5", "٣", " "])
def test_an_invalid_port_is_reported(value: str) -> None:
    with pytest.raises(OptionsError, match=r"PORT is .*; it must be a number from 1 to 65535"):
        options(PORT=value)
    with pytest.raises(OptionsError, match="--port is"):
        read_options(["--template", _TEMPLATE, f"--port={value}"], {})


def test_data_is_kept_in_the_configured_folder(tmp_path: Path) -> None:
    assert options(FOLDER=str(tmp_path)).folder == tmp_path
    assert options().folder == Path.cwd() / ".eventstore"
    assert read_options(["--template", _TEMPLATE, "--folder", "x"], {"FOLDER": "y"}).folder == Path.cwd() / "x"


def test_further_origins_are_those_of_the_environment() -> None:
    assert options(ALLOWED_ORIGINS="https://app.example, http://a.test:1").origins.listed == {
        "https://app.example",
        "http://a.test:1",
    }
    assert options().origins.listed == frozenset()
    assert options(ALLOWED_ORIGINS="*").origins.everyone


def test_an_invalid_origin_is_reported_before_anything_starts() -> None:
    with pytest.raises(OptionsError, match=r"ALLOWED_ORIGINS has 'app.example'; an origin is such as"):
        options(ALLOWED_ORIGINS="app.example")
