"""The gRPC door: translates calls into use cases, and what they return into messages."""

import os

# The library reads it when it is loaded, and a program that has set it knows better. The thread that waits for calls
# polls the sockets of the server itself; otherwise threads of another pool do, and have to wake it (decision 063).
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_listener")
