"""What is asked of SQS, in its JSON protocol.

Rules: Amazon SQS Developer Guide, "Making Query API requests using AWS JSON protocol in Amazon SQS".
"""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from urllib3.exceptions import HTTPError

from eventstore.errors import QueueUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eventstore.adapters.signed import SignedRequests

__all__ = ["SqsRequests"]

_TYPE = "application/x-amz-json-1.0"
_PAUSES = (0.0, 0.1)
"""Seconds before the second and the third try. The second comes at once: a kept connection may have been closed."""

_THROTTLED = ("Throttl", "OverLimit", "TooManyRequests")


class SqsRequests:
    """Sends messages to one queue. A message that is sent twice, for an answer was lost, is stored once by its id.

    Args:
        requests: To where the queue is, for the service `sqs`.
    """

    def __init__(
        self, requests: SignedRequests, queue_url: str, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._requests = requests
        self._queue_url = queue_url
        self._pause = pause

    def send(self, entry: Mapping[str, str]) -> None:
        """Send one message; the members are those of an entry of a batch, of which the id does not count.

        Raises:
            QueueUnavailable: It was not taken.
        """
        self._ask("SendMessage", {name: value for name, value in entry.items() if name != "Id"})

    def send_batch(self, entries: Sequence[Mapping[str, str]]) -> Mapping[str, str]:
        """Send several; answers why some were not taken, by their ids.

        Raises:
            QueueUnavailable: None was taken.
        """
        answer = self._ask("SendMessageBatch", {"Entries": entries})
        return {failed["Id"]: f"{failed['Code']}: {failed.get('Message', '')}" for failed in answer.get("Failed", ())}

    def _ask(self, action: str, members: Mapping[str, object]) -> dict[str, Any]:
        body = json.dumps({"QueueUrl": self._queue_url, **members}).encode()
        headers = {"Content-Type": _TYPE, "X-Amz-Target": f"AmazonSQS.{action}"}
        failure = ""
        for pause in (*_PAUSES, None):
            try:
                answer = self._requests.send("POST", "/", body, headers=headers)
            except HTTPError as error:
                failure, passing = str(error), True
            else:
                if answer.status == HTTPStatus.OK:
                    found: dict[str, Any] = json.loads(answer.data)
                    return found
                failure = f"{answer.status}, {answer.data[:500].decode(errors='replace')}"
                passing = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or any(
                    mark in failure for mark in _THROTTLED
                )
            if pause is None or not passing:
                break
            self._pause(pause)
        raise QueueUnavailable(f"the queue {self._queue_url} takes no messages: {failure}")
