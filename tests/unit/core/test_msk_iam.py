from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError

from eventstore.adapters.aws.signature import Keys
from eventstore.adapters.kafka.address import KafkaBrokers
from eventstore.adapters.kafka.client import KafkaClient
from eventstore.adapters.kafka.msk_iam import MskTokens
from eventstore.errors import SettingsError

NOW = 1_764_000_000.0
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "the/token+of=a==session")


def by_botocore(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL that AWS's own signers of tokens for MSK make with botocore."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.fromtimestamp(NOW, UTC))
    request = AWSRequest("GET", "https://kafka.eu-west-1.amazonaws.com/", params={"Action": "kafka-cluster:Connect"})
    credentials = Credentials(*keys[:2], keys.token or None)
    SigV4QueryAuth(credentials, "kafka-cluster", "eu-west-1", expires=900).add_auth(request)
    return str(request.url)


@pytest.mark.parametrize("keys", [KEYS, KEYS._replace(token="")])
def test_a_token_is_the_request_to_connect_as_botocore_signs_it(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    token, until = MskTokens("eu-west-1", lambda: keys, now=lambda: NOW).token()
    assert until == NOW + 900
    assert "=" not in token
    url = urlsplit(urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    members = parse_qs(url.query, strict_parsing=True)
    assert members.pop("User-Agent") == ["flunq-eventstore"]
    expected = urlsplit(by_botocore(keys, monkeypatch))
    assert members == parse_qs(expected.query, strict_parsing=True)
    assert (url.scheme, url.netloc, url.path) == (expected.scheme, expected.netloc, expected.path)


def test_missing_keys_are_named() -> None:
    def keys() -> Keys:
        raise NoCredentialsError

    with pytest.raises(SettingsError, match="mechanism=AWS_MSK_IAM of KAFKA_BROKERS needs keys of AWS: Unable to"):
        MskTokens("eu-west-1", keys).token()


def test_region_and_keys_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_LAMBDA_FUNCTION_NAME", "f"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", ""),
    ):
        monkeypatch.setenv(name, value)
    client = KafkaClient(KafkaBrokers.parse("kafka://127.0.0.1:1?mechanism=AWS_MSK_IAM"))
    assert client._token is not None
    token, _ = client._token()
    assert urlsafe_b64decode(token + "==").startswith(b"https://kafka.eu-west-1.amazonaws.com/?Action=kafka-cluster%3A")
