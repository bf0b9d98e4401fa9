"""The recorded calls of functions are judged against their roles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.policies.deployed import sam_python
from tests.policies.judging import judged, unjudged

if TYPE_CHECKING:
    from pathlib import Path

transforms = pytest.mark.skipif(
    sam_python() is None, reason="SAM's transform is not installed; `make lint-template` does it"
)


def note(file: Path, function: str, operation: str) -> None:
    names = {"QueueUrl": "http://127.0.0.1:8081/123456789012/BellsQueue.fifo"}
    call = {"function": function, "service": "sqs", "operation": operation, "names": names}
    file.write_text(json.dumps(call) + "\n")


@transforms
def test_a_call_that_its_role_allows_passes(tmp_path: Path) -> None:
    with judged(tmp_path / "calls"):
        note(tmp_path / "calls", "RestFunction", "SendMessage")


@transforms
def test_a_call_that_its_role_refuses_fails_by_name(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match=r"SweepFunction may not sqs:ReceiveMessage on .*:BellsQueue\.fifo"),
        judged(tmp_path / "calls"),
    ):
        note(tmp_path / "calls", "SweepFunction", "ReceiveMessage")


def test_without_the_transform_nothing_fails_and_a_note_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.policies.judging.sam_python", lambda: None)
    with judged(tmp_path / "calls"):
        note(tmp_path / "calls", "SweepFunction", "ReceiveMessage")
    assert "SAM's transform is not installed" in str(unjudged())
