from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions.rest import openapi
from functions.rest.openapi import document
from tests.functional.rest.fuzzing import fuzz
from tests.functional.rest.gateway import serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.rest.api import Api


@pytest.mark.usefixtures("api")
def test_no_request_is_answered_outside_the_document(tmp_path: Path) -> None:
    with serving() as url:
        found = fuzz(url, tmp_path, examples=10)
    assert not found, found


def test_an_answer_outside_the_document_is_found(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("functions.rest.routes.about.VERSION", 1)
    assert api.get("/health").status == 200
    with serving() as url:
        assert "schema" in fuzz(url, tmp_path, examples=1, phases="coverage")


def test_a_call_that_asks_for_no_credential_where_the_document_says_so_is_found(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.get("/health").status == 200
    monkeypatch.setattr(openapi, "document", lambda *, server, **_: document(server=server, auth="jwt"))
    with serving() as url:
        found = fuzz(url, tmp_path, examples=1, phases="coverage", credential="token")
    assert "accepts requests without authentication" in found
