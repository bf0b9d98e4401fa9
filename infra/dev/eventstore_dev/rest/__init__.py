"""API Gateway's REST APIs with Lambda proxy integration, as far as PARITY.md says."""

from eventstore_dev.rest.gateway import RestGateway

__all__ = ["RestGateway"]
