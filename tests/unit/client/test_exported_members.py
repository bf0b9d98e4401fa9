from __future__ import annotations

import os
import subprocess
import sys

import eventstore_client
from eventstore_client import errors


def test_everything_exported_is_there_and_sorted() -> None:
    assert eventstore_client.__all__ == sorted(eventstore_client.__all__)
    assert all(hasattr(eventstore_client, name) for name in eventstore_client.__all__)


def test_nothing_public_is_forgotten() -> None:
    here = {
        name
        for name, value in vars(eventstore_client).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("eventstore_client.")
    }

    assert here - set(eventstore_client.__all__) == set()


def test_every_error_can_be_caught_by_its_name_from_the_package() -> None:
    named = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}

    assert named <= set(eventstore_client.__all__)


def test_the_tree_drawn_is_the_tree_there_is() -> None:
    drawn = {line.split("──")[-1].split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line}

    assert drawn | {"ClientError"} == {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}


def test_the_client_needs_none_of_what_the_hub_runs_on() -> None:
    asked = "import sys, eventstore_client.cli.main; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    run = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)

    present = {name.partition(".")[0] for name in run.stdout.split()}
    assert "urllib3" in present
    assert present & {"redis", "boto3", "botocore", "pydantic", "aws_lambda_powertools", "aiohttp"} == set()


def test_who_only_publishes_and_reads_pays_for_no_websocket() -> None:
    asked = "import sys, eventstore_client; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    run = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)

    assert not [name for name in run.stdout.split() if name.startswith("websockets")]
