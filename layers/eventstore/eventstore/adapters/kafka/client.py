"""Clients of a cluster: a producer or a consumer for each call at a time, and another try if a call fails."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from eventstore.adapters.kafka.address import IAM
from eventstore.adapters.kafka.configuration import (
    client_configuration,
    consumer_configuration,
    ordered_producer_configuration,
    producer_configuration,
)
from eventstore.adapters.kafka.failures import Heard, is_refusal
from eventstore.adapters.kafka.pool import Pool
from eventstore.adapters.tries import TRYING_SECONDS, Tries
from eventstore.errors import SettingsError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from confluent_kafka import KafkaError

    from eventstore.adapters.kafka.address import KafkaBrokers
    from eventstore.adapters.kafka.configuration import Configuration, Token

__all__ = ["KafkaClient"]

ResultT = TypeVar("ResultT")

_ANSWER_SECONDS = 5.0
_LISTENING_SECONDS = 0.1
"""How often a call that waits looks for what its client heard."""


class KafkaClient:
    """The clients of a cluster. Threads may share it.

    Args:
        brokers: The brokers, and who connects.
        group: The name of the group of consumers. Nothing is stored for it; a user may need the right to describe it.
        seconds: For how long a call is tried.
        token: Returns a token for `AWS_MSK_IAM`, and until when it is valid, in seconds since 1970; None for one that
            the keys of the environment sign.

    Raises:
        SettingsError: Such a token is needed, and no region of AWS is configured.
    """

    def __init__(
        self,
        brokers: KafkaBrokers,
        *,
        group: str = "eventstore",
        seconds: float = TRYING_SECONDS,
        token: Callable[[], Token] | None = None,
    ) -> None:
        self._brokers = brokers
        self._group = group
        self._seconds = seconds
        self._token = _token_of_environment() if token is None and brokers.mechanism == IAM else token
        self._heard = Heard()
        self._lock = threading.Lock()
        self._admin: AdminClient | None = None
        self._producers: Pool[Producer] = Pool(self._producer)
        self._consumers: Pool[Consumer] = Pool(self._consumer)

    @property
    def answer_seconds(self) -> float:
        """How long one try may wait for an answer."""
        return min(_ANSWER_SECONDS, self._seconds)

    def run(self, use: Callable[[], ResultT]) -> ResultT:
        """Return what a function returns. It is called again if it fails with an error of Kafka.

        Args:
            use: Makes calls that can be repeated.

        Raises:
            StoreUnavailable: No broker answers.
            SettingsError: The cluster refuses the hub.
        """
        tries = Tries(self._seconds)
        while True:
            try:
                return use()
            except KafkaException as error:
                problem: KafkaError = error.args[0]
                refusal = problem if is_refusal(problem) else self._heard.refusal(since=tries.started)
                if refusal:
                    raise SettingsError(f"Kafka refuses the hub: {refusal.str()}; look at KAFKA_BROKERS") from error
                if not tries.pause():
                    raise StoreUnavailable(self._unanswered(problem, tries.started)) from error

    @contextmanager
    def producer(self) -> Iterator[Producer]:
        """Lend a producer."""
        with self._producers.one() as producer:
            yield producer

    @contextmanager
    def consumer(self) -> Iterator[Consumer]:
        """Lend a consumer, which has nothing assigned."""
        with self._consumers.one() as consumer:
            try:
                yield consumer
            except KafkaException:
                # What it heard of connections it says only when it is asked for records.
                consumer.poll(0)
                raise

    def ordered_producer(self) -> Producer:
        """Make a producer whose records of a partition are stored in the order in which it sends them.

        Its first record takes half a second. After an error it may be of no use any more. Whoever makes it closes it.

        Raises:
            SettingsError: The library refuses `KAFKA_BROKERS`.
        """
        return _made(Producer, ordered_producer_configuration(self._configuration(), seconds=self.answer_seconds))

    def administer(self, call: Callable[[AdminClient], Future[ResultT]]) -> ResultT:
        """Return the result of a call of administration.

        Raises:
            KafkaException: The call failed.
        """
        admin = self._administrator()
        since = time.monotonic()
        future = call(admin)
        while True:
            try:
                return future.result(_LISTENING_SECONDS)
            except FutureTimeoutError:
                admin.poll(0)
                self.listen(since)

    def listen(self, since: float) -> None:
        """Raise `KafkaException` if a client heard since a time that the cluster refuses the hub."""
        refusal = self._heard.refusal(since=since)
        if refusal:
            raise KafkaException(refusal)

    def close(self) -> None:
        """Close all clients that nobody uses. A thread that calls later makes another."""
        self._producers.close()
        self._consumers.close()
        with self._lock:
            self._admin = None

    def _administrator(self) -> AdminClient:
        with self._lock:
            if self._admin is None:
                self._admin = self._first_administrator()
            return self._admin

    def _first_administrator(self) -> AdminClient:
        """Make the client that is needed first.

        With tokens, a client takes a second to make: the library looks once a second for its first token. So a client
        of each kind is made at the same time.
        """
        if self._brokers.mechanism != IAM:
            return _made(_administrator, self._configuration())
        with ThreadPoolExecutor(2) as threads:
            others = [threads.submit(pool.prepare) for pool in (self._producers, self._consumers)]
            admin = _made(_administrator, self._configuration())
            for other in others:
                other.result()
            return admin

    def _producer(self) -> Producer:
        return _made(Producer, producer_configuration(self._configuration(), seconds=self.answer_seconds))

    def _consumer(self) -> Consumer:
        return _made(Consumer, consumer_configuration(self._configuration(), group=self._group))

    def _configuration(self) -> Configuration:
        return {**client_configuration(self._brokers, token=self._token), "error_cb": self._heard}

    def _unanswered(self, problem: KafkaError, started: float) -> str:
        heard = self._heard.last(since=started)
        reason = f" ({heard.str()})" if heard else ""
        return f"Kafka does not answer: {problem.str()}{reason}"


def _token_of_environment() -> Callable[[], Token]:
    from eventstore.adapters.kafka.msk_iam import MskTokens  # noqa: PLC0415 - it imports botocore

    return MskTokens.of_environment().token


def _administrator(configuration: Configuration) -> AdminClient:
    # Its declaration leaves out that it takes functions, too.
    return AdminClient(cast("dict[str, str | int | float | bool]", configuration))


def _made(make: Callable[[Configuration], ResultT], configuration: Configuration) -> ResultT:
    try:
        return make(configuration)
    except KafkaException as error:
        raise SettingsError(f"Kafka's library refuses KAFKA_BROKERS: {error.args[0].str()}") from error
