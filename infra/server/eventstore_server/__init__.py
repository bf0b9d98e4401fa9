"""The hub as a service: REST, WebSocket and gRPC in one process, on a Redis-compatible store and nothing else."""
