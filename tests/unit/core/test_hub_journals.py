"""The journal that settings name."""

from __future__ import annotations

import sys

import pytest

from eventstore.errors import SettingsError
from eventstore.hub.journals import journal_of
from eventstore.hub.settings import Settings


def test_a_missing_library_of_kafka_is_reported_with_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("eventstore.adapters.kafka")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    with pytest.raises(SettingsError, match=r"needs the package confluent-kafka; .* the layer KafkaLayer of functions"):
        journal_of(Settings.from_environment({"BACKEND": "kafka"}))
