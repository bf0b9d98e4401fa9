from __future__ import annotations

import os

import boto3
import pytest
from botocore.exceptions import NoCredentialsError, NoRegionError

from eventstore.adapters.aws.environment import AwsEnvironment
from eventstore.adapters.aws.signature import Keys

FUNCTION = {
    "AWS_LAMBDA_FUNCTION_NAME": "deliver",
    "AWS_ACCESS_KEY_ID": "AKID",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_DEFAULT_REGION": "eu-west-1",
}
SERVICES = ("events", "lambda", "secretsmanager", "sqs")


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> pytest.MonkeyPatch:
    """A process that has no settings of AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/config")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/credentials")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def of_function(**variables: str) -> AwsEnvironment:
    return AwsEnvironment(FUNCTION | variables)


def test_a_function_signs_with_the_keys_of_its_runtime_in_its_region() -> None:
    assert (of_function().keys(), of_function().region) == (Keys("AKID", "secret", "token"), "eu-west-1")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_where_botocore_finds_it_in_every_region(service: str) -> None:
    session = boto3.session.Session("AKID", "secret", region_name="us-east-1")
    regions = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions(service, partition_name=partition)
    }
    usual = sorted(region for region in regions if of_function(AWS_DEFAULT_REGION=region)._is_usual)
    assert {"us-east-1", "eu-central-2", "us-gov-west-1", "mx-central-1", "ap-southeast-5"} <= set(usual)
    assert not {region for region in usual if region.startswith("cn-") or "iso" in region}
    for region in usual:
        expected = boto3.session.Session("AKID", "secret", region_name=region).client(service).meta.endpoint_url
        assert of_function(AWS_DEFAULT_REGION=region).endpoint(service) == expected


@pytest.mark.parametrize(("region", "host"), [("cn-north-1", "amazonaws.com.cn"), ("us-iso-east-1", "c2s.ic.gov")])
def test_where_hosts_have_other_names_botocore_is_asked(variables: pytest.MonkeyPatch, region: str, host: str) -> None:
    for name, value in (FUNCTION | {"AWS_DEFAULT_REGION": region}).items():
        variables.setenv(name, value)
    assert AwsEnvironment().endpoint("sqs") == f"https://sqs.{region}.{host}"


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("AWS_USE_FIPS_ENDPOINT", "sqs-fips.us-east-1.amazonaws.com"),
        ("AWS_USE_DUALSTACK_ENDPOINT", "sqs.us-east-1.api.aws"),
    ],
)
def test_where_other_endpoints_are_wanted_botocore_is_asked(
    variables: pytest.MonkeyPatch, name: str, host: str
) -> None:
    for variable, value in (FUNCTION | {"AWS_DEFAULT_REGION": "us-east-1", name: "true"}).items():
        variables.setenv(variable, value)
    assert AwsEnvironment().endpoint("sqs") == f"https://{host}"


@pytest.mark.parametrize(
    ("service", "variable"),
    [
        ("events", "AWS_ENDPOINT_URL_EVENTBRIDGE"),
        ("lambda", "AWS_ENDPOINT_URL_LAMBDA"),
        ("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        ("sqs", "AWS_ENDPOINT_URL_SQS"),
        ("sqs", "AWS_ENDPOINT_URL"),
    ],
)
def test_an_endpoint_of_the_environment_is_the_one_that_botocore_takes(
    variables: pytest.MonkeyPatch, service: str, variable: str
) -> None:
    own = {variable: "http://127.0.0.1:4566/"}
    for name, value in (FUNCTION | own).items():
        variables.setenv(name, value)
    expected = boto3.session.Session().client(service).meta.endpoint_url
    assert expected == "http://127.0.0.1:4566/"
    assert AwsEnvironment().endpoint(service) == "http://127.0.0.1:4566"


def test_an_endpoint_of_a_service_comes_before_that_of_all() -> None:
    own = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:2"}
    assert of_function(**own).endpoint("sqs") == "http://127.0.0.1:2"


def test_configured_endpoints_can_be_ignored() -> None:
    own = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    assert of_function(**own).endpoint("sqs") == "https://sqs.eu-west-1.amazonaws.com"


def test_elsewhere_botocore_finds_keys_and_region(variables: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        variables.setenv(name, FUNCTION[name])
    environment = AwsEnvironment()
    assert (environment.keys(), environment.region) == (Keys("AKID", "secret", ""), "eu-west-1")
    assert environment.endpoint("lambda") == "https://lambda.eu-west-1.amazonaws.com"


def test_no_region_and_no_keys_are_errors_that_say_so() -> None:
    with pytest.raises(NoRegionError):
        _ = AwsEnvironment().region
    with pytest.raises(NoCredentialsError):
        AwsEnvironment().keys()
