"""The hub over gRPC, with the extra `grpc`: what the client sends over HTTP and WebSocket, as calls of `proto/`."""

__all__: list[str] = []
