"""Pushing events to a URL."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException, RemoteDisconnected
from typing import TYPE_CHECKING

from eventstore.adapters.http.answers import refusal_of
from eventstore.adapters.http.connections import TargetConnections
from eventstore.adapters.http.deadlines import Deadline
from eventstore.adapters.http.messages import BATCHED, UnsendableHeader, batch_text, encoded_request, event_message
from eventstore.adapters.http.signing import message_id, signature_headers
from eventstore.durable.target_headers import check_headers
from eventstore.errors import InvalidTarget
from eventstore.ports import Refusal, TargetUnavailable
from eventstore.ports.secrets import SecretUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.durable.target_urls import TargetUrl, UrlRules
    from eventstore.frames.pushes import PushedEvent
    from eventstore.ports import Clock, Secrets
    from eventstore.subscriptions import Target

__all__ = ["HttpTarget"]


class HttpTarget:
    """See `ports.TargetAdapter`. Calls URLs by POST. Threads may share it.

    Args:
        rules: The URLs that may be called.
        secrets: The secrets that requests are signed with.
        clock: The clock.
        connections: The connections; made from the rules if None.
    """

    def __init__(
        self, *, rules: UrlRules, secrets: Secrets, clock: Clock, connections: TargetConnections | None = None
    ) -> None:
        self._rules = rules
        self._secrets = secrets
        self._clock = clock
        self._connections = connections or TargetConnections(rules)

    def push(
        self, target: Target, events: Sequence[PushedEvent], *, attempt: int, timeout_ms: int
    ) -> Mapping[int, Refusal]:
        """See `TargetAdapter.push`. One answer is about all events of the call."""
        del attempt
        deadline = Deadline(timeout_ms / 1000)
        try:
            # Again, because the settings may have changed since the target was defined.
            url = self._rules.check(target.address)
            request = self._request(url, target, events)
            answer = self._connections.send(url, request, deadline=deadline)
        except UnsendableHeader as error:
            # A header that is an attribute of the event: no attempt will do better.
            refusal: Refusal | None = Refusal(str(error), park=True)
        except InvalidTarget as error:
            raise TargetUnavailable(error.detail) from None
        except SecretUnavailable as error:
            raise TargetUnavailable(str(error)) from None
        except (OSError, HTTPException) as error:
            raise TargetUnavailable(_failure(error, timeout_ms=timeout_ms)) from error
        else:
            refusal = refusal_of(answer, now=self._clock.now())
        return {} if refusal is None else dict.fromkeys(range(len(events)), refusal)

    def _request(self, url: TargetUrl, target: Target, events: Sequence[PushedEvent]) -> bytes:
        check_headers(target.headers)
        if target.mode != BATCHED and len(events) > 1:
            raise InvalidTarget(f"mode {target.mode} carries one event a call; set batch to 1, or mode to {BATCHED}")
        keys = self._secrets.get(target.secret) if target.secret else ()
        headers, body = event_message(target.mode, events)
        identity = message_id(batch_text(events))
        signature = signature_headers(identity, body, seconds=self._clock.now() // 1000, keys=keys)
        return encoded_request(url, [*headers, *target.headers, *signature], body)


def _failure(error: OSError | HTTPException, *, timeout_ms: int) -> str:
    """Return why there is no answer, without anything of what the other side sent."""
    match error:
        case TimeoutError():
            reason = f"no answer within {timeout_ms} ms"
        case ssl.SSLCertVerificationError():
            reason = f"the certificate was not accepted: {error.verify_message}"
        case ssl.SSLError():
            reason = f"TLS failed: {error.reason or type(error).__name__}"
        case socket.gaierror():
            reason = f"the name of the host was not resolved: {error.strerror}"
        case RemoteDisconnected():
            reason = "the connection was closed without an answer"
        case OSError():
            reason = f"the connection failed: {error.strerror or type(error).__name__}"
        case _:
            reason = "the answer is not HTTP"
    return reason
