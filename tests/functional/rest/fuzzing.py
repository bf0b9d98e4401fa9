"""Schemathesis, run on the OpenAPI document: no request is answered with a 5xx or outside the document."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["fuzz"]

_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
)


# With a credential, also check that the request is refused with 401 without it, and with another.
_AUTHENTICATED = ("ignored_auth",)


def fuzz(
    url: str,
    folder: Path,
    *,
    examples: int,
    phases: str = "examples,coverage,fuzzing,stateful",
    credential: str | None = None,
    seconds: float = 120,
) -> str:
    """The failures that Schemathesis reports; empty without any.

    Args:
        url: Where the API is.
        folder: Where its notes may go.
        examples: How many requests of each kind it makes up, at most.
        phases: Which kinds.
        credential: The credential of every request; without one, the API checks none.
        seconds: In which it has to end.
    """
    checks = _CHECKS if credential is None else (*_CHECKS, *_AUTHENTICATED)
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/v1/openapi.json", "--no-color"]
    # The code of GET answers HEAD; another test checks that.
    command += ["--exclude-method", "HEAD"]
    headers = [] if credential is None else ["--header", f"Authorization: Bearer {credential}"]
    options = ["--checks", ",".join(checks), "--max-examples", str(examples), "--phases", phases, "--seed", "2"]
    done = subprocess.run(
        [*command, *options, *headers],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
