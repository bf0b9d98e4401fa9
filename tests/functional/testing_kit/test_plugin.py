"""The fixtures in a session of pytest of their own, as another project has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[3]

_TESTS = """
from eventstore_client import EventStore

ADDRESSES = set()


def publish(hub):
    ADDRESSES.add(hub.url)
    assert hub.events() == []
    with EventStore(hub.url) as store:
        store.publish([{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}], stream="s")
    assert hub.await_event("t")["hubsequence"] == "1"


def test_one(eventstore_hub):
    publish(eventstore_hub)


def test_two(eventstore_hub):
    publish(eventstore_hub)


def test_three(eventstore_hub_of_session):
    assert ADDRESSES == {eventstore_hub_of_session.url}
    assert len(eventstore_hub_of_session.events()) == 1
"""


def session(folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "pytest", "-p", "eventstore_testing.plugin", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_test_has_an_empty_hub_at_one_address(tmp_path: Path) -> None:
    (tmp_path / "test_session.py").write_text(_TESTS)

    assert "3 passed" in session(tmp_path, "--rootdir", str(tmp_path))


def test_the_tests_of_the_example_pass() -> None:
    assert "5 passed" in session(_ROOT / "examples/orders")


def test_a_session_that_uses_no_hub_starts_none_and_imports_no_library_of_it(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\n\ndef test_other():\n    assert not {'eventstore', 'redis', 'websockets'} & set(sys.modules)\n"
    )

    assert "1 passed" in session(tmp_path, "--rootdir", str(tmp_path))
