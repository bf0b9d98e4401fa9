"""Requests of the hub's REST API that are not measured by themselves."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Rest"]

_OK = range(200, 300)


class Rest:
    """The API of a hub.

    Args:
        url: Where the hub answers.
    """

    def __init__(self, url: str) -> None:
        self._url = f"{url}/api/v1"

    def call(self, method: str, path: str, body: object = None, *, media_type: str = "application/json") -> Any:  # noqa: ANN401 - JSON
        """Make a request; return the JSON of the answer, None if it has none.

        Args:
            method: The method.
            path: The path behind `/api/v1/`.
            body: Bytes, or a value that is sent as JSON.
            media_type: Of the body.

        Raises:
            AssertionError: The answer is an error.
        """
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {} if sent is None else {"Content-Type": media_type}
        answer = urllib3.request(method, f"{self._url}/{path}", body=sent, headers=headers, retries=False)
        if answer.status not in _OK:
            raise AssertionError(f"answered {answer.status}: {answer.data.decode()}")
        return answer.json() if answer.data else None

    def until(self, path: str, condition: Callable[[Any], bool], *, within: float) -> None:
        """Ask again and again until a condition holds for the answer.

        Args:
            path: As in `call`.
            condition: Judges the JSON of an answer.
            within: The seconds after which it is given up.

        Raises:
            AssertionError: The condition did not hold in time.
        """
        deadline = time.monotonic() + within
        while not condition(answer := self.call("GET", path)):
            if time.monotonic() > deadline:
                raise AssertionError(f"after {within:g} s the answer is still {answer}")
            time.sleep(0.05)
