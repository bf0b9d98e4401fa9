"""`python -m eventstore_server.probe`: does the instance of this machine work? The health check of the image.

An instance whose store is away is not replaced: it works again as soon as the store does, which `/health/ready` tells
load balancers.

It imports little, because it runs every few seconds.
"""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["is_alive"]

_SECONDS = 2.0
_EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - they are replaced


def is_alive(environment: Mapping[str, str]) -> bool:
    """Return whether the instance answers `/health/live` with 200.

    Args:
        environment: The variables with which the instance runs: `HOST` and `PORT`.
    """
    host = environment.get("HOST", "")
    address = (_EVERYWHERE.get(host, host), int(environment.get("PORT") or "8081"))
    try:
        with socket.create_connection(address, timeout=_SECONDS) as connection:
            connection.sendall(b"GET /health/live HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return connection.makefile("rb").readline().split()[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not is_alive(os.environ))
