from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from eventstore_dev.invocation import Limits
from tests.e2e.dev.conftest import serve, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.dev.conftest import Running


@pytest.fixture(scope="module")
def aws(dev: Running) -> Any:  # noqa: ANN401 - boto3 makes its clients' classes at run time
    return boto3.client(
        "lambda",
        endpoint_url=dev.stack.url,
        region_name="us-east-1",
        aws_access_key_id="a",
        aws_secret_access_key="b",  # noqa: S106 - nobody checks it
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_an_aws_client_gets_what_the_function_returns(aws: Any) -> None:  # noqa: ANN401 - as above
    answer = aws.invoke(FunctionName="Behaviour", Payload=b'{"a":[1.0,null]}')
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"].read())["event"] == {"a": [1.0, None]}


def test_a_call_without_payload_has_an_empty_event(aws: Any) -> None:  # noqa: ANN401 - as above
    assert json.loads(aws.invoke(FunctionName="Behaviour")["Payload"].read())["event"] == {}


@pytest.mark.parametrize(
    "name",
    [
        "local-named",
        "Named",
        "local-named:$LATEST",
        "123456789012:function:local-named",
        "arn:aws:lambda:us-east-1:123456789012:function:local-named",
        "arn:aws:lambda:us-east-1:123456789012:function:local-named:live",
    ],
)
def test_a_function_answers_to_all_its_names(aws: Any, name: str) -> None:  # noqa: ANN401 - as above
    assert aws.invoke(FunctionName=name)["StatusCode"] == 200


def test_a_qualifier_is_accepted(aws: Any) -> None:  # noqa: ANN401 - as above
    assert aws.invoke(FunctionName="Behaviour", Qualifier="$LATEST")["StatusCode"] == 200


def test_an_unknown_function_is_not_found(aws: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises(aws.exceptions.ResourceNotFoundException, match=r"function:Nobody \(there are Behaviour"):
        aws.invoke(FunctionName="Nobody")


def test_a_payload_that_is_not_json_is_refused(aws: Any) -> None:  # noqa: ANN401 - as above
    with pytest.raises(aws.exceptions.InvalidRequestContentException, match="Could not parse"):
        aws.invoke(FunctionName="Behaviour", Payload=b"{")


def test_an_exception_is_described(aws: Any) -> None:  # noqa: ANN401 - as above
    answer = aws.invoke(FunctionName="Behaviour", Payload=b'{"do":"raise"}')
    error = json.loads(answer["Payload"].read())
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (error["errorType"], error["errorMessage"]) == ("LookupError", "as instructed")


def test_the_tail_of_the_log_comes_along_when_asked_for(aws: Any) -> None:  # noqa: ANN401 - as above
    answer = aws.invoke(FunctionName="Behaviour", LogType="Tail", Payload=b'{"do":"print","text":"seen"}')
    request = answer["ResponseMetadata"]["RequestId"]
    lines = b64decode(answer["LogResult"]).decode().splitlines()
    assert lines[:3] == [f"START RequestId: {request} Version: $LATEST", "seen", f"END RequestId: {request}"]
    assert lines[3].startswith(f"REPORT RequestId: {request}\tDuration: ")


def test_the_tail_is_the_last_four_kilobytes(aws: Any) -> None:  # noqa: ANN401 - as above
    event = json.dumps({"do": "print", "text": "x" * 10_000}).encode()
    assert len(b64decode(aws.invoke(FunctionName="Behaviour", LogType="Tail", Payload=event)["LogResult"])) == 4096


def test_a_dry_run_runs_nothing(aws: Any, tmp_path: Path) -> None:  # noqa: ANN401 - as above
    file = tmp_path / "runs"
    event = json.dumps({"do": "count", "file": str(file)}).encode()
    assert aws.invoke(FunctionName="Behaviour", InvocationType="DryRun", Payload=event)["StatusCode"] == 204
    assert not file.exists()


def test_an_event_that_fails_is_tried_three_times_under_one_request_id(aws: Any, tmp_path: Path) -> None:  # noqa: ANN401 - as above
    file = tmp_path / "runs"
    event = json.dumps({"do": "count", "file": str(file)}).encode()
    answer = aws.invoke(FunctionName="Behaviour", InvocationType="Event", Payload=event)
    assert answer["StatusCode"] == 202
    wait_until(lambda: file.exists() and len(file.read_text().split()) == 3, what="three runs")
    assert set(file.read_text().split()) == {answer["ResponseMetadata"]["RequestId"]}


def test_an_abandoned_event_is_reported(aws: Any, dev: Running) -> None:  # noqa: ANN401 - as above
    answer = aws.invoke(FunctionName="Behaviour", InvocationType="Event", Payload=b'{"do":"raise"}')
    request = answer["ResponseMetadata"]["RequestId"]
    wait_until(lambda: f"given up, {request}" in dev.written.getvalue(), what="the last failure")


def test_the_context_is_like_lambdas(dev: Running) -> None:
    custom = b64encode(b'{"custom":{"a":"b"}}').decode()
    response = dev.invoke("local-named", {"do": "describe"}, X_Amz_Client_Context=custom)
    description = response.json()
    assert description["request"] == response.headers["x-amzn-RequestId"]
    assert description["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:local-named"
    assert (description["name"], description["memory"], description["client"]) == ("local-named", "256", {"a": "b"})
    assert 0 < description["remaining"] <= 1000


def test_the_environment_is_lambdas_and_the_templates(dev: Running) -> None:
    description = dev.invoke("Behaviour", {"do": "describe"}).json()
    environment = description["environment"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "Behaviour"
    assert environment["AWS_LAMBDA_FUNCTION_VERSION"] == "$LATEST"
    assert environment["_HANDLER"] == "behaviour.handler"
    assert environment["LAMBDA_TASK_ROOT"].endswith("fixtures/functions")
    assert environment["GREETING"] == "hello"
    assert description["layer"] == "layer"


def test_a_function_gets_the_local_url_of_a_rest_api(dev: Running) -> None:
    assert dev.invoke("Behaviour", {"do": "describe"}).json()["environment"]["API_URL"] == dev.stack.url


def test_the_developers_own_environment_stays_outside(dev: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSTORE_SECRET_OF_MINE", "1")
    assert "EVENTSTORE_SECRET_OF_MINE" not in dev.invoke("Behaviour", {"do": "describe"}).json()["environment"]


def test_an_invalid_client_context_is_refused(dev: Running) -> None:
    assert dev.invoke("Behaviour", {}, X_Amz_Client_Context="!").status == 400


@pytest.fixture(scope="module")
def small() -> Iterator[Running]:
    with serve(Limits(payload=2000, event_payload=1000, response=3000)) as running:
        yield running


def test_a_payload_over_the_limit_is_refused(small: Running) -> None:
    response = small.invoke("Behaviour", "x" * 2000)
    assert response.status == 413
    assert response.headers["x-amzn-ErrorType"] == "RequestTooLargeException"


def test_an_event_has_a_limit_of_its_own(small: Running) -> None:
    assert small.invoke("Behaviour", "x" * 1500, X_Amz_Invocation_Type="Event").status == 413


def test_a_response_over_the_limit_is_an_error(small: Running) -> None:
    response = small.invoke("Behaviour", {"do": "large", "bytes": 4000})
    assert response.json()["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_function_goes_on_after_a_response_that_was_too_large(small: Running) -> None:
    small.invoke("Behaviour", {"do": "large", "bytes": 4000})
    assert small.invoke("Behaviour", {"a": 1}).json()["event"] == {"a": 1}
