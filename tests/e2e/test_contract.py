"""The API against its OpenAPI document, through the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.rest.fuzzing import fuzz

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.hubs import Hub


@pytest.mark.needs("fuzzing")
def test_schemathesis_finds_no_5xx_and_no_answer_outside_the_document(hub: Hub, tmp_path: Path) -> None:
    assert not fuzz(hub.url, tmp_path, examples=10)
