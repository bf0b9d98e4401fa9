from __future__ import annotations

import os
import subprocess
import sys

import eventstore_client
from eventstore_client import errors


def test_every_exported_name_exists_in_sorted_order() -> None:
    assert eventstore_client.__all__ == sorted(eventstore_client.__all__, key=lambda name: (not name.isupper(), name))
    assert all(hasattr(eventstore_client, name) for name in eventstore_client.__all__)


def test_every_public_name_is_exported() -> None:
    here = {
        name
        for name, value in vars(eventstore_client).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("eventstore_client.")
    }

    assert here - set(eventstore_client.__all__) == set()


def test_every_error_can_be_caught_by_its_name_from_the_package() -> None:
    named = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}

    assert named <= set(eventstore_client.__all__)


def test_the_error_tree_in_the_docstring_matches_the_classes() -> None:
    drawn = {line.split("──")[-1].split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line}

    assert drawn | {"ClientError"} == {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}


def test_the_client_does_not_import_dependencies_of_the_hub() -> None:
    asked = "import sys, eventstore_client.cli.main; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    run = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)

    present = {name.partition(".")[0] for name in run.stdout.split()}
    assert "urllib3" in present
    assert present & {"redis", "boto3", "botocore", "pydantic", "aws_lambda_powertools", "aiohttp"} == set()


def test_what_publishes_imports_nothing_of_what_reads_follows_and_administers() -> None:
    asked = "import sys, eventstore_client; eventstore_client.EventStore('http://127.0.0.1:9'); print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    run = subprocess.run([sys.executable, "-c", asked], env=environment, capture_output=True, text=True, check=True)

    present = {*run.stdout.split()}
    assert not [name for name in present if name.startswith(("asyncio", "websockets", "uuid", "urllib.request"))]
    # Each dataclass takes half a millisecond.
    others = {
        "eventstore.errors",
        *(f"eventstore_client.{name}" for name in ("feed", "searches", "recorded", "streams")),
    }
    assert present & others == set()
