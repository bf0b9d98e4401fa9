from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from botocore.credentials import ContainerMetadataFetcher, ContainerProvider
from botocore.exceptions import CredentialRetrievalError

from eventstore.adapters.aws.container_keys import ContainerKeys
from eventstore.adapters.aws.environment import AwsEnvironment
from eventstore.adapters.aws.signature import Keys
from tests.contract.aws import NOBODY, Api
from tests.examples import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3600


@pytest.fixture
def api() -> Iterator[Api]:
    with Api.serving() as api:
        yield api


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def seconds(clock: FakeClock) -> float:
    return clock.now() / 1000


def given(clock: FakeClock, name: str = "AKID", *, valid: float = 6 * HOUR, **members: str) -> tuple[int, bytes]:
    """An answer of the endpoint."""
    expiration = datetime.fromtimestamp(seconds(clock) + valid, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": name, "SecretAccessKey": "secret", "Token": "token", "Expiration": expiration}
    return 200, json.dumps(keys | members).encode()


def variables(api: Api) -> dict[str, str]:
    return {
        "AWS_LAMBDA_FUNCTION_NAME": "deliver",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{api.url}/2021-04-23/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "the-authorization",
    }


def keys_of(api: Api, clock: FakeClock) -> ContainerKeys:
    return ContainerKeys(variables(api), now=lambda: seconds(clock))


def test_keys_are_asked_for_with_the_token_of_the_runtime(api: Api, clock: FakeClock) -> None:
    api.answers = [given(clock)]
    assert keys_of(api, clock).get() == Keys("AKID", "secret", "token")
    assert [(method, path) for method, path, _ in api.requests] == [("GET", "/2021-04-23/credentials")]
    assert api.headers[0]["Authorization"] == "the-authorization"


def test_botocore_asks_in_the_same_way(api: Api, clock: FakeClock) -> None:
    api.answers = [given(clock)]
    fetcher = ContainerMetadataFetcher()
    credentials = ContainerProvider(variables(api), fetcher).load()
    assert credentials is not None
    assert [(method, path) for method, path, _ in api.requests] == [("GET", "/2021-04-23/credentials")]
    assert api.headers[0]["Authorization"] == "the-authorization"


def test_keys_are_kept_until_ten_minutes_before_they_expire(api: Api, clock: FakeClock) -> None:
    api.answers = [given(clock, "one"), given(clock, "two", valid=12 * HOUR)]
    keys = keys_of(api, clock)
    keys.get()
    clock.pass_seconds(6 * HOUR - 601)
    assert keys.get().access_key == "one"
    clock.pass_seconds(2)
    assert keys.get().access_key == "two"


def test_threads_that_need_keys_at_once_ask_once(api: Api, clock: FakeClock) -> None:
    api.answers = [given(clock)]
    keys, together = keys_of(api, clock), Barrier(8)

    def get() -> Keys:
        together.wait(20)
        return keys.get()

    with ThreadPoolExecutor(8) as threads:
        assert {result.result().access_key for result in [threads.submit(get) for _ in range(8)]} == {"AKID"}
    assert len(api.requests) == 1


def test_keys_that_cannot_be_renewed_serve_as_long_as_they_are_valid(api: Api, clock: FakeClock) -> None:
    api.answers = [given(clock), (500, b"")]
    keys = keys_of(api, clock)
    keys.get()
    clock.pass_seconds(6 * HOUR - 60)
    assert keys.get().access_key == "AKID"
    clock.pass_seconds(60)
    with pytest.raises(CredentialRetrievalError, match="HTTP 500"):
        keys.get()


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, b"[]"), (200, b"{}"), (403, b"{}")])
def test_an_answer_without_keys_is_an_error(api: Api, clock: FakeClock, answer: tuple[int, bytes]) -> None:
    api.answers = [answer]
    with pytest.raises(CredentialRetrievalError):
        keys_of(api, clock).get()


def test_an_error_never_has_the_keys(api: Api, clock: FakeClock) -> None:
    api.answers = [given(clock, SecretAccessKey="a-secret-of-mine", Expiration="never")]
    with pytest.raises(CredentialRetrievalError) as raised:
        keys_of(api, clock).get()
    assert "a-secret-of-mine" not in f"{raised.value} {raised.value.__cause__}"


def test_an_endpoint_that_is_not_there_is_an_error(clock: FakeClock) -> None:
    keys = ContainerKeys({"AWS_CONTAINER_CREDENTIALS_FULL_URI": NOBODY}, now=lambda: seconds(clock))
    with pytest.raises(CredentialRetrievalError):
        keys.get()


def test_a_restored_function_signs_with_these_keys(api: Api, clock: FakeClock) -> None:
    clock.pass_seconds(datetime.now(UTC).timestamp() - seconds(clock))
    api.answers = [given(clock)]
    environment = AwsEnvironment(variables(api))
    assert environment.endpoint("sqs") == "https://sqs.eu-west-1.amazonaws.com"
    assert environment.keys() == environment.keys() == Keys("AKID", "secret", "token")
    assert len(api.requests) == 1
