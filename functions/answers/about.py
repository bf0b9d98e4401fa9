"""The answers of calls about the hub itself."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from functions.answers.members import Count, Positive
from functions.answers.subscriptions import SubscriptionSummary

__all__ = ["Counts", "Health", "Renewed", "Stats"]

_Newest = Annotated[str | None, Field(json_schema_extra={"format": "date-time"})]
_Appends = Annotated[Count, Field(description="Publishes whose events are kept, in whole or in part.")]


class Health(TypedDict):
    """The hub is well."""

    status: Literal["ok"]
    version: str


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
    subscriptions: Annotated[Sequence[SubscriptionSummary], Field(description="Durable ones, and how they stand.")]


class RenewedPartition(TypedDict):
    """A partition, and its new epoch."""

    partition: Count
    epoch: Annotated[str, Field(pattern="^[0-9a-f]{12}$", description="As it stands in cursors.")]


class Renewed(TypedDict):
    """The partitions, and their new epochs."""

    partitions: Sequence[RenewedPartition]
