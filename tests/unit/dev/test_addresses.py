from __future__ import annotations

import pytest

from eventstore_dev.addresses import Addresses

HERE = "http://127.0.0.1:8081"


@pytest.fixture(autouse=True)
def _no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


def test_every_aws_client_of_a_function_calls_the_stack() -> None:
    assert Addresses(HERE).variables() == {
        "AWS_ENDPOINT_URL": HERE,
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": HERE,
    }


def test_an_endpoint_of_the_developer_is_kept_except_for_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:4566")
    assert Addresses(HERE).elsewhere == "http://localhost:4566"
    assert Addresses(HERE).variables() == {
        "AWS_ENDPOINT_URL": "http://localhost:4566",
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": HERE,
    }


@pytest.mark.parametrize("named", [HERE, "http://localhost:8081", "http://127.0.0.1:8081/"])
def test_the_address_of_the_stack_is_not_a_foreign_endpoint(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", named)
    assert Addresses(HERE).elsewhere == ""


def test_aws_urls_are_replaced_by_local_ones_everywhere() -> None:
    moved = {"https://aws/q": "http://here/q", "https://aws/q.fifo": "http://here/other"}
    assert (
        Addresses(HERE, moved).translated("a=https://aws/q.fifo,b=https://aws/q")
        == "a=http://here/other,b=http://here/q"
    )


def test_other_text_is_unchanged() -> None:
    assert Addresses(HERE, {"https://aws/q": "x"}).translated("https://aws/other") == "https://aws/other"
