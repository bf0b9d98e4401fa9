"""docs/grpc.md has every method and every reason, with its status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eventstore_server.grpc.door import SERVICES
from eventstore_server.grpc.methods import python_name
from eventstore_server.grpc.statuses import CODES, SessionClosed, response_of
from eventstore_server.sessions import GOING_AWAY, SLOW_CONSUMER

_ROOT = Path(__file__).parents[3]
_PAGE = (_ROOT / "docs/grpc.md").read_text()
_PROTO = "".join(path.read_text() for path in (_ROOT / "proto/flunq").rglob("*.proto"))
_ERRORS = _PAGE.partition("| status | reasons |")[2].partition("\n\n")[0]
_BY_REASON = {
    reason: status
    for status, reasons in re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", _ERRORS, re.MULTILINE)
    for reason in re.findall(r"`([a-z-]+)`", reasons)
}
_METHODS = [(service.name, method.name) for service in SERVICES for method in service.methods]


def test_every_reason_has_its_status() -> None:
    documented = {reason: status for reason, status in _BY_REASON.items() if reason != "internal"}
    closing = {code: response_of(SessionClosed(code, "")).code.name for code in (SLOW_CONSUMER, GOING_AWAY)}
    assert documented == {kind.code: code.name for kind, code in CODES.items()} | closing


@pytest.mark.parametrize(("service", "method"), _METHODS)
def test_every_method_is_listed_with_its_service_and_says_which_scope_it_needs(service: str, method: str) -> None:
    (row,) = [line for line in _PAGE.splitlines() if line.startswith(f"| `{service}` |")]
    assert f"`{method}`" in row
    comment = _PROTO.partition(f"  rpc {method}(")[0].rpartition("\n  //")[2]
    assert re.search(r"Scope: [a-z]+( or [a-z]+)?\.\n$", comment)


@pytest.mark.parametrize(
    ("method", "name"), [("Publish", "publish"), ("PublishStream", "publish_stream"), ("ReadAll", "read_all")]
)
def test_the_coroutine_of_a_method_has_its_name_in_snake_case(method: str, name: str) -> None:
    assert python_name(method) == name
