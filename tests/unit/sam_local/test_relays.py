"""The relay that listens for containers on another address of this machine."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from tests.relays import relaying


def test_an_occupied_port_is_reported() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as occupied,
        pytest.raises(OSError, match="address already in use"),
        relaying(1, at=occupied.getsockname()[1]),
    ):
        pass


def test_a_relay_forwards_data_in_both_directions() -> None:
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
def test_a_relay_never_listens_on_all_addresses(host: str) -> None:
    with pytest.raises(ValueError, match=r"every address|does not appear to be"), relaying(1, host=host):
        pass


def test_a_relay_cuts_a_connection_after_the_drawn_number_of_bytes() -> None:
    with (
        closing(socket.create_server(("127.0.0.1", 0))) as server,
        relaying(server.getsockname()[1], cut_after=lambda: 7) as port,
        closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as near,
    ):
        far, _ = server.accept()
        with closing(far):
            near.sendall(b"there")
            assert far.recv(16) == b"there"
            far.sendall(b"back")
            assert near.recv(16) == b"ba"
            assert near.recv(16) == b""
