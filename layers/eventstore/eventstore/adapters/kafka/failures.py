"""What an error of librdkafka means for the hub."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError

__all__ = ["Heard", "is_refusal"]

_REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - the library's own codes begin so
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.ILLEGAL_SASL_STATE,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


def is_refusal(error: KafkaError) -> bool:
    """Whether the cluster refuses the hub, or the hub the cluster: trying again does not help."""
    # A handshake may also end because a broker is about to stop.
    return error.code() in _REFUSALS or (
        error.code() == KafkaError._SSL and "certificate" in error.str()  # noqa: SLF001 - as above
    )


class Heard:
    """The errors of connections, which clients report beside the results of calls. Threads may share it."""

    def __init__(self) -> None:
        self._last: tuple[float, KafkaError] | None = None
        self._refusal: tuple[float, KafkaError] | None = None

    def __call__(self, error: KafkaError) -> None:
        """Keep an error; a client calls it (`error_cb`)."""
        at = time.monotonic(), error
        if is_refusal(error):
            self._refusal = at
        # That all brokers are away says nothing of the reason, which came before.
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - as above
            self._last = at

    def refusal(self, *, since: float) -> KafkaError | None:
        """Return the last refusal since a time of the monotonic clock."""
        return self._refusal[1] if self._refusal and self._refusal[0] >= since else None

    def last(self, *, since: float) -> KafkaError | None:
        """Return the last error that is no refusal since a time of the monotonic clock."""
        return self._last[1] if self._last and self._last[0] >= since else None
