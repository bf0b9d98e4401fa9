"""What the stack needs beside itself, asked for before it says that it is ready."""

from __future__ import annotations

import socket
import sys
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from eventstore_dev.stack import StackError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

__all__ = ["require_check", "require_endpoint", "require_port"]

_SCHEMES = {"http": 80, "https": 443}
_CONNECT_SECONDS = 3.0


def require_port(port: int) -> None:
    """Finds a port that cannot be had before anything is started.

    Raises:
        StackError: Another program listens there, or nobody but root may.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise StackError.port_refused(port, error) from None
        except OSError:
            raise StackError.port_in_use(port) from None


def require_endpoint(url: str) -> None:
    """Finds an AWS_ENDPOINT_URL where nothing answers.

    Raises:
        StackError: It is no URL, or its host takes no connection.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _SCHEMES.get(parts.scheme)
    except ValueError:
        host, port = None, None
    if host is None or port is None:
        raise StackError(f"AWS_ENDPOINT_URL is {url[:200]!r}; it must be a URL such as http://127.0.0.1:4566, or unset")
    try:
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise StackError(
            f"Nothing answers at AWS_ENDPOINT_URL, {host}:{port}: {error.strerror or error}. Start what serves it, or "
            "unset the variable to have the queues here"
        ) from None


def require_check(check: str, parameters: Mapping[str, str], *, started: Collection[str], project: Path) -> None:
    """Call the project's own check.

    Args:
        check: `module:function`; nothing is checked if empty. It is called as
            `function(parameters, started=started)`, and returns what is wrong, or None.
        parameters: The values that are given to the template's parameters.
        started: Those of them that name what the stack has started beside the template.
        project: The folder where the module is looked for, after all others.

    Raises:
        StackError: Something is wrong, or there is no such function.
    """
    if not check:
        return
    module, _, name = check.partition(":")
    if str(project) not in sys.path:
        sys.path.append(str(project))
    try:
        wrong = getattr(import_module(module), name)(parameters, started=started)
    except Exception as error:
        # Whatever it raises, it is the project's code that did.
        raise StackError(f"The check {check} of the project failed: {type(error).__name__}: {error}") from error
    if wrong is not None:
        raise StackError(str(wrong))
