"""The instances of the server on one store: which are alive, and which has which partition."""

from __future__ import annotations

import logging
import threading
import time
from itertools import count
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError, StoreUnavailable
from eventstore.frames.instance_messages import encode_marker, encode_parts, encode_turns, is_marker
from eventstore.live.rendezvous import partition_owner
from eventstore.ports import FIRST_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.frames.frame import Part
    from eventstore.ports import Instances
    from eventstore.ports.instances import InstanceId

__all__ = ["Cluster"]

_LOGGER = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 0.75
_BLOCK_MS = 2000
_RETRY_SECONDS = 0.25
_LEAVE_SECONDS = 1.0
_RECEIVED_WITHIN = 2.0
"""Seconds within which a message to this instance is received; it takes longer only if the process hangs."""


class Cluster:
    """Keeps this instance among the others.

    Args:
        instance: The id of this instance.
        instances: The instances of the store.
        partitions: The number of partitions.
        alive_seconds: After how many seconds without a heartbeat the others take an instance for dead.
        has_journal: Whether the store is made again from a journal if it is lost.
        owns: Called with the partitions of this instance, at each heartbeat.
        lost: Called when an instance has left, or died.
        received: Called with each message of another instance.
        died: Called with each instance that has died, by the instance that has partition 0; it may raise.
        was_away: Called once this instance goes on after the others took it for dead, or lost messages to it.
    """

    def __init__(
        self,
        instance: InstanceId,
        instances: Instances,
        *,
        partitions: int,
        alive_seconds: float,
        has_journal: bool,
        owns: Callable[[frozenset[int]], None],
        lost: Callable[[], None],
        received: Callable[[bytes], None],
        died: Callable[[InstanceId], None],
        was_away: Callable[[], None],
    ) -> None:
        self._instance = instance
        self._instances = instances
        self._partitions = partitions
        self._alive_seconds = alive_seconds
        self._has_journal = has_journal
        self._owns = owns
        self._received = received
        self._died = died
        self._was_away = was_away
        self._lost = lost
        self._live: Sequence[InstanceId] = ()
        self._last_heartbeat = time.monotonic()
        self._away = False
        self._away_lock = threading.Lock()
        # The markers that were sent, and are to be received.
        self._markers: dict[bytes, threading.Event] = {}
        self._marker_numbers = count()
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._beat, name="heartbeat", daemon=True),
            threading.Thread(target=self._receive, name="inbox", daemon=True),
        ]

    @property
    def live(self) -> Sequence[InstanceId]:
        """The instances that were alive at the last heartbeat."""
        return self._live

    def is_away(self) -> bool:
        """Return whether the others take this instance for dead, or will before it knows. Any thread may ask.

        Once it is so, it stays so until `was_away` has been called: who asked has dropped what it had for clients.
        """
        with self._away_lock:
            return self._note_if_away()

    @property
    def is_alive(self) -> bool:
        """Whether heartbeats are sent and messages are received."""
        return all(thread.is_alive() for thread in self._threads)

    def run(self) -> None:
        """Join the others.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        self._last_heartbeat = time.monotonic()
        self._heartbeat()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Leave the others. Give up the partitions before."""
        self._stopped.set()
        # A heartbeat after `leave` would make the others take it for alive, and then for dead.
        if self._threads[0].is_alive():
            self._threads[0].join(_LEAVE_SECONDS)
        try:
            self._instances.leave(self._instance)
        except EventstoreError as error:
            # The others take it for dead.
            _LOGGER.warning("%s: %s", error.code, error.detail)

    def request_turns(self, partitions: Iterable[int]) -> None:
        """Have other instances take turns of their partitions. Best effort: they follow their partitions, too."""
        by_owner: dict[InstanceId, list[int]] = {}
        for partition in partitions:
            if self._live and (owner := partition_owner(partition, self._live)) != self._instance:
                by_owner.setdefault(owner, []).append(partition)
        for owner, wanted in by_owner.items():
            try:
                self._instances.send(owner, [encode_turns(wanted)])
            except EventstoreError as error:
                _LOGGER.warning("%s: %s", error.code, error.detail)

    def send_parts(self, instance: InstanceId, batches: Sequence[Sequence[Part]]) -> bool:
        """Have another instance deliver parts to its clients.

        Args:
            instance: The instance.
            batches: The parts, in order; each batch is a message.

        Returns:
            Whether they were sent. If not, the instance is gone: whoever has partition 0 removes the connections that
            the store knows of.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        return self._instances.send(instance, [encode_parts(parts) for parts in batches])

    def receive_earlier(self) -> None:
        """Return when all that others have sent to this instance by now was received.

        Who takes over a partition calls it before it sends anything of it: parts of the owner before may be under way
        to clients of this instance, and their connections would have the later ones first.

        Raises:
            StoreUnavailable: The store does not answer, or nothing was received for a while.
        """
        marker, received = encode_marker(next(self._marker_numbers)), threading.Event()
        self._markers[marker] = received
        try:
            # Without an inbox, this instance was away, and drops all that was sent to it.
            if self._instances.send(self._instance, [marker]) and not received.wait(_RECEIVED_WITHIN):
                raise StoreUnavailable(f"messages of other instances were not received within {_RECEIVED_WITHIN:.0f} s")
        finally:
            self._markers.pop(marker, None)

    def _note_marker(self, marker: bytes) -> None:
        # Who waited for it may have given up.
        if (received := self._markers.get(marker)) is not None:
            received.set()

    def _beat(self) -> None:
        while not self._stopped.wait(_HEARTBEAT_SECONDS):
            try:
                began = time.monotonic()
                self._heartbeat()
                self._note_heartbeat(began)
                self._bury()
            except EventstoreError as error:
                _LOGGER.warning("heartbeat: %s: %s", error.code, error.detail)
            except Exception:
                _LOGGER.exception("a heartbeat failed")

    def _note_if_away(self) -> bool:
        """Note that this instance is away if its last heartbeat is too old, and return whether it is."""
        self._away = self._away or time.monotonic() - self._last_heartbeat > self._alive_seconds
        return self._away

    def _note_heartbeat(self, began: float) -> None:
        before = self._last_heartbeat
        with self._away_lock:
            # Whoever asks from now on goes by this heartbeat, and whoever has asked before is known to have.
            is_away = self._note_if_away()
            self._last_heartbeat = began
        if not is_away:
            return
        _LOGGER.warning("this instance was away for %.1f s; its clients connect again", time.monotonic() - before)
        self._was_away()
        with self._away_lock:
            self._away = False

    def _heartbeat(self) -> None:
        before, live = self._live, self._instances.heartbeat(self._instance)
        self._live = live
        self._owns(frozenset(p for p in range(self._partitions) if partition_owner(p, live) == self._instance))
        if not set(before) <= set(live):
            self._lost()

    def _bury(self) -> None:
        """Clean up behind instances that have died. One instance does: that of partition 0."""
        if partition_owner(0, self._live) != self._instance:
            return
        for dead in self._instances.dead():
            _LOGGER.warning("instance %s has died", dead)
            self._died(dead)
            self._instances.forget(dead)

    def _receive(self) -> None:
        after = FIRST_MESSAGE
        while not self._stopped.is_set():
            try:
                received = self._instances.receive(self._instance, after, block_ms=_BLOCK_MS)
            except EventstoreError as error:
                if not self._stopped.is_set():
                    _LOGGER.warning("messages of other instances: %s: %s", error.code, error.detail)
                self._stopped.wait(_RETRY_SECONDS)
                continue
            after = received.after
            # Nobody but other instances sends messages. But the inbox may be lost with the whole store: a journal makes
            # everything again but connections, so no other part notifies their clients. Without one, the epochs do.
            if received.has_gap and (self._has_journal or list(self._live) != [self._instance]):
                _LOGGER.warning("messages of other instances were lost; clients connect again")
                self._was_away()
            for message in received.messages:
                if is_marker(message):
                    self._note_marker(message)
                    continue
                try:
                    self._received(message)
                except Exception:
                    _LOGGER.exception("a message of another instance failed")
