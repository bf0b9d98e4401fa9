"""The built template, deployed by `sam deploy` as a user would, onto an endpoint that speaks AWS's APIs."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Any

import boto3

from eventstore_hosting.valkey import ValkeyServer
from tests.e2e.adapting import Adapting
from tests.e2e.endpoints import chosen
from tests.e2e.hubs import Hub, held
from tests.e2e.ministack import ministack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["DeployedHub", "deployed_hub"]

_STACK = "eventstore-e2e"
_PARAMETERS = {
    "Auth": ("key", "nobody comes by IAM or with tokens"),
    "AccessLogs": ("none", "the APIs log nobody, and no role of the account is set for that"),
    "TargetFunctions": ("workflow-*", "rules push to functions alone"),
    "DispatchConcurrency": ("0", "no concurrency is kept for a function"),
}
"""The parameters of the deployment, and what they leave out."""

_SCOPES = ("publish", "read", "subscribe", "admin")
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
"""Credentials that every endpoint on this machine accepts; those of the environment take precedence."""


class Account:
    """An account of the endpoint: its clients, and the environment of programs that use it."""

    def __init__(self, endpoint: str) -> None:
        own = {name: os.environ.get(name) or value for name, value in _CREDENTIALS.items()}
        self.environment = own | {"AWS_ENDPOINT_URL": endpoint}
        self._session = boto3.Session(
            own["AWS_ACCESS_KEY_ID"], own["AWS_SECRET_ACCESS_KEY"], region_name=own["AWS_DEFAULT_REGION"]
        )
        self._endpoint = endpoint

    @contextmanager
    def client(self, service: str) -> Iterator[Any]:
        """A client of a service."""
        client = self._session.client(service, endpoint_url=self._endpoint)  # type: ignore[call-overload]
        yield client
        client.close()


@dataclass(frozen=True, kw_only=True)
class DeployedHub(Hub):
    """A stack of CloudFormation.

    Attributes:
        adapting: What the endpoint does not know of the templates, and what stands there instead.
    """

    account: Account
    adapting: Adapting

    @property
    def unshown(self) -> list[str]:
        """The deviations from the templates, each with its reason."""
        chosen = [f"{name} is {value}: {unseen}" for name, (value, unseen) in _PARAMETERS.items()]
        own = "RedisUrl names a cache: the hub's stack makes none and no network; test_private_stacks.py does"
        return [*sorted(self.adapting.changes), *chosen, own]

    def sweep(self) -> None:
        """See `Hub.sweep`."""
        with self.account.client("lambda") as functions:
            answer = functions.invoke(FunctionName=self._physical("SweepFunction"), Payload=b"{}")
            assert "FunctionError" not in answer, answer["Payload"].read()

    def waiting(self, queue: str) -> int:
        """See `Hub.waiting`."""
        with self.account.client("sqs") as sqs:
            return held(sqs, self._physical(queue))

    def _physical(self, name: str) -> str:
        with self.account.client("cloudformation") as stacks:
            described = stacks.describe_stack_resource(StackName=_STACK, LogicalResourceId=name)
        return str(described["StackResourceDetail"]["PhysicalResourceId"])


@contextmanager
def deployed_hub(folder: Path, *, built: Path, sam: Path, program: Path) -> Iterator[DeployedHub]:
    """Deploy the hub on the endpoint of AWS_ENDPOINT_URL, or on MiniStack; delete it after the block.

    Args:
        folder: Where the cache and MiniStack keep what they have.
        built: The template that `sam build` wrote.
        sam: The SAM CLI.
        program: MiniStack.
    """
    with ExitStack() as stack:
        valkey = stack.enter_context(ValkeyServer.start(folder=folder / "valkey", persistent=True))
        endpoint = os.environ.get("AWS_ENDPOINT_URL") or stack.enter_context(ministack(program, folder))
        account, key = Account(endpoint), token_urlsafe()
        stack.callback(_remove, account)
        adapting = Adapting(endpoint, whole=chosen() != "ministack")
        template = adapting.file(built)
        parameters = {"RedisUrl": valkey.url, "ApiKeysSecretArn": _secret(account, key)}
        parameters |= {name: value for name, (value, _) in _PARAMETERS.items()}
        _deploy(template, parameters, sam=sam, account=account)
        outputs = _outputs(account)
        yield DeployedHub(
            url=outputs["RestUrl"],
            websocket_url=outputs["WebSocketUrl"],
            valkey=valkey,
            key=key,
            account=account,
            adapting=adapting,
        )


def _secret(account: Account, key: str) -> str:
    """Create a secret with one key, which has full access; return its ARN."""
    entry = {"id": "e2e", "sha256": sha256(key.encode()).hexdigest(), "scopes": _SCOPES}
    with account.client("secretsmanager") as secrets:
        made = secrets.create_secret(Name=f"{_STACK}-keys", SecretString=json.dumps({"keys": [entry]}))
    return str(made["ARN"])


def _remove(account: Account) -> None:
    """Delete everything with the name of the hub, since others may share the endpoint.

    What the SAM CLI keeps for all that it deploys stays: the stack `aws-sam-cli-managed-default` and its bucket.
    """
    with account.client("cloudformation") as stacks:
        stacks.delete_stack(StackName=_STACK)
        stacks.get_waiter("stack_delete_complete").wait(StackName=_STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    with account.client("secretsmanager") as secrets:
        secrets.delete_secret(SecretId=f"{_STACK}-keys", ForceDeleteWithoutRecovery=True)


def _deploy(template: Path, parameters: Mapping[str, str], *, sam: Path, account: Account) -> None:
    given = " ".join(f"{name}={value}" for name, value in parameters.items())
    options = f"--stack-name {_STACK} --resolve-s3 --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
    quietly = "--no-confirm-changeset --no-progressbar"
    done = subprocess.run(
        [sam.absolute(), "deploy", *f"{options} {quietly}".split(), "--parameter-overrides", given, "-t", template],
        env=os.environ | account.environment | {"SAM_CLI_TELEMETRY": "0"},
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        raise RuntimeError(f"sam deploy fails: {done.stderr[-2000:]}\n" + "\n".join(_failures(account)))


def _failures(account: Account) -> list[str]:
    """The reasons for failed resources from CloudFormation, including nested stacks."""
    with account.client("cloudformation") as stacks:
        names = [stack["StackName"] for stack in stacks.list_stacks()["StackSummaries"]]
        events = [event for name in names for event in stacks.describe_stack_events(StackName=name)["StackEvents"]]
    return [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]


def _outputs(account: Account) -> dict[str, str]:
    with account.client("cloudformation") as stacks:
        [made] = stacks.describe_stacks(StackName=_STACK)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
