"""The errors that the hub raises on purpose. Clients branch on `code`; `detail` is a sentence for a person.

EventstoreError
├── Invalid                      the request is wrong: correct it before sending it again
│   ├── Malformed                it cannot be parsed: not JSON, not UTF-8, not a CloudEvents content mode
│   ├── UnsupportedMediaType     the body is in a format that the hub does not support
│   ├── InvalidEvent             an event violates a rule of CloudEvents or of the hub
│   ├── InvalidStream            a stream's name or settings violate a rule
│   ├── InvalidTarget            the target of a durable subscription violates a rule, or may not be called
│   ├── InvalidQuery             a parameter or header violates a rule
│   ├── InvalidFilter            a filter, or an expression in CloudEvents SQL, violates a rule
│   ├── InvalidSchema            a JSON Schema of an event type violates a rule
│   ├── InvalidCursor            a cursor was not made by this hub, or not for this kind of read
│   ├── InvalidRequest           a message violates the WebSocket protocol (docs/protocol.md)
│   ├── UnknownAction            a message names an action that does not exist
│   ├── NotSupported             the deployment's store cannot do this: do without, or use another store
│   ├── TargetNotAllowed         the deployment does not push to this target: name another, or allow it
│   ├── TooManySubscriptions     the connection is at its limit: end a subscription, or open another connection
│   └── TooLarge                 more bytes or events than the hub accepts in one call
├── Conflict                     the store holds something else: read it, then decide
│   ├── WrongExpectedVersion     the stream is not at the expected version, or a precondition failed
│   ├── WrongSubscriptionVersion    the durable subscription is not at the expected version
│   ├── WrongFilterVersion       the named filter is not at the expected version
│   ├── WrongSchemaVersion       the schema of an event type is not at the expected version
│   ├── FilterInUse              durable subscriptions name the filter: change or delete them first
│   ├── EventConflict            the stream holds another event with the same source and id
│   ├── StreamConflict           the stream exists with other settings
│   ├── AmbiguousEvent           several events have the id: add the source or the stream
│   ├── SubscriptionHasMembers   the subscription has members, so it cannot get a target
│   ├── SubscriptionHasTarget    the subscription has a target, so it cannot be joined
│   └── SubscriptionConflict     the subscription's id is in use, or was used on this connection: choose another
├── Absent                       the resource does not exist
│   ├── StreamNotFound           the stream does not exist yet
│   ├── EventNotFound            the event does not exist, or was removed
│   ├── StreamGone               the stream was permanently deleted and accepts no events
│   ├── SubscriptionNotFound     the subscription does not exist
│   ├── FilterNotFound           the named filter does not exist
│   ├── SchemaNotFound           no schema is stored for the event type
│   ├── NothingParked            the durable subscription has nothing parked, or not for this stream
│   ├── ConnectionNotFound       the connection is closed or unknown
│   └── NewEpoch                 the store was reset since the cursor was returned: start over
├── Refused                      the caller may not do this: use other credentials
│   ├── Unauthorized             there are no valid credentials
│   └── Forbidden                the credentials are valid but do not allow this
└── Unavailable                  the request is correct: sending it again later is safe
    ├── StoreUnavailable         the store does not respond
    │   ├── StoreFull            the store is out of memory: remove events, or add memory
    │   ├── OutcomeUnknown       the change was done, and its outcome is not kept: send it again
    │   └── StoreClosed          the store is being moved, or was: send it again, to a hub with the new store
    ├── QueueUnavailable         a queue did not accept all messages
    ├── ArchiveUnavailable       the storage of the archive does not respond, or refuses the hub
    ├── ArchiveMismatch          the archive is one of another store: give each store an ARCHIVE_URL of its own
    ├── TurnLost                 a newer turn of the partition has begun and continues the work
    │   └── PartitionLeased      another instance holds a lease of the partition, and does the work
    ├── PartitionMismatch        the store was created with another number of partitions: correct the setting
    ├── BackendMismatch          the store is one of another backend: correct the setting
    ├── IndexDiverged            the index is not that of its journal any more: look at the journal, rebuild the index
    ├── ShardMismatch            the store was created with another number of shards: correct the setting
    └── FormatMismatch           the store has a format that this version does not support: deploy one that does

`SettingsError` is not among them: it says that the process is misconfigured, not that a request failed.
"""

from __future__ import annotations

from eventstore.errors.absent import (
    Absent,
    ConnectionNotFound,
    EventNotFound,
    FilterNotFound,
    NewEpoch,
    NothingParked,
    SchemaNotFound,
    StreamGone,
    StreamNotFound,
    SubscriptionNotFound,
)
from eventstore.errors.base import EventstoreError, SettingsError
from eventstore.errors.conflict import (
    AmbiguousEvent,
    Conflict,
    EventConflict,
    FilterInUse,
    StreamConflict,
    SubscriptionConflict,
    SubscriptionHasMembers,
    SubscriptionHasTarget,
    WrongExpectedVersion,
    WrongFilterVersion,
    WrongSchemaVersion,
    WrongSubscriptionVersion,
)
from eventstore.errors.invalid import (
    Invalid,
    InvalidCursor,
    InvalidEvent,
    InvalidFilter,
    InvalidQuery,
    InvalidRequest,
    InvalidSchema,
    InvalidStream,
    InvalidTarget,
    Malformed,
    NotSupported,
    TargetNotAllowed,
    TooLarge,
    TooManySubscriptions,
    UnknownAction,
    UnsupportedMediaType,
)
from eventstore.errors.refused import Forbidden, Refused, Unauthorized
from eventstore.errors.unavailable import (
    ArchiveMismatch,
    ArchiveUnavailable,
    BackendMismatch,
    FormatMismatch,
    IndexDiverged,
    OutcomeUnknown,
    PartitionLeased,
    PartitionMismatch,
    QueueUnavailable,
    ShardMismatch,
    StoreClosed,
    StoreFull,
    StoreUnavailable,
    TurnLost,
    Unavailable,
)

__all__ = [
    "Absent",
    "AmbiguousEvent",
    "ArchiveMismatch",
    "ArchiveUnavailable",
    "BackendMismatch",
    "Conflict",
    "ConnectionNotFound",
    "EventConflict",
    "EventNotFound",
    "EventstoreError",
    "FilterInUse",
    "FilterNotFound",
    "Forbidden",
    "FormatMismatch",
    "IndexDiverged",
    "Invalid",
    "InvalidCursor",
    "InvalidEvent",
    "InvalidFilter",
    "InvalidQuery",
    "InvalidRequest",
    "InvalidSchema",
    "InvalidStream",
    "InvalidTarget",
    "Malformed",
    "NewEpoch",
    "NotSupported",
    "NothingParked",
    "OutcomeUnknown",
    "PartitionLeased",
    "PartitionMismatch",
    "QueueUnavailable",
    "Refused",
    "SchemaNotFound",
    "SettingsError",
    "ShardMismatch",
    "StoreClosed",
    "StoreFull",
    "StoreUnavailable",
    "StreamConflict",
    "StreamGone",
    "StreamNotFound",
    "SubscriptionConflict",
    "SubscriptionHasMembers",
    "SubscriptionHasTarget",
    "SubscriptionNotFound",
    "TargetNotAllowed",
    "TooLarge",
    "TooManySubscriptions",
    "TurnLost",
    "Unauthorized",
    "Unavailable",
    "UnknownAction",
    "UnsupportedMediaType",
    "WrongExpectedVersion",
    "WrongFilterVersion",
    "WrongSchemaVersion",
    "WrongSubscriptionVersion",
]
