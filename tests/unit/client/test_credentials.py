from __future__ import annotations

import pytest
from botocore.credentials import Credentials as Keys

from eventstore_client import ApiKey, AwsIam, Bearer, NoCredentials
from eventstore_client.credentials import Outgoing

SECRET = "tell-nobody"  # noqa: S105 - that is what it is called


@pytest.mark.parametrize("credentials", [Bearer(SECRET), Bearer(lambda: SECRET), ApiKey(SECRET)])
def test_the_representation_of_credentials_has_no_secret(credentials: Bearer | ApiKey) -> None:
    credentials.headers(Outgoing("GET", "http://127.0.0.1/"))

    assert SECRET not in f"{credentials!r} {credentials}"


def test_credentials_are_equal_by_value() -> None:
    assert Bearer("a") == Bearer("a")
    assert Bearer("a") != Bearer("b")


class Session:
    region_name = None

    def get_credentials(self) -> Keys:
        return Keys("AKIDEXAMPLE", SECRET)


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://abc.execute-api.eu-north-1.amazonaws.com/v1/health", "eu-north-1"),
        ("wss://abc.execute-api.us-gov-west-1.amazonaws.com/ws", "us-gov-west-1"),
        ("https://abc.execute-api.cn-north-1.amazonaws.com.cn/v1", "cn-north-1"),
    ],
)
def test_the_address_of_an_api_implies_its_region(url: str, region: str) -> None:
    shown = AwsIam(session=Session()).headers(Outgoing("GET", url))

    assert f"/{region}/execute-api/aws4_request" in shown["Authorization"]
    assert SECRET not in str(shown)


@pytest.mark.parametrize("url", ["https://hub.example", "https://x.execute-api.eu-west-1.amazonaws.com.evil.example"])
def test_a_custom_address_implies_no_region(url: str) -> None:
    with pytest.raises(NoCredentials, match="no AWS region: the hub"):
        AwsIam(session=Session()).headers(Outgoing("GET", url))


def test_an_explicit_region_takes_precedence() -> None:
    shown = AwsIam(region="eu-west-1", session=Session()).headers(
        Outgoing("GET", "https://abc.execute-api.us-east-1.amazonaws.com/")
    )

    assert "/eu-west-1/execute-api/" in shown["Authorization"]
