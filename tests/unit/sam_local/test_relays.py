"""What listens for containers on another address of this machine."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from tests.relays import relaying


def test_a_port_that_is_taken_is_told() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as taken,
        pytest.raises(OSError, match="address already in use"),
        relaying(1, at=taken.getsockname()[1]),
    ):
        pass


def test_what_it_is_told_is_handed_on_and_back() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        relaying(server.getsockname()[1]) as port,
        closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as near,
    ):
        far, _ = server.accept()
        with closing(far):
            near.sendall(b"there")
            assert far.recv(16) == b"there"
            far.sendall(b"back")
            assert near.recv(16) == b"back"


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "localhost"])  # noqa: S104 - none of them is bound
def test_it_never_listens_on_every_address(host: str) -> None:
    with pytest.raises(ValueError, match=r"every address|does not appear to be"), relaying(1, host=host):
        pass
