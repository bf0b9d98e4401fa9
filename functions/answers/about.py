"""The answers of calls about the hub itself."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Count, Positive
from functions.answers.subscriptions import SubscriptionSummary

__all__ = ["BackendState", "Counts", "Health", "Renewed", "Stats"]

_Newest = Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]
_Appends = Annotated[Count, Field(description="Publishes whose events are kept, in whole or in part.")]


Backend = Annotated[Literal["redis", "nats", "kafka"], Field(description="Where events are kept.")]
Capabilities = Annotated[
    Mapping[str, bool], Field(description="Whether the backend keeps each promise (docs/backends.md).")
]


class Health(TypedDict):
    """The hub is well."""

    status: Literal["ok"]
    version: str
    backend: Backend
    capabilities: Capabilities


class BackendState(TypedDict):
    """The backend, what it promises, and how far the index of its journal is behind.

    The lag is left out where the credential is for some streams alone.
    """

    name: Backend
    capabilities: Capabilities
    lag: NotRequired[Annotated[Count, Field(description="Records of the journal that its index does not have yet.")]]


class PartitionCounts(TypedDict):
    """What a partition holds."""

    partition: Count
    streams: Count
    appends: _Appends
    newest: _Newest


class Counts(TypedDict, total=False):
    """What the store holds: left out where the credential is for some streams alone."""

    streams: Count
    appends: _Appends
    newest: _Newest
    by_partition: Sequence[PartitionCounts]


class Stats(Counts):
    """What the store holds, in all and per partition, and how durable subscriptions stand."""

    partitions: Positive
    backend: BackendState
    subscriptions: Annotated[Sequence[SubscriptionSummary], Field(description="Durable ones, and how they stand.")]


class RenewedPartition(TypedDict):
    """A partition, and its new epoch."""

    partition: Count
    epoch: Annotated[str, Field(pattern="^[0-9a-f]{12}$", description="As it stands in cursors.")]


class Renewed(TypedDict):
    """The partitions, and their new epochs."""

    partitions: Sequence[RenewedPartition]
