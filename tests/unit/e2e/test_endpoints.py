from __future__ import annotations

import pytest

from tests.e2e.endpoints import chosen, lacking


def test_without_a_word_the_local_stack_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVENTSTORE_ENDPOINT", raising=False)
    assert chosen() == "eventstore_dev"
    assert lacking("kills") is None


def test_what_an_endpoint_cannot_do_is_told_with_its_name_and_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSTORE_ENDPOINT", "ministack")
    assert str(lacking("subprotocols")).startswith("ministack: it names no subprotocol")


def test_an_endpoint_that_is_none_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSTORE_ENDPOINT", "moon")
    with pytest.raises(LookupError, match="'moon'; it may be eventstore_dev, ministack, localstack"):
        chosen()


def test_a_test_that_needs_what_nobody_lacks_is_told_so() -> None:
    with pytest.raises(LookupError, match="every endpoint can do 'kill'"):
        lacking("kill")
