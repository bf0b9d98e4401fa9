"""Makes handlers of gRPC from the services of `proto/`: the descriptors say what each method takes and returns.

Generated stubs serialize every response. Here a method may return or write bytes: a frame is serialized once for all
its subscribers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.message_factory import GetMessageClass

from eventstore_server.grpc.call import DeadlinePassed
from eventstore_server.grpc.statuses import response_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.protobuf.message import Message

    from eventstore_server.grpc.call import Call

    Context = grpc.aio.ServicerContext[Any, Any]
    NewCall = Callable[[Context, MethodDescriptor], AbstractContextManager[Call]]

__all__ = ["handlers_of", "python_name"]


def handlers_of(service: ServiceDescriptor, implementation: object, *, new_call: NewCall) -> grpc.GenericRpcHandler:
    """Return the handlers of a service.

    Args:
        service: The service.
        implementation: Has a coroutine for each method, by its name in snake case. It receives the request, or the
            iterator of requests, and the call; it returns the response, or writes responses to the context of the call.
        new_call: Returns the call of a context and a method, which lasts until it is answered.
    """
    handlers = {
        method.name: _handler(method, getattr(implementation, python_name(method.name)), new_call)
        for method in service.methods
    }
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def python_name(method: str) -> str:
    """Return the name of a method in snake case."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method).lower()


def _handler(
    method: MethodDescriptor,
    behaviour: Callable[[Any, Call], Awaitable[Any]],
    new_call: NewCall,
) -> grpc.RpcMethodHandler[Any, Any]:
    async def answer(request: Any, context: Context) -> Any:  # noqa: ANN401 - a message, or an iterator of messages
        with new_call(context, method) as call:
            try:
                if call.drain.reason is not None:
                    raise call.drain.reason
                return await behaviour(request, call)
            except DeadlinePassed:
                call.code = grpc.StatusCode.DEADLINE_EXCEEDED.name
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed before the call began")
            except Exception as error:  # noqa: BLE001 - `response_of` logs what is not an error of the hub
                status = response_of(error)
                call.code = status.code.name
                await context.abort(status.code, status.details, status.trailing_metadata or ())

    makers: dict[tuple[bool, bool], Callable[..., grpc.RpcMethodHandler[Any, Any]]] = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    return makers[method.client_streaming, method.server_streaming](
        answer, request_deserializer=GetMessageClass(method.input_type).FromString, response_serializer=_serialized
    )


def _serialized(response: bytes | Message) -> bytes:
    return response if isinstance(response, bytes) else response.SerializeToString()
