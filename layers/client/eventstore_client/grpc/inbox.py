"""The messages of a call that lasts: a thread reads them, and another thread or an event loop takes them."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

import grpc

from eventstore_client.errors import ConnectFailed, UnexpectedAnswer
from eventstore_client.grpc.statuses import error_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from eventstore_client.credentials import Credentials
    from eventstore_client.errors import ClientError

__all__ = ["Inbox"]

_MOST = 16
"""The messages that wait. While there are so many, the call is not read, so that its flow control stops the hub."""


class Inbox:
    """The messages of one call, and its end.

    Args:
        url: The hub's address.
        credentials: The credentials of the call, for its errors.
        notify: Called after each message, and at the end, from the thread that reads.
    """

    def __init__(self, url: str, credentials: Credentials | None, notify: Callable[[], object]) -> None:
        self._url = url
        self._credentials = credentials
        self._notify = notify
        self._texts: deque[str] = deque()
        self._error: ClientError | None = None
        self._changed = threading.Condition()

    def read(self, responses: Iterable[Any], text_of: Callable[[Any], str]) -> None:
        """Read a call in a thread, until it ends or the inbox is closed.

        Args:
            responses: The responses of the call.
            text_of: Returns the message for a response.
        """
        thread = threading.Thread(target=self._read, args=[responses, text_of], name="eventstore grpc", daemon=True)
        thread.start()

    def put(self, text: str) -> None:
        """Add a message. Any thread may call it."""
        with self._changed:
            self._texts.append(text)
            self._changed.notify_all()
        self._notify()

    def take(self) -> str | None:
        """Remove and return the next message; None if there is none for now.

        Raises:
            ClientError: The call has ended, and all messages were taken.
        """
        with self._changed:
            return self._take()

    def wait(self, seconds: float) -> str:
        """Wait for the next message; otherwise like `take`.

        Raises:
            TimeoutError: There was none in this time.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._texts or self._error, timeout=seconds)
            text = self._take()
        if text is None:
            raise TimeoutError
        return text

    def check(self) -> None:
        """Raise the error with which the call has ended, if it has."""
        with self._changed:
            if self._error is not None:
                raise self._error

    @property
    def has_ended(self) -> bool:
        """Whether the call has ended. Messages may still be there."""
        with self._changed:
            return self._error is not None

    def close(self) -> None:
        """Drop the messages. `take` and `wait` elsewhere fail."""
        self._end(ConnectFailed(f"the connection to {self._url} was closed"))
        with self._changed:
            self._texts.clear()

    def _take(self) -> str | None:
        if self._texts:
            text = self._texts.popleft()
            self._changed.notify_all()
            return text
        if self._error is not None:
            raise self._error
        return None

    def _read(self, responses: Iterable[Any], text_of: Callable[[Any], str]) -> None:
        try:
            for response in responses:
                text = text_of(response)
                with self._changed:
                    self._changed.wait_for(lambda: len(self._texts) < _MOST or self._error)
                    if self._error is not None:
                        return
                self.put(text)
        except grpc.RpcError as error:
            self._end(error_of(error, self._url, credentials=self._credentials))
        except Exception as error:  # noqa: BLE001 - any error ends this thread; who receives raises it
            self._end(UnexpectedAnswer(f"unexpected message from {self._url}: {error!r}"))
        else:
            self._end(ConnectFailed(f"the hub at {self._url} ended the call"))

    def _end(self, error: ClientError) -> None:
        with self._changed:
            if self._error is None:
                self._error = error
            self._changed.notify_all()
        self._notify()
