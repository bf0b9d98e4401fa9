"""The API with its authorizer against its OpenAPI document, with several credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions.rest.openapi.paths import PATHS
from functions.rest.openapi.security import PUBLIC
from tests.e2e.guarded import Caller, Guarded, guarded
from tests.functional.rest.fuzzing import fuzz

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs("own-hub")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded("jwt", tmp_path_factory.mktemp("guarded")) as hub:
        yield hub


_CALLS = [
    (method.upper(), path)
    for path, item in PATHS.items()
    for method, operation in item.items()
    if operation["operationId"] not in PUBLIC
]


@pytest.mark.parametrize(("method", "path"), _CALLS)
def test_a_call_without_a_credential_is_unauthorized(hub: Guarded, method: str, path: str) -> None:
    path = path.replace("{id}", "1").replace("{stream}", "1").replace("{subscription}", "1").replace("{filter}", "1")
    reply = Caller(hub.url, "").call(method, path, {})
    assert (reply.status, reply.json()["code"]) == (401, "unauthorized")
    assert reply.headers["Content-Type"] == "application/problem+json"


def test_schemathesis_finds_nothing_with_all_scopes(hub: Guarded, tmp_path: Path) -> None:
    credential = hub.credential("publish read subscribe admin")
    assert not fuzz(hub.url, tmp_path, examples=4, credential=credential, seconds=300)


@pytest.mark.parametrize("scopes", ["publish read subscribe admin", "read"])
def test_schemathesis_finds_nothing_with_a_tenants_credential(hub: Guarded, tmp_path: Path, scopes: str) -> None:
    credential = hub.credential(scopes, tenants=["acme"])
    phases = "examples,coverage,fuzzing"
    assert not fuzz(hub.url, tmp_path, examples=2, phases=phases, credential=credential, seconds=300)
