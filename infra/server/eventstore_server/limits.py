"""Sizes and times of the server. What API Gateway limits as well is limited alike, so that clients can move."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, and times in seconds.

    Sources: API Gateway Developer Guide, "Quotas for configuring and running a REST API in API Gateway" and "Quotas for
    configuring and running a WebSocket API in API Gateway".

    Attributes:
        request_body: The largest body of a request.
        websocket_frame: The largest frame of a client.
        websocket_message: The largest message of a client.
        websocket_send_seconds: How long a message to the client may wait where the caller waits for it.
        websocket_closing_seconds: How long a client has for its part of the closing handshake.
        lifetime_seconds: After how long a connection is closed with "Going away".
        ping_seconds: The time between two pings.
        buffer_bytes: How much may wait for a client to read it.
        notice_seconds: For how long a server that stops is not ready, and still accepts connections: as long as a load
            balancer takes to see it.
        drain_seconds: How long stopping may take, all in all.
    """

    request_body: int = 10 * 1024 * 1024
    websocket_frame: int = 32 * 1024
    websocket_message: int = 128 * 1024
    websocket_send_seconds: float = 3.0
    websocket_closing_seconds: float = 2.0
    lifetime_seconds: float = 7200.0
    ping_seconds: float = 30.0
    buffer_bytes: int = 4 * 1024 * 1024
    notice_seconds: float = 0.0
    drain_seconds: float = 9.5
