"""Secrets of AWS Secrets Manager."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from eventstore.ports.secrets import SecretUnavailable, signing_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.ports import Clock, SigningKey

__all__ = ["SecretsManagerSecrets"]

_KEPT_MS = 5 * 60 * 1000
"""For how long a secret is kept: a key that is replaced is in use at most this much longer."""


class SecretsManagerSecrets:
    """See `ports.Secrets`. Secrets are kept for five minutes. Threads may share it.

    Args:
        calls: Calls Secrets Manager.
        clock: The clock.
    """

    def __init__(self, calls: JsonCalls, *, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._kept: dict[str, tuple[int, Sequence[SigningKey]]] = {}
        self._failures: dict[str, tuple[int, str]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Sequence[SigningKey]:
        """See `Secrets.get`."""
        asked = self._clock.now()
        # The lock is held while a secret is read, so that lanes of one target read it once.
        with self._lock:
            until, keys = self._kept.get(name, (0, ()))
            if self._clock.now() < until:
                return keys
            failed, reason = self._failures.get(name, (0, ""))
            if asked < failed:
                # Another lane's attempt failed while this one waited. One timeout after the other would take minutes.
                raise SecretUnavailable(reason)
            try:
                keys = self._read(name)
            except SecretUnavailable as error:
                self._failures[name] = (self._clock.now(), str(error))
                raise
            self._kept[name] = (self._clock.now() + _KEPT_MS, keys)
            return keys

    def _read(self, name: str) -> Sequence[SigningKey]:
        try:
            answer = self._calls.call("GetSecretValue", SecretId=name)
        except ClientError as error:
            # Only the code: messages name roles and accounts.
            raise SecretUnavailable(f"secret {name!r} cannot be read: {error.response['Error']['Code']}") from None
        except BotoCoreError as error:
            raise SecretUnavailable(f"secret {name!r} cannot be read: {type(error).__name__}") from None
        return signing_keys(name, answer.get("SecretString") or "")
