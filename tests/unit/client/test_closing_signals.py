"""Signals that close what waits in the main thread."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

from eventstore_client.closing_signals import closed_by
from eventstore_client.membership import Membership

if TYPE_CHECKING:
    from types import FrameType


def test_a_signal_that_does_not_end_the_wait_of_the_main_thread_is_seen_nevertheless() -> None:
    membership = Membership(lambda _: None, "workers", url="ws://hub")
    main = threading.main_thread().ident
    assert main is not None

    def signal_once_it_waits() -> None:
        while not _is_receiving(sys._current_frames()[main]):
            pass
        # The system delivers it to this thread, so that it interrupts nothing in the main one: as a signal that
        # arrives when the main thread is about to wait.
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    thread = threading.Thread(target=signal_once_it_waits)
    thread.start()
    with closed_by([signal.SIGUSR1], membership.leave):
        assert membership.receive() is None
    thread.join()


def _is_receiving(frame: FrameType) -> bool:
    waits = frame.f_code is threading.Condition.wait.__code__
    return waits and frame.f_back is not None and frame.f_back.f_code is Membership.receive.__code__
