"""Which API keys are accepted, and how a key is created."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.access import Access, Scope
from eventstore.errors import SettingsError, Unauthorized
from functions.authorizer.key import main
from functions.authorizer.keys import ApiKeys, digest_of

if TYPE_CHECKING:
    from pathlib import Path

_NOW = datetime(2026, 11, 24, tzinfo=UTC)


def entry(known: str = "secret", /, **members: object) -> dict[str, object]:
    return {"id": "billing", "sha256": digest_of(known), "scopes": ["read"], **members}


def keys(*entries: object) -> ApiKeys:
    return ApiKeys(lambda: json.dumps({"keys": entries}), now=lambda: _NOW)


def test_a_key_grants_what_its_entry_says() -> None:
    limited = entry(tenants=["acme"], streams=["public."])
    assert keys(limited).access("secret") == Access.of("billing", [Scope.READ], tenants=["acme"], streams=["public."])


def test_the_entry_of_the_key_counts_among_several() -> None:
    both = keys(entry(), entry("other", id="other"))
    assert both.access("other").subject == "other"


@given(st.text(max_size=80).filter(lambda text: text != "secret"))
def test_an_unknown_key_is_refused(other: str) -> None:
    with pytest.raises(Unauthorized, match=r"^the key is unknown$"):
        keys(entry()).access(other)


def test_a_key_expires_when_its_entry_says() -> None:
    assert keys(entry(expires="2026-11-24T00:00:01Z")).access("secret").subject == "billing"
    with pytest.raises(Unauthorized, match="expired"):
        keys(entry(expires="2026-11-24T00:00:00Z")).access("secret")


def test_a_changed_document_takes_effect_at_once() -> None:
    document = json.dumps({"keys": [entry()]})
    checking = ApiKeys(lambda: document)
    checking.access("secret")
    document = '{"keys":[]}'
    with pytest.raises(Unauthorized):
        checking.access("secret")


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("", "not JSON"),
        ("[]", "must be {"),
        ('{"keys":{}}', "must be {"),
        ('{"keys":[1]}', "must be an object"),
        (json.dumps({"keys": [entry(sha256="secret")]}), "sha256"),
        (json.dumps({"keys": [entry(sha256=digest_of("a").upper())]}), "sha256"),
        (json.dumps({"keys": [entry(key="secret")]}), "unknown member 'key'"),
        (json.dumps({"keys": [entry(id="")]}), "subject"),
        (json.dumps({"keys": [entry(tenants="acme")]}), "tenants must be a list"),
        (json.dumps({"keys": [entry(tenants=[""])]}), "tenants must contain"),
        (json.dumps({"keys": [entry(streams=[" "])]}), "streams must contain"),
        (json.dumps({"keys": [entry(tenants=None)]}), "tenants must be a list"),
        (json.dumps({"keys": [entry(expires="")]}), "expires"),
        (json.dumps({"keys": [entry(expires=None)]}), "expires"),
        (json.dumps({"keys": [entry(expires="tomorrow")]}), "expires"),
        (json.dumps({"keys": [entry(expires="2027-01-01")]}), "expires"),
        (json.dumps({"keys": [entry(), entry()]}), "same id"),
        (json.dumps({"keys": [entry(), entry(id="other")]}), "same sha256"),
    ],
)
def test_an_invalid_document_is_reported_by_pointer_without_quoting_it(document: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as refused:
        ApiKeys(lambda: document).access("secret")
    assert "secret" not in str(refused.value)
    assert digest_of("secret") not in str(refused.value)


def test_a_created_key_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--scopes", "publish, read", "--tenants", "acme", "--expires", "2027-01-01T00:00:00Z"]
    assert main(["billing", *options]) == 0
    printed = capsys.readouterr()
    made = printed.err.split()[-1]
    assert keys(json.loads(printed.out)).access(made) == Access.of(
        "billing", [Scope.PUBLISH, Scope.READ], tenants=["acme"]
    )
    assert made not in printed.out


def test_no_two_keys_are_alike(capsys: pytest.CaptureFixture[str]) -> None:
    made = set()
    for _ in range(20):
        main(["billing", "--scopes", "read"])
        made.add(capsys.readouterr().err.split()[-1])
    assert len(made) == 20
    assert min(map(len, made)) >= 43


@pytest.mark.parametrize(
    "options", [["--scopes", "read", "--tenants", "a:b"], ["--scopes", "read", "--expires", "tomorrow"]]
)
def test_a_key_with_invalid_limits_is_not_created(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["billing", *options]) == 2
    assert "fes_" not in capsys.readouterr().err


def test_a_key_with_an_unknown_scope_is_not_created(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["billing", "--scopes", "reed"]) == 2
    assert "reed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(
            (option, empty)
            for option in ("--tenants", "--streams", "--scopes", "--expires", "--into")
            for empty in ("", " ")
        ),
        *(
            (option, text)
            for option in ("--tenants", "--streams", "--scopes")
            for text in (",", "read,,read", "read,", ",read")
        ),
    ],
)
def test_an_empty_limit_option_is_an_error_and_not_an_absent_limit(
    option: str, value: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["billing", "--scopes", "read", option, value]) == 2
    printed = capsys.readouterr()
    assert option in printed.err
    assert "fes_" not in printed.err + printed.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", " "])
def test_a_key_has_a_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--scopes", "read"]) == 2
    assert "fes_" not in capsys.readouterr().err


@pytest.mark.parametrize("limit", [{"tenants": []}, {"streams": []}, {"tenants": [], "streams": []}])
def test_an_entry_with_empty_limits_reaches_nothing(limit: dict[str, list[str]]) -> None:
    assert keys(entry(**limit)).access("secret").scopes == frozenset()


def test_created_keys_are_added_to_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, made = tmp_path / "keys.json", []
    for name in ("one", "two"):
        assert main([name, "--scopes", "read", "--into", str(path)]) == 0
        made.append(capsys.readouterr().err.split()[-1])
    checking = ApiKeys(path.read_text)
    assert [checking.access(key).subject for key in made] == ["one", "two"]


@pytest.mark.parametrize("document", ["", "[]", json.dumps({"keys": [entry()]})])
def test_a_document_to_which_no_key_can_be_added_is_left_unchanged(
    document: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(document)
    assert main(["billing", "--scopes", "read", "--into", str(path)]) == 2
    assert path.read_text() == document
    assert "fes_" not in capsys.readouterr().err
