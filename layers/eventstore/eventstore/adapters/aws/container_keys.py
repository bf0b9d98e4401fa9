"""The keys of a function that is restored from a snapshot: it asks an endpoint of its runtime for them, and asks again.

Rules: AWS Lambda Developer Guide, "Lambda SnapStart" (such functions have no keys among their variables); AWS SDKs and
Tools Reference Guide, "Container credential provider".
"""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

import urllib3
from botocore.exceptions import CredentialRetrievalError

from eventstore.adapters.aws.signature import Keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["ContainerKeys"]

_TIMEOUT_SECONDS = 2.0
_RENEWED_BEFORE_SECONDS = 600
_OK = 200


class ContainerKeys:
    """Keys that are valid for some hours, and are renewed in time. Threads may share it.

    Args:
        variables: The variables of the environment; they name the endpoint.
        now: Returns the time, in seconds since 1970.
    """

    def __init__(self, variables: Mapping[str, str], *, now: Callable[[], float] = time.time) -> None:
        self._variables = variables
        self._now = now
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._valid_until = 0.0

    def get(self) -> Keys:
        """Return keys that are valid now.

        Raises:
            CredentialRetrievalError: The endpoint gives none, and those of before are not valid any more.
        """
        # Held while keys are fetched, so that threads that need them at once fetch them once.
        with self._lock:
            if self._keys is None or self._now() >= self._valid_until - _RENEWED_BEFORE_SECONDS:
                try:
                    self._keys, self._valid_until = self._fetched()
                except CredentialRetrievalError:
                    if self._keys is None or self._now() >= self._valid_until:
                        raise
            return self._keys

    def _fetched(self) -> tuple[Keys, float]:
        # Read at each time: a restored process may have other ones than the one of which the snapshot was taken.
        url = self._variables.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        token = self._variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        headers = {"authorization": token} if token else {}
        with urllib3.PoolManager() as pool:
            try:
                answer = pool.request("GET", url, headers=headers, timeout=_TIMEOUT_SECONDS, retries=False)
                if answer.status != _OK:
                    raise ValueError(f"HTTP {answer.status}")
                members = json.loads(answer.data)
                keys = Keys(members["AccessKeyId"], members["SecretAccessKey"], members["Token"])
                return keys, datetime.fromisoformat(members["Expiration"]).timestamp()
            except (urllib3.exceptions.HTTPError, KeyError, TypeError, ValueError) as error:
                # Not the answer itself: it may hold a key.
                reason = f"{type(error).__name__}" if isinstance(error, KeyError | TypeError) else str(error)
                raise CredentialRetrievalError(provider="container-role", error_msg=reason) from None
