"""Signals to a worker, however close together they arrive."""

from __future__ import annotations

import signal
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from eventstore_client.cli import signals as module
from eventstore_client.cli.signals import Signals


def test_a_second_signal_in_the_midst_of_the_first_interrupts_once_the_worker_is_being_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = threading.Event()
    worker: Any = SimpleNamespace(close=closed.set)
    signals = Signals(worker)
    monkeypatch.setattr(module, "say_bytes", lambda _: signals._handle(signal.SIGTERM, None))
    with pytest.raises(KeyboardInterrupt), signals:
        signals._handle(signal.SIGINT, None)
    assert signals.received == [signal.SIGINT, signal.SIGTERM]
    assert closed.is_set()
