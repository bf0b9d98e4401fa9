"""The messages of `proto/`, made from their descriptors in a pool of their own.

A program may have modules that are generated from other versions of the same files, such as a hub's: in the pool that
all generated modules share, the two would collide. Type checkers see the generated modules.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from eventstore_proto.descriptors import FILES

__all__ = ["error_details", "event_store", "events", "health", "operations", "status", "streams", "subscriptions"]

_pool = DescriptorPool()
for _file in FileDescriptorSet.FromString(FILES).file:
    _pool.Add(_file)

_health = FileDescriptorProto(name="eventstore_client/health.proto")
_health.message_type.add(name="HealthCheckRequest")
_health.message_type.add(name="HealthCheckResponse").field.add(
    name="status", number=1, type=FieldDescriptorProto.TYPE_INT32, label=FieldDescriptorProto.LABEL_OPTIONAL
)
# What the client needs of grpc/health/v1/health.proto. The names of messages are not sent.
_pool.Add(_health)


def _file_namespace(name: str) -> Any:  # noqa: ANN401 - a module, for type checkers
    """Return the messages and the values of the enumerations of a file, by their names."""
    file = _pool.FindFileByName(name)
    values = {
        value.name: value.number for enumeration in file.enum_types_by_name.values() for value in enumeration.values
    }
    return SimpleNamespace(
        **values, **{name: GetMessageClass(message) for name, message in file.message_types_by_name.items()}
    )


health = _file_namespace(_health.name)

if TYPE_CHECKING:
    from google.rpc import error_details_pb2 as error_details
    from google.rpc import status_pb2 as status

    from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as event_store
    from eventstore_proto.flunq.eventstore.v1 import events_pb2 as events
    from eventstore_proto.flunq.eventstore.v1 import operations_service_pb2 as operations
    from eventstore_proto.flunq.eventstore.v1 import stream_service_pb2 as streams
    from eventstore_proto.flunq.eventstore.v1 import subscription_service_pb2 as subscriptions
else:
    _FOLDER = "flunq/eventstore/v1"
    events = _file_namespace(f"{_FOLDER}/events.proto")
    event_store = _file_namespace(f"{_FOLDER}/event_store_service.proto")
    operations = _file_namespace(f"{_FOLDER}/operations_service.proto")
    streams = _file_namespace(f"{_FOLDER}/stream_service.proto")
    subscriptions = _file_namespace(f"{_FOLDER}/subscription_service.proto")
    error_details = _file_namespace("google/rpc/error_details.proto")
    status = _file_namespace("google/rpc/status.proto")
