"""API Gateway's REST APIs with Lambda proxy integration, as `eventstore_dev.parity` says."""

from eventstore_dev.rest.gateway import RestGateway

__all__ = ["RestGateway"]
