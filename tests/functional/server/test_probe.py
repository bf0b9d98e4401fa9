"""The health check of the image."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from eventstore_server.probe import is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def answering(response: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers one request; yields its port, and the requests that it received."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                requests.append(connection.recv(4096))
                connection.sendall(response)

        thread = threading.Thread(target=answer)
        thread.start()
        yield str(server.getsockname()[1]), requests
        thread.join()


def test_an_instance_that_answers_200_is_alive() -> None:
    with answering(b"HTTP/1.0 200 OK\r\n\r\n") as (port, requests):
        assert is_alive({"PORT": port, "HOST": "127.0.0.1"})
    assert requests[0].startswith(b"GET /health/live HTTP/1.0\r\n")


@pytest.mark.parametrize("host", ["0.0.0.0", ""])  # noqa: S104 - nothing listens there
def test_an_instance_that_listens_on_all_addresses_is_asked_on_the_loopback(host: str) -> None:
    with answering(b"HTTP/1.0 200 OK\r\n\r\n") as (port, _):
        assert is_alive({"PORT": port, "HOST": host})


@pytest.mark.parametrize("response", [b"HTTP/1.0 503 Service Unavailable\r\n\r\n", b"", b"SSH-2.0-OpenSSH\r\n"])
def test_an_instance_with_any_other_answer_is_not_ready(response: bytes) -> None:
    with answering(response) as (port, _):
        assert not is_alive({"PORT": port, "HOST": "127.0.0.1"})


def test_an_instance_that_does_not_listen_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    assert not is_alive({"PORT": port, "HOST": "127.0.0.1"})
