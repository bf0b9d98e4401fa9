"""The authorizer, called with the events of API Gateway."""

from __future__ import annotations

import json
import logging
import traceback
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities import parameters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.authorizer import app
from functions.authorizer.keys import digest_of
from tests.functional.rest.api import Context
from tests.issuer import Issuer, issuing

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVENTS = Path(__file__).parent / "events"
_TENANT = {"scope": "read", "tenants": ["acme"]}
_MATERIAL = {"request": "apiGatewayAuthorizerRequestEvent.json", "connect": "apiGatewayAuthorizerWebSocketEvent.json"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def tokens(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    """The authorizer accepts tokens of the issuer."""
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    app.credential_checker.cache_clear()
    yield issuer
    app.credential_checker.cache_clear()


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The authorizer accepts the keys of this document."""
    path = tmp_path / "keys.json"
    monkeypatch.setenv("AUTH", "key")
    monkeypatch.setenv("API_KEYS_FILE", str(path))
    app.credential_checker.cache_clear()
    yield path
    app.credential_checker.cache_clear()


def request(token: str | None = None, *, name: str = "request.json") -> dict[str, Any]:
    event: dict[str, Any] = json.loads((_EVENTS / name).read_text())
    if token is not None:
        event["multiValueHeaders"]["Authorization"] = [f"Bearer {token}"]
        event["headers"]["Authorization"] = f"Bearer {token}"
    return event


def authorized(event: dict[str, Any]) -> dict[str, Any]:
    answer = app.handler(event, Context())  # type: ignore[arg-type]
    return json.loads(json.dumps(answer))  # type: ignore[no-any-return]


def test_a_valid_token_is_allowed_with_its_grants(tokens: Issuer) -> None:
    answer = authorized(request(tokens.token(**_TENANT)))
    assert answer["principalId"] == "someone"
    assert answer["context"] == {"subject": "someone", "scopes": "read", "tenants": "acme", "streams": ""}
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_a_good_token_without_a_scope_of_the_hubs_is_denied(tokens: Issuer) -> None:
    answer = authorized(request(tokens.token(scope="openid profile")))
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"


def test_a_bad_token_is_unauthorized_in_the_gateways_word(tokens: Issuer) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorized(request(tokens.token(exp=1)))


def test_no_credential_is_unauthorized(tokens: Issuer) -> None:  # noqa: ARG001 - it sets up what is called
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorized(request())


def test_a_handshake_is_allowed_for_its_route_only(tokens: Issuer) -> None:
    event = request(tokens.token(scope="subscribe"), name="connect.json")
    (statement,) = authorized(event)["policyDocument"]["Statement"]
    assert statement["Resource"] == [event["methodArn"]]


def test_a_browsers_handshake_carries_its_token_in_a_subprotocol(tokens: Issuer) -> None:
    event = request(name="connect.json")
    named = urlsafe_b64encode(tokens.token(scope="subscribe").encode()).rstrip(b"=").decode()
    event["multiValueHeaders"]["Sec-WebSocket-Protocol"] = [f"eventstore.v1, bearer.{named}"]
    assert authorized(event)["principalId"] == "someone"


@pytest.mark.parametrize("kind", ["request", "connect"])
def test_the_events_of_aws_are_authorized(tokens: Issuer, material: Path, kind: str) -> None:
    event = json.loads((material / "lambda-events" / _MATERIAL[kind]).read_text())
    event["multiValueHeaders"]["Authorization"] = [f"Bearer {tokens.token(scope='read subscribe')}"]
    assert authorized(event)["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_a_refusal_is_logged_without_a_traceback_and_its_cause_with_its_place(
    tokens: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$") as refused:
        authorized(request("nobodys"))
    # Like the runtime client.
    assert traceback.extract_tb(refused.value.__traceback__) == []
    assert authorized(request(tokens.token(**_TENANT)))["principalId"] == "someone"

    def broken(_: object) -> str:
        raise KeyError("secret")

    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorized(request("nobodys"))
    monkeypatch.setattr(app, "credential_of", broken)
    with pytest.raises(RuntimeError, match=r"^KeyError in broken, line [0-9]+ of .*test_authorizer.py$"):
        authorized(request("another"))


def test_an_unavailable_issuer_is_a_fault_and_no_refusal(tokens: Issuer) -> None:
    tokens.away = True
    try:
        with pytest.raises(RuntimeError, match="cannot be fetched"):
            authorized(request(tokens.token()))
    finally:
        tokens.away = False


def test_a_valid_key_is_allowed_with_its_grants(document: Path) -> None:
    entry = {"id": "billing", "sha256": digest_of("fes_1"), "scopes": ["publish"], "streams": ["orders."]}
    document.write_text(json.dumps({"keys": [entry]}))
    event = request()
    event["multiValueHeaders"]["X-Api-Key"] = ["fes_1"]
    assert authorized(event)["context"]["streams"] == "orders."


def test_a_key_that_is_not_in_the_document_is_unauthorized(document: Path) -> None:
    document.write_text('{"keys":[]}')
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorized(request("fes_1"))


def test_an_unavailable_document_is_a_fault_and_no_refusal(document: Path) -> None:
    assert not document.exists()
    with pytest.raises(RuntimeError, match="API_KEYS_FILE"):
        authorized(request("fes_1"))


def test_the_document_may_be_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"id": "billing", "sha256": digest_of("fes_1"), "scopes": ["publish"]}
    asked = []

    def get_secret(name: str, *, max_age: int) -> str:
        asked.append((name, max_age))
        return json.dumps({"keys": [entry]})

    monkeypatch.setattr(parameters, "get_secret", get_secret)
    monkeypatch.setenv("AUTH", "key")
    monkeypatch.setenv("API_KEYS_SECRET", "hub-keys")
    app.credential_checker.cache_clear()
    assert authorized(request("fes_1"))["principalId"] == "billing"
    app.credential_checker.cache_clear()
    assert asked == [("hub-keys", 60)]


def test_a_secret_that_cannot_be_read_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def get_secret(name: str, *, max_age: int) -> str:
        raise parameters.GetParameterError(f"{name} {max_age}")

    monkeypatch.setattr(parameters, "get_secret", get_secret)
    monkeypatch.setenv("AUTH", "key")
    monkeypatch.setenv("API_KEYS_SECRET", "hub-keys")
    app.credential_checker.cache_clear()
    with pytest.raises(RuntimeError, match="GetParameterError"):
        authorized(request("fes_1"))
    app.credential_checker.cache_clear()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({}, "AUTH"),
        ({"AUTH": "iam"}, "AUTH"),
        ({"AUTH": "jwt"}, "JWT_ISSUER"),
        ({"AUTH": "jwt", "JWT_ISSUER": "https://i"}, "JWT_AUDIENCE"),
        ({"AUTH": "jwt", "JWT_ISSUER": "http://i", "JWT_AUDIENCE": "a"}, "https://"),
        ({"AUTH": "jwt", "JWT_ISSUER": "https://i", "JWT_AUDIENCE": "a", "JWT_JWKS_URL": "file:///k"}, "https://"),
        ({"AUTH": "key"}, "API_KEYS_SECRET"),
    ],
)
def test_a_misconfigured_deployment_allows_nobody(
    environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    app.credential_checker.cache_clear()
    with pytest.raises(RuntimeError, match=named):
        authorized(request("token"))


def output_of(event: dict[str, Any], caplog: pytest.LogCaptureFixture) -> str:
    """All output of a request: log lines, and what Lambda would write about an exception."""
    caplog.clear()
    try:
        authorized(event)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return caplog.text + "".join(traceback.format_exception(error, chain=True))
    return caplog.text


_PARTS = st.text("abcdefghijkXYZ0123456789_-", min_size=8, max_size=40)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_PARTS, min_size=1, max_size=4))
def test_no_part_of_a_credential_is_logged(
    tokens: Issuer,  # noqa: ARG001 - it sets up what is called
    caplog: pytest.LogCaptureFixture,
    parts: list[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    written = output_of(request(".".join(parts)), caplog)
    assert not [part for part in parts if part in written]


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": "read"},
        {"exp": 1},
        {"aud": "other"},
        {"iss": "other"},
        {"tenants": "acme-is-a-secret"},
        {"sub": 7},
        {"exp": "soon"},
        {"iat": "then"},
        {"nbf": []},
    ],
)
def test_no_part_of_a_tokens_claims_is_logged(
    tokens: Issuer, caplog: pytest.LogCaptureFixture, claims: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    token = tokens.token(**claims)
    written = output_of(request(token), caplog)
    assert not [part for part in (*token.split("."), "acme-is-a-secret") if part in written]


def test_the_id_of_an_unknown_key_is_not_logged(tokens: Issuer, caplog: pytest.LogCaptureFixture) -> None:
    tokens.add("an-invented-id", shown=False)
    caplog.set_level(logging.DEBUG)
    assert "an-invented-id" not in output_of(request(tokens.token(kid="an-invented-id")), caplog)


def test_a_fault_of_the_authorizers_own_quotes_nothing(
    tokens: Issuer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(event: dict[str, Any]) -> str:
        raise ValueError(str(event))

    monkeypatch.setattr(app, "credential_of", fail)
    token = tokens.token()
    written = output_of(request(token), caplog)
    assert "ValueError" in written
    assert token not in written
