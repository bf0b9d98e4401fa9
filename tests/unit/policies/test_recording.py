"""The recorder, on the path of a process, records its AWS calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.policies.recording import RECORDER, Call, recorded

ROOT = Path(__file__).parents[3]

_KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
_CALLS = """
import os
os.environ |= {keys}
os.environ["AWS_ENDPOINT_URL"] = "http://127.0.0.1:1"
from eventstore.adapters.aws import calls, environment
aws = environment.AwsEnvironment()
try:
    {call}
except Exception as error:
    print(type(error).__name__)
"""
_CLIENT = """
import boto3
from botocore.config import Config
client = boto3.client(
    "sqs", region_name="us-east-1", endpoint_url="http://127.0.0.1:1", aws_access_key_id="a", aws_secret_access_key="b",
    config=Config(retries={"total_max_attempts": 1}),
)
try:
    client.send_message(QueueUrl="http://127.0.0.1:1/1/Bells", MessageBody="secret")
except Exception as error:
    print(type(error).__name__)
"""


def run(program: str, file: Path) -> str:
    path = os.pathsep.join(map(str, [RECORDER, ROOT / "layers/eventstore"]))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "RECORDED_CALLS": str(file)}
    environment["AWS_LAMBDA_FUNCTION_NAME"] = "rest"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()


def test_a_call_is_recorded_with_its_caller_even_when_it_fails(tmp_path: Path) -> None:
    file = tmp_path / "calls"
    assert run(_CLIENT, file) == "EndpointConnectionError"
    names = (("QueueUrl", "http://127.0.0.1:1/1/Bells"),)
    assert recorded(file) == {Call("rest", "sqs", "SendMessage", names)}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            'calls.sqs_target_calls(aws).call("SendMessage", QueueUrl="q", MessageBody="secret")',
            ("sqs", "SendMessage", (("QueueUrl", "q"),)),
        ),
        (
            'calls.eventbridge_target_calls(aws).call("PutEvents", Entries=[{"EventBusName": "b", "Detail": "{}"}])',
            ("events", "PutEvents", (("EventBusName", "b"),)),
        ),
        (
            'calls.secrets_calls(aws).call("GetSecretValue", SecretId="s")',
            ("secretsmanager", "GetSecretValue", (("SecretId", "s"),)),
        ),
        (
            'calls.lambda_target_calls(aws).call("Invoke", "/2015-03-31/functions/a%3Ab/invocations", b"secret")',
            ("lambda", "Invoke", (("FunctionName", "a:b"),)),
        ),
        (
            'calls.connections_calls(lambda: "http://127.0.0.1:1", aws).call("DeleteConnection", "/@connections/a")',
            ("apigatewaymanagementapi", "DeleteConnection", (("ConnectionId", "any"),)),
        ),
    ],
)
def test_a_call_of_the_hub_is_recorded_as_that_of_a_client(
    tmp_path: Path, call: str, expected: tuple[str, str, tuple[tuple[str, str], ...]]
) -> None:
    assert run(_CALLS.format(keys=_KEYS, call=call), tmp_path / "calls") == "EndpointConnectionError"
    assert recorded(tmp_path / "calls") == {Call("rest", *expected)}
    assert "secret" not in (tmp_path / "calls").read_text().replace("secretsmanager", "")


def test_the_parameters_of_a_call_are_not_recorded(tmp_path: Path) -> None:
    run(_CLIENT, tmp_path / "calls")
    assert "secret" not in (tmp_path / "calls").read_text()


def test_a_process_that_asks_for_no_client_starts_without_botocore(tmp_path: Path) -> None:
    assert (
        run("import sys; print([name for name in sys.modules if name.startswith('boto')])", tmp_path / "calls") == "[]"
    )


def test_a_process_without_calls_records_nothing(tmp_path: Path) -> None:
    assert recorded(tmp_path / "calls") == frozenset()


def test_a_line_that_is_being_written_is_not_read_yet(tmp_path: Path) -> None:
    file = tmp_path / "calls"
    run(_CLIENT, file)
    file.write_text(file.read_text() + '{"function":')
    assert len(recorded(file)) == 1
