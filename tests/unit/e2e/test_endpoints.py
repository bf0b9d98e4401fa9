from __future__ import annotations

import pytest

from tests.e2e.endpoints import chosen, lacking


def test_the_local_stack_is_the_default_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENTSTORE_ENDPOINT", raising=False)
    assert chosen() == "eventstore_dev"
    assert lacking("kills") is None


def test_an_unsupported_feature_is_reported_with_the_endpoint_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSTORE_ENDPOINT", "ministack")
    assert str(lacking("subprotocols")).startswith("ministack: it names no subprotocol")


def test_an_unknown_endpoint_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSTORE_ENDPOINT", "moon")
    with pytest.raises(LookupError, match="'moon'; it may be eventstore_dev, server, ministack, localstack"):
        chosen()


def test_an_unknown_requirement_of_a_test_is_an_error() -> None:
    with pytest.raises(LookupError, match="every endpoint can do 'kill'"):
        lacking("kill")
