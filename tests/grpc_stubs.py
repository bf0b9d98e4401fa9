"""Clients of gRPC, made from the descriptors of services."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

__all__ = ["Stub", "insecure"]


class Stub:
    """Calls a service: each of its methods is an attribute, by the name that `proto/` gives it.

    Args:
        channel: A channel of `grpc` or of `grpc.aio`.
        service: The service.
        timeout: The seconds that a call may take that gives no timeout of its own; without one, it may wait forever.
    """

    def __init__(
        self,
        channel: Any,  # noqa: ANN401 - two unrelated classes
        service: ServiceDescriptor,
        *,
        timeout: float | None = None,
    ) -> None:
        self._methods = {method.name: _callable(channel, service, method) for method in service.methods}
        if timeout is not None:
            self._methods = {name: partial(call, timeout=timeout) for name, call in self._methods.items()}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self._methods[name]
        except KeyError:
            raise AttributeError(name) from None


def _callable(channel: Any, service: ServiceDescriptor, method: MethodDescriptor) -> Callable[..., Any]:  # noqa: ANN401
    kinds = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
        (True, True): channel.stream_stream,
    }
    made: Callable[..., Any] = kinds[method.client_streaming, method.server_streaming](
        f"/{service.full_name}/{method.name}",
        request_serializer=GetMessageClass(method.input_type).SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return made


def insecure(port: int) -> grpc.Channel:
    """Return a channel to a port of this machine that shares its connection with no other."""
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
