"""Sending the calls of the REST API, with retries. `calls` describes them as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from eventstore_client.errors import ConnectFailed, Gone, NotFound, Unavailable, UnexpectedAnswer

if TYPE_CHECKING:
    from eventstore_client.backoff import Backoff
    from eventstore_client.blocking import Io
    from eventstore_client.calls import Call
    from eventstore_client.transport import Carrier

__all__ = ["Rest"]

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Rest:
    """The REST API of one hub. Both faces share it; they differ in `io`.

    Attributes:
        transport: Sends the requests.
        backoff: How failed requests are retried.
        io: How the face waits for requests and between them.
    """

    transport: Carrier
    backoff: Backoff
    io: Io

    async def call(self, call: Call[Result]) -> Result:
        """Send a request, and return the parsed response.

        Raises:
            UnexpectedAnswer: The response is not one that a hub sends.
            ClientError: See `Transport.exchange`; temporary failures are retried.
        """
        if call.known is not None:
            return call.known()
        while True:
            exchange = _Exchange(self.transport, call)
            result = await (self.backoff.retry(exchange, self.io) if call.is_retried else self.io.run(exchange))
            if call.is_partial is None or not call.is_partial(result):
                return result


class _Exchange(Generic[Result]):
    """A request that may be sent several times. It blocks."""

    def __init__(self, transport: Carrier, call: Call[Result]) -> None:
        self._transport = transport
        self._call = call
        self._is_retry = False

    def __call__(self) -> Result:
        """Send the request once, and return the parsed response."""
        call, transport = self._call, self._transport
        try:
            reply = transport.carry(call)
        except (ConnectFailed, Unavailable):
            self._is_retry = True
            raise
        except (NotFound, Gone):
            if self._is_retry and call.already_done is not None:
                return call.already_done()
            raise
        try:
            return call.parse(reply)
        except Exception as error:
            if not _is_of_response(error):
                raise
            raise UnexpectedAnswer(
                f"unexpected response from {transport.url} to {call.method} {call.path}: {reply.body[:80]!r}; "
                "is a hub running at this address?"
            ) from error


def _is_of_response(error: Exception) -> bool:
    """Whether an error of parsing means that the response is not the expected one."""
    from eventstore.errors import EventstoreError  # noqa: PLC0415 - what publishes imports none of the core

    return isinstance(error, ValueError | KeyError | TypeError | EventstoreError)
