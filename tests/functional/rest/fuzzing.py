"""Schemathesis, run on the API's own document: whatever it sends, no 5xx and no answer outside the document."""

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


def fuzz(url: str, folder: Path, *, examples: int, phases: str = "examples,coverage,fuzzing,stateful") -> str:
    """What Schemathesis found; empty if nothing.

    Args:
        url: Where the API is.
        folder: Where its notes may go.
        examples: How many requests of each kind it makes up, at most.
        phases: Which kinds.
    """
    document = f"{url}/api/v1/openapi.json"
    command = [sys.executable, "-m", "schemathesis.cli", "run", document, "--url", url, "--no-color"]
    options = ["--checks", ",".join(_CHECKS), "--max-examples", str(examples), "--phases", phases, "--seed", "2"]
    done = subprocess.run(
        [*command, *options],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
