"""Resolving names of hosts, within a deadline."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore.adapters.http.deadlines import Deadline
    from eventstore.durable.public_addresses import IPAddress

__all__ = ["Resolve", "resolve"]

Resolve = Callable[[str, "Deadline"], "list[IPAddress]"]


def resolve(host: str, deadline: Deadline) -> list[IPAddress]:
    """Return the addresses of a host, as the system's resolver orders them.

    The resolver takes as long as it likes, so that a name server that does not answer would hold up the caller: it is
    asked by a thread of its own, which is left behind.

    Raises:
        socket.gaierror: The name cannot be resolved.
        TimeoutError: The resolver did not answer in time.
    """
    answers: queue.SimpleQueue[list[IPAddress] | OSError] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_addresses(host)), daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.remaining())
    except queue.Empty:
        raise TimeoutError("the resolver did not answer in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _addresses(host: str) -> list[IPAddress] | OSError:
    try:
        results = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except UnicodeError:
        return socket.gaierror(socket.EAI_NONAME, "not a name")
    # A set would lose the order.
    return list(dict.fromkeys(ip_address(str(address[0])) for *_, address in results))
