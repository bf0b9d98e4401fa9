"""The keys of targets in Secrets Manager, as moto has it."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest
from boto3 import Session
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from eventstore.adapters.aws.calls import secrets_calls
from eventstore.adapters.aws.json_calls import JsonCalls
from eventstore.adapters.aws.secrets import SecretsManagerSecrets
from eventstore.adapters.aws.service_calls import ServiceCalls
from eventstore.ports.secrets import SecretUnavailable, signing_keys
from tests.conformance.test_standard_webhooks import OTHER, SECRET
from tests.contract.aws import NOBODY, Api, environment
from tests.examples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore.ports import SigningKey

MINUTE = 60


class Counting:
    """Calls of Secrets Manager, as moto has it, that count how often secrets are read."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - boto3 makes it
        self.client = client
        self.reads = 0

    def call(self, operation: str, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - AWS's spelling
        assert operation == "GetSecretValue"
        self.reads += 1
        answer: dict[str, Any] = self.client.get_secret_value(SecretId=SecretId)
        return answer


@pytest.fixture
def counting() -> Iterator[Counting]:
    # A session of its own: moto answers those that are made after it was imported.
    with mock_aws():
        yield Counting(Session("AKID", "secret", "token", region_name="eu-west-1").client("secretsmanager"))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def secrets(counting: Counting, clock: FakeClock) -> SecretsManagerSecrets:
    return SecretsManagerSecrets(cast("JsonCalls", counting), clock=clock)


def keys(text: str) -> tuple[SigningKey, ...]:
    return signing_keys("s", text)


def test_the_keys_of_a_secret_are_read_by_name_and_by_arn(counting: Counting, secrets: SecretsManagerSecrets) -> None:
    arn = counting.client.create_secret(Name="hooks/a", SecretString=f"{OTHER}\n{SECRET}\n")["ARN"]
    assert secrets.get("hooks/a") == secrets.get(arn) == keys(f"{OTHER} {SECRET}")


def test_a_secret_is_kept_for_five_minutes(
    counting: Counting, secrets: SecretsManagerSecrets, clock: FakeClock
) -> None:
    counting.client.create_secret(Name="hooks/a", SecretString=SECRET)
    secrets.get("hooks/a")
    counting.client.put_secret_value(SecretId="hooks/a", SecretString=OTHER)
    clock.pass_seconds(5 * MINUTE - 1)
    assert (secrets.get("hooks/a"), counting.reads) == (keys(SECRET), 1)
    clock.pass_seconds(1)
    assert (secrets.get("hooks/a"), counting.reads) == (keys(OTHER), 2)


def test_a_secret_that_does_not_exist_is_named_and_looked_for_again(
    counting: Counting, secrets: SecretsManagerSecrets
) -> None:
    with pytest.raises(SecretUnavailable, match=r"^secret 'hooks/a' cannot be read: ResourceNotFoundException$"):
        secrets.get("hooks/a")
    counting.client.create_secret(Name="hooks/a", SecretString=SECRET)
    assert secrets.get("hooks/a") == keys(SECRET)


def test_a_secret_of_bytes_holds_no_keys(counting: Counting, secrets: SecretsManagerSecrets) -> None:
    counting.client.create_secret(Name="hooks/a", SecretBinary=SECRET.encode())
    with pytest.raises(SecretUnavailable, match="secret 'hooks/a' must hold keys"):
        secrets.get("hooks/a")


def test_secrets_that_cannot_be_reached_are_unavailable(clock: FakeClock) -> None:
    calls = ServiceCalls("secretsmanager", environment(), endpoint=NOBODY, seconds=5)
    secrets = SecretsManagerSecrets(JsonCalls(calls, target="secretsmanager", version="1.1"), clock=clock)
    with pytest.raises(SecretUnavailable, match="secret 'hooks/a' cannot be read: EndpointConnectionError"):
        secrets.get("hooks/a")


def test_a_secret_is_read_by_one_call(api: Api, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", api.url)
    api.answers = [(200, json.dumps({"Name": "hooks/a", "SecretString": SECRET}).encode())]
    secrets = SecretsManagerSecrets(secrets_calls(environment()), clock=clock)
    assert secrets.get("hooks/a") == keys(SECRET)
    assert api.requests == [("POST", "/", b'{"SecretId":"hooks/a"}')]
    assert api.headers[0]["X-Amz-Target"] == "secretsmanager.GetSecretValue"


def test_callers_that_wait_for_a_read_that_fails_do_not_read_again() -> None:
    callers = 5
    reads: list[str] = []
    asking: set[int] = set()
    all_asked = threading.Event()

    class Clock(FakeClock):
        def now(self) -> int:
            asking.add(threading.get_ident())
            if len(asking) == callers:
                all_asked.set()
            return super().now()

    clock = Clock()

    class Unreachable:
        def call(self, operation: str, *, SecretId: str) -> dict[str, Any]:  # noqa: ARG002, N803 - AWS's spelling
            reads.append(SecretId)
            assert all_asked.wait(10)
            clock.pass_seconds(3)
            raise EndpointConnectionError(endpoint_url=SecretId)

    secrets = SecretsManagerSecrets(cast("JsonCalls", Unreachable()), clock=clock)
    with ThreadPoolExecutor(callers) as threads:
        results = [threads.submit(secrets.get, "hooks/a") for _ in range(callers)]
    errors = [str(result.exception()) for result in results]
    assert errors == ["secret 'hooks/a' cannot be read: EndpointConnectionError"] * callers
    assert reads == ["hooks/a"]
    with pytest.raises(SecretUnavailable):
        secrets.get("hooks/a")
    assert len(reads) == 2
