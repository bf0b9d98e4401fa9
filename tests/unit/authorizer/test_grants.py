"""The access that the claims of tokens and the entries of keys grant."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.access import Access, Scope
from functions.authorizer.grants import InvalidGrant, access_of
from functions.authorizer.policy import policy_of


@pytest.mark.parametrize(
    "claims",
    [{"scope": "openid read publish"}, {"scopes": ["read", "publish"]}, {"scope": "read", "scopes": ["publish"]}],
)
def test_scopes_are_a_string_or_a_list_and_unknown_scopes_are_ignored(claims: dict[str, object]) -> None:
    assert access_of("s", claims) == Access.of("s", [Scope.READ, Scope.PUBLISH])


def test_tenants_and_prefixes_limit_access_together() -> None:
    claims = {"scope": "read", "tenants": ["acme"], "streams": ["public."]}
    assert access_of("s", claims) == Access.of("s", [Scope.READ], tenants=["acme"], streams=["public."])


@pytest.mark.parametrize("limits", [{"tenants": []}, {"streams": []}, {"tenants": [], "streams": []}])
def test_an_empty_list_of_tenants_grants_nothing(limits: dict[str, list[str]]) -> None:
    assert access_of("s", {"scope": "read admin", **limits}).scopes == frozenset()


def test_an_empty_limit_beside_another_limit_changes_nothing() -> None:
    assert access_of("s", {"scope": "read", "tenants": [], "streams": ["a"]}).prefixes == ("a",)


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": ["read"]},
        {"scopes": "read"},
        {"scopes": [1]},
        {"tenants": "acme"},
        {"tenants": None},
        {"tenants": [""]},
        {"tenants": ["a:b"]},
        {"tenants": ["a b"]},
        {"tenants": [["acme"]]},
        {"streams": ""},
        {"streams": [""]},
        {"streams": ["*"]},
        {"streams": ["a" * 201]},
        {"streams": {"acme": True}},
        {"streams": [f"{number:03}" for number in range(51)]},
        {"streams": [f"{number:0200}" for number in range(21)]},
    ],
)
def test_invalid_claims_grant_nothing(claims: dict[str, object]) -> None:
    with pytest.raises(InvalidGrant):
        access_of("s", {"scope": "read", **claims})


@pytest.mark.parametrize("asked", ["$connect", "GET/api/v1/events"])
@pytest.mark.parametrize("subject", ["s" * 256, "\U0001f600" * 64, '"' * 256], ids=["plain", "wide", "quoted"])
@pytest.mark.parametrize("name", ["tenants", "streams"])
def test_every_grant_fits_the_context_of_the_gateway(name: str, subject: str, asked: str) -> None:
    longest = [f"{number:081}" if name == "streams" else f"{number:080}" for number in range(50)]
    access = access_of(subject, {"scopes": list(Scope), name: longest})
    arn = f"arn:aws:execute-api:ap-southeast-2:123456789012:abcdef1234/{'s' * 20}/{asked}"
    answer = json.dumps(policy_of(access, method_arn=arn), ensure_ascii=False)
    assert len(answer.encode()) <= 8 * 1024
    assert Access.decoded(access.encoded()) == access


_UNTRUSTED = st.text(min_size=1, max_size=60) | st.text('"\\\r\n\t\x00\x7f\u2028%', min_size=1, max_size=20)


@given(_UNTRUSTED)
def test_a_caller_cannot_forge_access_log_fields(subject: str) -> None:
    """API Gateway writes context values to its access log without escaping."""
    answer = policy_of(access_of(subject, {"scope": "read"}), method_arn="arn:aws:execute-api:r:1:a/s/GET/health")
    assert answer["principalId"] == answer["context"]["subject"]
    line = '{"subject":"$context.authorizer.subject","status":"200"}'
    logged = line.replace("$context.authorizer.subject", answer["context"]["subject"])
    assert logged.isascii()
    assert len(logged.splitlines()) == 1
    assert json.loads(logged) == {"subject": answer["principalId"], "status": "200"}
    assert Access.decoded(answer["context"]).subject == subject


def test_a_name_without_special_characters_is_logged_as_it_is() -> None:
    name = "auth0|5f7c8e (billing) a.b@acme.example/x?y=z&w"
    assert access_of(name, {}).encoded()["subject"] == name


@pytest.mark.parametrize("subject", [None, "", 7, "s" * 257, "ä" * 129])
def test_claims_without_a_valid_subject_grant_no_access(subject: object) -> None:
    with pytest.raises(InvalidGrant):
        access_of(subject, {"scope": "read"})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["tenants", "streams"]), _JSON, min_size=1))
def test_no_value_of_a_limit_grants_full_access(claims: dict[str, object]) -> None:
    try:
        access = access_of("s", {"scope": "read", **claims})
    except InvalidGrant:
        return
    assert access.prefixes or not access.scopes


@given(st.dictionaries(st.sampled_from(["scope", "scopes"]), _JSON))
def test_any_scopes_are_access_or_refused(claims: dict[str, object]) -> None:
    with suppress(InvalidGrant):
        assert access_of("s", claims).scopes <= set(Scope)
