"""The JetStream streams of a journal: one a partition, made when it is first used."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eventstore.adapters.nats.errors import STREAM_NOT_FOUND, NatsError, NoResponders, gone, meaning
from eventstore.adapters.nats.messages import JetStreamName
from eventstore.errors import SettingsError, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eventstore.adapters.nats.client import NatsClient

__all__ = ["Streams"]

_STREAM_NAME_IN_USE = 10058

_KEPT: Mapping[str, object] = {
    "retention": "limits",
    "max_age": 0,
    "max_msgs": -1,
    "max_bytes": -1,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
    "storage": "file",
    "allow_direct": True,
    "deny_delete": False,
}
"""What the settings of a stream must be, so that no record is removed but by `erase`, and any replica can be read."""


class Streams:
    """The streams of a journal. Threads may share it.

    Args:
        client: The client.
        prefix: The beginning of the names of the streams, and of their subjects.
        replicas: On how many servers of a cluster each record is kept.
    """

    def __init__(self, client: NatsClient, *, prefix: str, replicas: int) -> None:
        self._client = client
        self._prefix = prefix
        self._settings = {**_KEPT, "num_replicas": replicas}
        self._used: set[int] = set()

    def subject(self, partition: int) -> str:
        """Return the subject at which the stream of a partition accepts records."""
        return f"{self._prefix}.{partition}"

    @contextmanager
    def using(self, partition: int) -> Iterator[JetStreamName]:
        """Give the name of the stream of a partition; errors of JetStream in the block become those of the port.

        A stream that does not exist is made, but only once: one that is missing later was deleted with its records.

        Raises:
            SettingsError: The stream is not as the hub needs it, or cannot be made.
            StoreFull: JetStream has no storage left.
            StoreUnavailable: The stream was deleted, or JetStream refuses a request.
        """
        name = JetStreamName(f"{self._prefix}-{partition}")
        try:
            if partition not in self._used:
                # Without a lock: a partition whose server is slow must not delay others, and making twice does no harm.
                self._check(name, self._found(name) or self._made(name, partition))
                self._used.add(partition)
            yield name
        except NatsError as error:
            raise meaning(error, name) from error
        except StoreUnavailable as error:
            # Nobody answers at the subject of a stream that was deleted.
            if isinstance(error.__cause__, NoResponders) and partition in self._used and self._found(name) is None:
                raise gone(name) from error
            raise

    def _found(self, name: JetStreamName) -> Mapping[str, Any] | None:
        """Return the settings of a stream; None if it does not exist."""
        try:
            info: Mapping[str, Any] = self._client.api(f"STREAM.INFO.{name}")["config"]
        except NatsError as error:
            if error.code != STREAM_NOT_FOUND:
                raise
            return None
        return info

    def _made(self, name: JetStreamName, partition: int) -> Mapping[str, Any]:
        """Make a stream, and return its settings: those of another process if that was faster."""
        try:
            made: Mapping[str, Any] = self._client.api(
                f"STREAM.CREATE.{name}",
                name=name,
                subjects=[self.subject(partition)],
                discard="new",
                deny_purge=True,
                **self._settings,
            )["config"]
        except NatsError as error:
            found = self._found(name) if error.code == _STREAM_NAME_IN_USE else None
            if found is not None:
                return found
            known = meaning(error, name)
            if isinstance(known, StoreFull):
                raise known from error
            raise SettingsError(f"NATS does not make the stream {name}: {error}") from error
        return made

    def _check(self, name: JetStreamName, config: Mapping[str, Any]) -> None:
        for setting, value in self._settings.items():
            found = config.get(setting)
            if found != value:
                raise SettingsError(f"the stream {name} of NATS has {setting} {found!r}; the hub needs {value!r}")
