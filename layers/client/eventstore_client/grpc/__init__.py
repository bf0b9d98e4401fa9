"""The hub over gRPC, with the extra `grpc`: what the client sends over HTTP and WebSocket, as calls of `proto/`."""

import os

__all__: list[str] = []

# The library reads it when it is loaded, and a program that has set it knows better. Otherwise it writes to standard
# error, beside `logging`, whenever a hub stops.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
