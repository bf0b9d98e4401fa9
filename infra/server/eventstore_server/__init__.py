"""The hub as one process: REST, WebSocket and gRPC."""
