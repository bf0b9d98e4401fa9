"""The gRPC door: translates calls into use cases, and what they return into messages."""
