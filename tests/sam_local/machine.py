"""The servers on this machine for functions in containers: an empty Valkey, and moto for AWS."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3

from eventstore_dev.aws_names import REGION, queue_url
from eventstore_dev.template import Template
from eventstore_dev.template_file import load
from eventstore_hosting.valkey import ValkeyServer
from tests.contract.endpoints import moto_server
from tests.invocations import KEYS
from tests.policies.judging import ANY_TARGET
from tests.relays import relaying

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.sam_local.engines import Engine

__all__ = ["Adapted", "Machine", "machine"]

_LOCAL = "127.0.0.1"
# The address of the queues of a template.
_QUEUES = queue_url("").rpartition("/")[0].rpartition("/")[0]

# In the container of the function: it sees no folder of this machine.
_ARCHIVE = {"ArchiveUrl": "file:///tmp/archive"}

# The second variable is needed: without it, deliver posts to the API of its deployment.
_ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI")


@dataclass(frozen=True, slots=True)
class Adapted:
    """Files for `sam local`.

    Attributes:
        template: Of functions that run here.
        variables: What they find in their environment, as `--env-vars` takes it.
    """

    template: Path
    variables: Path


@dataclass(frozen=True, slots=True)
class Machine:
    """The servers for functions in containers. Nothing here polls the queues; the caller invokes functions.

    Attributes:
        environments: By the function's logical id, the variables by which it finds it.
        functions: The logical id, by the folder of `functions`.
        aws: Where programs of this machine find AWS.
    """

    environments: Mapping[str, Mapping[str, str]]
    functions: Mapping[str, str]
    aws: str

    def adapt(self, built: Path, architecture: str) -> Adapted:
        """Write an adapted template, whose functions run on this machine, beside the built one.

        `sam local` sets only variables that a template names, and prefers the values of the caller's shell, unless a
        file of variables says otherwise.

        Args:
            built: What `sam build` wrote.
            architecture: Of the containers.
        """
        tree = load(built)
        for name, resource in tree["Resources"].items():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Serverless::Function":
                properties["Environment"] = {"Variables": dict(self.environments[name])}
                properties["Architectures"] = [architecture]
            elif resource["Type"] == "AWS::Serverless::LayerVersion":
                properties["CompatibleArchitectures"] = [architecture]
            else:
                continue
            # The authorizer is included whatever the parameters, so that it can be tried.
            resource.pop("Condition", None)
        adapted = Adapted(built.with_name("local.json"), built.with_name("variables.json"))
        adapted.template.write_text(json.dumps(tree, indent=1))
        adapted.variables.write_text(
            json.dumps({name: dict(values) for name, values in self.environments.items()}, indent=1)
        )
        return adapted


@contextmanager
def machine(template: Path, engine: Engine) -> Iterator[Machine]:
    """Start the servers on an address that containers of the engine can reach."""
    with ExitStack() as resources:
        valkey = resources.enter_context(ValkeyServer.start())
        aws = resources.enter_context(moto_server())
        if engine.relayed:
            for url in (valkey.url, aws):
                port = urlsplit(url).port or 0
                resources.enter_context(relaying(port, host=engine.host, at=port))
        plain = Template.read(template, parameters={"RedisUrl": valkey.url, **ANY_TARGET, **_ARCHIVE})
        _make_queues(aws, plain)
        keys = {"RedisUrl": valkey.url, "Auth": "key", "ApiKeysSecretArn": _make_secret(aws)}
        by_key = Template.read(template, parameters=keys)
        # The gateway authorizes callers, so only the authorizer gets the keys.
        functions = {**by_key.functions, **plain.functions}
        yield Machine(
            {
                name: {
                    key: value.replace(_QUEUES, aws).replace(_LOCAL, engine.host)
                    for key, value in (*function.environment, *((endpoint, aws) for endpoint in _ENDPOINTS))
                }
                for name, function in functions.items()
            },
            {function.handler.split(".")[1]: name for name, function in functions.items()},
            aws,
        )


def _make_queues(aws: str, template: Template) -> None:
    with closing(_client("sqs", aws)) as sqs:
        for queue in template.queues.values():
            sqs.create_queue(QueueName=queue.name, Attributes=dict(queue.attributes))


def _make_secret(aws: str) -> str:
    """Create a secret with the API keys of the events; return its ARN."""
    with closing(_client("secretsmanager", aws)) as secrets:
        return str(secrets.create_secret(Name="keys", SecretString=KEYS)["ARN"])


def _client(service: str, aws: str) -> Any:  # noqa: ANN401 - a client is of its service
    session = boto3.Session("local", "local", region_name=REGION)
    return session.client(service, endpoint_url=aws)  # type: ignore[call-overload]
