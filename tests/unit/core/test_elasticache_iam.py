from __future__ import annotations

import hmac
import logging
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qs

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import CredentialRetrievalError

from eventstore.adapters.redis.elasticache_iam import IamTokens
from eventstore.adapters.redis.failures import TokenError
from eventstore.adapters.redis.url import IamUser
from eventstore.errors import SettingsError
from tests.examples import FakeClock

USER = IamUser("hub", "orders", serverless=False)
CREDENTIALS = Credentials("AKIDEXAMPLE", "the-secret-key", "the-session-token")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock that botocore follows too."""
    clock = FakeClock()

    def now() -> datetime:
        return datetime.fromtimestamp(clock.now() / 1000, UTC)

    monkeypatch.setattr("botocore.auth.get_current_datetime", now)
    return clock


def tokens(clock: FakeClock, user: IamUser = USER, *, credentials: Credentials | None = CREDENTIALS) -> IamTokens:
    return IamTokens(user, credentials=credentials, region="eu-west-1", clock=clock)


def signature(token: str, *, secret: str, day: str, region: str) -> str:
    """The expected signature, computed by the rules of AWS Signature Version 4 for query parameters."""
    host, _, rest = token.partition("/?")
    asked, _, _ = rest.partition("&X-Amz-Signature=")
    canonical = ["GET", "/", "&".join(sorted(asked.split("&"))), f"host:{host}", "", "host", sha256().hexdigest()]
    [time] = parse_qs(asked)["X-Amz-Date"]
    scope = f"{day}/{region}/elasticache/aws4_request"
    signed = "\n".join(["AWS4-HMAC-SHA256", time, scope, sha256("\n".join(canonical).encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), signed):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def test_a_token_is_a_request_to_connect_to_the_cache_as_the_user(clock: FakeClock) -> None:
    name, token = tokens(clock).get_credentials()
    host, _, query = token.partition("/?")
    parameters = {key: value for key, [value] in parse_qs(query, strict_parsing=True).items()}
    assert (name, host) == ("hub", "orders")
    assert parameters.pop("X-Amz-Signature")
    assert parameters == {
        "Action": "connect",
        "User": "hub",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "AKIDEXAMPLE/20231114/eu-west-1/elasticache/aws4_request",
        "X-Amz-Date": "20231114T221320Z",
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Security-Token": "the-session-token",
    }


@pytest.mark.parametrize("serverless", [False, True])
def test_the_signature_of_a_token_follows_signature_version_4(clock: FakeClock, *, serverless: bool) -> None:
    _, token = tokens(clock, IamUser("h/ub", "orders", serverless=serverless)).get_credentials()
    expected = signature(token, secret="the-secret-key", day="20231114", region="eu-west-1")  # noqa: S106 - invented
    assert token.endswith(f"&X-Amz-Signature={expected}")


def test_a_token_for_a_serverless_cache_says_so(clock: FakeClock) -> None:
    _, token = tokens(clock, IamUser("hub", "orders", serverless=True)).get_credentials()
    assert parse_qs(token)["ResourceType"] == ["ServerlessCache"]


def test_connections_of_the_next_minutes_share_a_token(clock: FakeClock) -> None:
    provider = tokens(clock)
    first = provider.get_credentials()
    clock.pass_seconds(599)
    assert provider.get_credentials() == first


def test_a_token_is_renewed_minutes_before_it_expires(clock: FakeClock) -> None:
    provider = tokens(clock)
    first = provider.get_credentials()
    clock.pass_seconds(600)
    assert "X-Amz-Date=20231114T222320Z" in provider.get_credentials()[1] != first[1]


def test_without_credentials_there_is_no_token(clock: FakeClock) -> None:
    with pytest.raises(TokenError, match="no AWS credentials were found"):
        tokens(clock, credentials=None).get_credentials()


def test_credentials_that_do_not_renew_give_no_token(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise CredentialRetrievalError(provider="sso", error_msg="the session has ended")

    credentials = Credentials("a", "b")
    monkeypatch.setattr(credentials, "get_frozen_credentials", fails)
    with pytest.raises(TokenError, match=r"do not renew \(CredentialRetrievalError\)"):
        tokens(clock, credentials=credentials).get_credentials()


def test_the_environment_gives_credentials_and_region(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the-session-token")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert IamTokens.of_session(USER, clock=clock).get_credentials() == tokens(clock).get_credentials()


def test_without_a_region_the_setting_is_reported(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(SettingsError, match="AWS_DEFAULT_REGION is unset"):
        IamTokens.of_session(USER, clock=clock)


def test_a_token_is_not_logged(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        _, token = tokens(clock).get_credentials()
    assert token.rpartition("=")[2] not in caplog.text
