"""`sam local`, as a user would call it."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3

from eventstore_dev.cloudformation import REGION
from eventstore_dev.valkey.server import free_port
from tests.served import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.invocations import Invocation

__all__ = ["ROOT", "SamLocal", "environment"]

ROOT = Path(__file__).parents[2]
# The first of them fetches the image.
_WITHIN = 900.0
_REQUESTS = (
    ("GET", "/api/v1/health", None, 200),
    ("POST", "/api/v1/streams", {"id": "order-2"}, 201),
    ("GET", "/api/v1/streams/order-2", None, 200),
    ("GET", "/api/v1/nothing", None, 404),
)


@dataclass(frozen=True, slots=True)
class SamLocal:
    """The SAM CLI, and the template that it runs."""

    program: str
    template: Path

    def invoke(self, function: str, invocation: Invocation) -> tuple[Any, str]:
        """What a function answers, and what was written meanwhile; the answer is None if there is none."""
        command = [self.program, "local", "invoke", function, "--event", str(invocation.path), *self.options]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_WITHIN, env=environment(), cwd=ROOT
        )
        lines = done.stdout.strip().splitlines()
        try:
            return json.loads(lines[-1]) if lines else None, done.stderr
        except ValueError:
            return None, done.stdout + done.stderr

    def ask(self) -> Iterator[str]:
        """What `start-api` answers otherwise than it is to."""
        url = f"http://127.0.0.1:{(port := free_port())}"
        command = [self.program, "local", "start-api", "--port", str(port), "--warm-containers", "LAZY", *self.options]
        log = self.template.with_name("start-api.log")
        asked = f"{url}{_REQUESTS[0][1]}"
        try:
            with serving(command, asked=asked, environment=environment(), folder=ROOT, log=log):
                for method, path, body, status in _REQUESTS:
                    content, headers = (json.dumps(body), {"Content-Type": "application/json"}) if body else (None, {})
                    answer = urllib3.request(
                        method, url + path, body=content, headers=headers, timeout=_WITHIN, retries=False
                    )
                    if answer.status != status:
                        yield f"{method} {path} is answered {answer.status}, not {status}"
        except RuntimeError as error:
            yield str(error)

    @property
    def options(self) -> Sequence[str]:
        """What every call says."""
        return "--template-file", str(self.template), "--region", REGION


def environment() -> dict[str, str]:
    """What the SAM CLI runs in."""
    return os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
