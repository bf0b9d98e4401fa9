"""The imports of a function's start: what its path needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

# Slow imports: each takes tens or hundreds of milliseconds. Powertools touches botocore where it is
# installed; botocore's session is what costs.
_VENDORS = {"aws_lambda_powertools", "botocore.session", "jwt", "pydantic", "redis", "urllib3", "yaml"}
_OURS = {
    *("eventstore.filters.cesql", "eventstore.live.dispatch", "eventstore.groups"),
    *("functions.answers", "functions.rest.asyncapi", "functions.rest.openapi"),
}


@cache
def imported(function: str) -> set[str]:
    return imported_by(f"import functions.{function}.app")


def imported_by(statements: str) -> set[str]:
    paths = [str(_ROOT / folder) for folder in ("", "layers/eventstore", "infra/hosting", "infra/server")]
    program = f"import sys; sys.path[:0] = {paths!r}; {statements}; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return set(answer.stdout.split())


@pytest.mark.parametrize(
    ("function", "vendors"),
    [
        ("rest", {"aws_lambda_powertools", "redis"}),
        ("websocket", {"redis", "urllib3"}),
        ("dispatch", {"aws_lambda_powertools", "redis", "urllib3"}),
        ("deliver", {"urllib3"}),
        ("push", {"urllib3"}),
        ("sweep", set()),
        ("authorizer", set()),
        ("console", set()),
    ],
)
def test_a_function_imports_the_libraries_of_its_path(function: str, vendors: set[str]) -> None:
    assert imported(function) & _VENDORS == vendors


@pytest.mark.parametrize(
    ("function", "parts"),
    [
        ("rest", set()),
        ("websocket", {"eventstore.groups"}),
        ("dispatch", {"eventstore.live.dispatch", "eventstore.groups"}),
        ("deliver", set()),
        ("push", {"eventstore.groups"}),
        ("sweep", set()),
        ("authorizer", set()),
        ("console", set()),
    ],
)
def test_a_function_imports_the_parts_of_its_path(function: str, parts: set[str]) -> None:
    assert imported(function) & _OURS == parts


def test_listing_the_methods_of_a_path_imports_no_models_of_bodies() -> None:
    listing = "from functions.rest.openapi import methods_at; assert methods_at('/api/v1/events')"
    assert imported_by(listing) & {"functions.answers", "functions.rest.models", "pydantic"} == set()


def test_a_journal_on_nats_imports_no_library() -> None:
    opening = (
        "from eventstore.hub.hub import Hub; from eventstore.hub.settings import Settings; "
        "assert Hub(Settings.from_environment({'BACKEND': 'nats'})).journal"
    )
    assert imported_by(opening) & {*_VENDORS, "cryptography", "nats"} == set()


def test_a_journal_on_kafka_imports_its_library_alone() -> None:
    opening = (
        "from eventstore.hub.hub import Hub; from eventstore.hub.settings import Settings; "
        "assert Hub(Settings.from_environment({'BACKEND': 'kafka'})).journal"
    )
    names = imported_by(opening)
    assert "confluent_kafka" in names
    assert names & {*_VENDORS, "cryptography", "confluent_kafka.schema_registry", "httpx"} == set()


def test_a_token_for_msk_is_signed_with_the_keys_of_a_function_without_boto3() -> None:
    signing = (
        f"import os; os.environ |= {_RUNTIME!r}; from eventstore.adapters.kafka.msk_iam import MskTokens; "
        "assert MskTokens.of_environment().token()"
    )
    assert imported_by(signing) & {"boto3", "botocore.session"} == set()


def test_checking_tokens_imports_no_secrets_and_checking_keys_no_tokens() -> None:
    checking = "import os; os.environ |= {}; from functions.authorizer import app; app.credential_checker()"
    tokens = {"AUTH": "jwt", "JWT_ISSUER": "https://i", "JWT_AUDIENCE": "a"}
    keys = {"AUTH": "key", "API_KEYS_SECRET": "s"}
    vendors = {"aws_lambda_powertools", "boto3", "jwt", "pydantic", "redis"}
    assert imported_by(checking.replace("{}", repr(tokens))) & vendors == {"jwt"}
    assert imported_by(checking.replace("{}", repr(keys))) & vendors == set()


def test_durable_subscriptions_import_queues_on_first_use() -> None:
    handling = "from functions.hub import hub; hub().durable_subscriptions"
    assert imported_by(handling) & {"boto3", "botocore", "eventstore.adapters.aws.sqs_letters"} == set()


_RUNTIME = {
    "AWS_LAMBDA_FUNCTION_NAME": "any",
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
}
"""What Lambda's runtime tells a function of AWS."""

_QUEUES = {"BELLS_QUEUE_URL": "bells", "DELIVERIES_QUEUE_URL": "deliveries", "CONNECTIONS_URL": "https://a.example/ws"}


_RESTORED = {
    "AWS_LAMBDA_FUNCTION_NAME": "any",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
}
"""The same, of a function that is restored from a snapshot."""


@pytest.mark.parametrize("runtime", [_RUNTIME, _RESTORED], ids=["started", "restored"])
def test_a_function_calls_its_queues_and_connections_without_boto3(runtime: dict[str, str]) -> None:
    building = (
        "from functions.hub import hub; from contextlib import suppress; "
        "hub().dispatch_queue, hub().deliveries, hub().deliverer; exec('with suppress(Exception): hub().aws.keys()')"
    )
    names = imported_by(f"import os; os.environ |= {runtime | _QUEUES!r}; {building}")
    assert "eventstore.adapters.aws.apigateway" in names
    assert names & {"boto3", "botocore.session"} == set()


_ADAPTERS = {
    "lambda": "eventstore.adapters.aws.lambda_target",
    "sqs": "eventstore.adapters.aws.sqs_target",
    "eventbridge": "eventstore.adapters.aws.eventbridge_target",
    "http": "eventstore.adapters.http.target",
}


@pytest.mark.parametrize("kind", _ADAPTERS)
def test_who_pushes_imports_what_its_kind_of_target_needs_and_never_the_store(kind: str) -> None:
    runtime = f"import os; os.environ |= {_RUNTIME!r}"
    making = "from eventstore.hub.targets import TargetAdapters; from functions.push.app import hub"
    names = imported_by(
        f"{runtime}; {making}; TargetAdapters(hub().settings, aws=lambda: hub().aws, clock=hub().clock).of({kind!r})"
    )
    assert names & set(_ADAPTERS.values()) == {_ADAPTERS[kind]}
    assert names & {"boto3", "botocore.session", "redis"} == set()


def test_the_server_starts_where_nothing_of_aws_is_installed() -> None:
    names = imported_by("sys.modules.update(boto3=None, botocore=None); import eventstore_server.__main__")
    assert "functions.websocket.app" in names
    assert {name.partition(".")[0] for name in names} & {"eventstore_client", "eventstore_dev", "moto"} == set()


def test_without_iam_authentication_nothing_is_imported_for_it() -> None:
    connecting = "from eventstore.adapters.redis.connection import connect; connect('rediss://hub:secret@127.0.0.1')"
    assert {name.partition(".")[0] for name in imported_by(connecting)} & {"boto3", "botocore"} == set()
