"""Functions have no client of Kafka: the topic for other programs is the server's."""

from __future__ import annotations

import pytest

from eventstore.errors import SettingsError
from functions.hub import hub
from tests.fresh import forget


def test_functions_refuse_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKEND", "kafka")
    monkeypatch.setenv("KAFKA_EVENTS_TOPIC", "orders")
    forget()
    with pytest.raises(SettingsError, match="functions cannot write it: set it for the server only"):
        hub()
    forget()
