"""`sam local`, called like by a user."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from eventstore_dev.aws_names import REGION
from eventstore_hosting.lifeline import Lifeline
from tests.ports import ReservedPort
from tests.served import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.invocations import Invocation
    from tests.sam_local.machine import Adapted

__all__ = ["ROOT", "Functions", "SamLocal", "environment"]

ROOT = Path(__file__).parents[2]
_WITHIN = 300.0
_END_WITHIN = 10.0
_REQUESTS = (
    ("GET", "/api/v1/health", None, 200),
    ("POST", "/api/v1/streams", {"id": "order-2"}, 201),
    ("GET", "/api/v1/streams/order-2", None, 200),
    ("GET", "/api/v1/nothing", None, 404),
)


@dataclass(frozen=True, slots=True)
class Functions:
    """Functions that are called through Lambda's API.

    Attributes:
        url: Where the API is.
        log: What was written meanwhile.
    """

    url: str
    log: Path

    def invoke(self, function: str, invocation: Invocation) -> tuple[Any, str]:
        """The answer of a function, or None without one, and the output until then."""
        answered = _request("POST", f"{self.url}/2015-03-31/functions/{function}/invocations", invocation.event)
        written = self.log.read_text(errors="replace")
        try:
            return answered.json(), written
        except ValueError:
            return None, written + answered.data.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class SamLocal:
    """The SAM CLI, and the template that it runs.

    Attributes:
        program: The SAM CLI.
        files: The functions.
        image: In which they run; the engine has it.
        aws: Where AWS is.
    """

    program: str
    files: Adapted
    image: str
    aws: str

    def invoke(self, function: str, invocation: Invocation) -> tuple[Any, str]:
        """The answer of a function, or None without one, and the output meanwhile."""
        command = [self.program, "local", "invoke", function, "--event", str(invocation.path), *self.options]
        output, errors = self._run(command)
        lines = output.strip().splitlines()
        try:
            return json.loads(lines[-1]) if lines else None, errors
        except ValueError:
            return None, output + errors

    @contextmanager
    def functions(self) -> Iterator[Functions]:
        """Run all functions, each in a container that is kept during the block.

        Raises:
            RuntimeError: `start-lambda` does not start.
        """
        with self._serving("start-lambda", asked="/", status=404) as (url, log):
            yield Functions(url, log)

    def ask(self) -> Iterator[str]:
        """The wrong answers of `start-api`."""
        try:
            with self._serving("start-api", asked=_REQUESTS[0][1], status=200) as (url, _log):
                for method, path, body, status in _REQUESTS:
                    answered = _request(method, url + path, body)
                    if answered.status != status:
                        yield f"{method} {path} is answered {answered.status}, not {status}"
        except RuntimeError as error:
            yield str(error)

    @contextmanager
    def _serving(self, name: str, *, asked: str, status: int) -> Iterator[tuple[str, Path]]:
        log = self.files.template.with_name(f"{name}.log")
        environ = environment(self.aws)
        with ReservedPort() as port:
            options = ("--port", str(port.number), "--warm-containers", "LAZY", *self.options)
            command = [self.program, "local", name, *options]
            with serving(command, asked=port.url + asked, environment=environ, folder=ROOT, log=log, status=status):
                yield port.url, log

    @property
    def options(self) -> Sequence[str]:
        """The common options of every call. The image is not pulled, because the engine has it."""
        files = ("--template-file", str(self.files.template), "--env-vars", str(self.files.variables))
        return *files, "--region", REGION, "--invoke-image", self.image, "--skip-pull-image"

    def _run(self, command: Sequence[str]) -> tuple[str, str]:
        with (
            Lifeline() as lifeline,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(self.aws),
                cwd=ROOT,
                process_group=lifeline.group,
            ) as process,
        ):
            try:
                return process.communicate(timeout=_WITHIN)
            except BaseException:
                # The SAM CLI removes its container when interrupted, but not when killed or terminated.
                process.send_signal(signal.SIGINT)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_END_WITHIN)
                process.kill()
                raise


def _request(method: str, url: str, body: object) -> urllib3.BaseHTTPResponse:
    content, headers = (json.dumps(body), {"Content-Type": "application/json"}) if body else (None, {})
    return urllib3.request(method, url, body=content, headers=headers, timeout=_WITHIN, retries=False)


def environment(aws: str) -> dict[str, str]:
    """The environment of the SAM CLI.

    Nothing in it leads to the user's account: the SAM CLI asks STS whose account it is at each call.

    Args:
        aws: Where AWS is.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "SAM_CLI_TELEMETRY": "0",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_ENDPOINT_URL": aws,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
