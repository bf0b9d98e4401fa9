from __future__ import annotations

import pytest

from eventstore_dev.service_models import model_of_form, model_of_target


@pytest.mark.parametrize(
    ("target", "service", "endpoint"),
    [
        ("DynamoDB_20120810.PutItem", "dynamodb", "dynamodb"),
        ("DynamoDBStreams_20120810.ListStreams", "dynamodb", "streams.dynamodb"),
        ("AWSEvents.PutEvents", "events", "events"),
        ("SageMaker.ListModels", "sagemaker", "api.sagemaker"),
        ("AmazonSQS.SendMessage", "sqs", "sqs"),
    ],
)
def test_a_target_names_a_service(target: str, service: str, endpoint: str) -> None:
    model = model_of_target(target)
    assert model is not None
    assert (model.service, model.endpoint) == (service, endpoint)


@pytest.mark.parametrize("target", ["", ".", ".PutItem", "DynamoDB_20120810", "dynamodb_20120810.PutItem", "Own.Word"])
def test_an_unknown_target_names_no_service(target: str) -> None:
    assert model_of_target(target) is None


@pytest.mark.parametrize(
    ("action", "version", "service"),
    [
        ("AssumeRoleWithWebIdentity", "2011-06-15", "sts"),
        ("CreateTopic", "2010-03-31", "sns"),
        ("SendMessage", "2012-11-05", "sqs"),
        ("PutMetricData", "2010-08-01", "monitoring"),
        ("DescribeVpcs", "2016-11-15", "ec2"),
    ],
)
def test_a_form_names_a_service(action: str, version: str, service: str) -> None:
    model = model_of_form(action, version)
    assert model is not None
    assert model.service == service


def test_services_of_one_version_are_distinguished_by_their_operations() -> None:
    models = [model_of_form(action, "2010-12-01") for action in ("SendEmail", "CreateEnvironment")]
    assert [model and model.service for model in models] == ["ses", "elasticbeanstalk"]


@pytest.mark.parametrize(
    ("action", "version"),
    [("CreateTopic", ""), ("CreateTopic", "2012-08-10"), ("PutItem", "2012-08-10"), ("", "2010-03-31")],
)
def test_an_unknown_form_names_no_service(action: str, version: str) -> None:
    assert model_of_form(action, version) is None
