"""Registers very many subscriptions with the registry itself, without waiting for each answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from eventstore.adapters.redis.registry import RedisRegistry
from eventstore.ports import Start
from eventstore.subscriptions import EVENTSTORE, Connection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.subscriptions import Subscription

__all__ = ["register"]

_AT_ONCE = 2_000
_STRAIGHT = 2


def register(client: Client, subscriptions: Sequence[Subscription]) -> None:
    """Start each subscription in partition 0 of a store with one partition, from now, on its own connection."""
    ahead = _Ahead(client)
    registry = RedisRegistry(cast("Client", ahead), partitions=1)
    for number, subscription in enumerate(subscriptions):
        ahead.begin()
        registry.connect(Connection(subscription.connection, EVENTSTORE, 1))
        registry.subscribe(subscription, {0: Start.NOW})
        if number % _AT_ONCE == 0:
            ahead.flush()
    ahead.flush()


class _Ahead:
    """A client that answers each registration before the server, with the answer to the second one.

    The first registration is different: the server does not know the scripts, and no wake-up is pending. The answers
    of the server to later registrations are compared with the assumed ones.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._begun = 0
        self._known: list[Any] = []
        self._assumed: list[Any] = []
        self._waiting = client.pipeline(transaction=False)

    def begin(self) -> None:
        """Begin the next registration."""
        self._begun += 1
        self._at = 0

    def flush(self) -> None:
        """Send the pending commands.

        Raises:
            AssertionError: The server answers differently than assumed.
        """
        for answer, assumed in zip(self._waiting.execute(), self._assumed, strict=True):
            # Ignore whether the start needs a wake-up: a pending wake-up expires after ten seconds.
            if answer != assumed and not (isinstance(answer, list) and answer[:-1] == assumed[:-1]):
                raise AssertionError(f"a registration was answered {answer!r}; the second one {assumed!r}")
        self._assumed.clear()

    def execute_command(self, *command: object) -> object:
        if self._begun <= _STRAIGHT:
            answer = self._client.execute_command(*command)
            if self._begun == _STRAIGHT:
                self._known.append(answer)
            return answer
        self._waiting.execute_command(*command)
        answer = self._known[self._at]
        self._at += 1
        self._assumed.append(answer)
        return answer

    def hget(self, name: str, key: str) -> object:
        return self.execute_command("HGET", name, key)

    def pipeline(self, *, transaction: bool) -> object:
        return self._client.pipeline(transaction=transaction) if self._begun < _STRAIGHT else _Piped(self)


class _Piped:
    def __init__(self, ahead: _Ahead) -> None:
        self._ahead = ahead
        self._answers: list[object] = []

    def execute_command(self, *command: object) -> None:
        self._answers.append(self._ahead.execute_command(*command))

    def execute(self, *, raise_on_error: bool) -> list[object]:  # noqa: ARG002 - as a pipeline has it
        return self._answers
