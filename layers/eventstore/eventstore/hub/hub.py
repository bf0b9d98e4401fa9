"""The composition root, which selects adapters and passes them to use cases."""

from __future__ import annotations

from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

from eventstore.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.aws.environment import AwsEnvironment
    from eventstore.adapters.aws.json_calls import JsonCalls
    from eventstore.adapters.journaled.store import JournaledStore
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Direct
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.adapters.redis.read_ahead import ReadAhead
    from eventstore.archive.archiver import Archiver
    from eventstore.archive.reader import ArchiveReader
    from eventstore.durable.admin import DurableSubscriptions
    from eventstore.durable.definitions import Definitions
    from eventstore.durable.deletion import DeletionNotices
    from eventstore.durable.directory import Directory
    from eventstore.durable.filter_admin import FilterAdmin
    from eventstore.durable.membership import Members
    from eventstore.durable.pushing import PushResults
    from eventstore.hub.operations import Operations
    from eventstore.hub.settings import Settings
    from eventstore.hub.targets import TargetAdapters
    from eventstore.live.closing import ClosingConnections
    from eventstore.live.deliver import Deliverer
    from eventstore.live.dispatch import Dispatcher, Pushing
    from eventstore.live.instance_inboxes import InstanceInboxes
    from eventstore.live.open_connections import OpenConnections
    from eventstore.live.push import Pusher
    from eventstore.live.subscribe import Subscriptions
    from eventstore.live.sweep import Sweeper
    from eventstore.ports import (
        Clock,
        DeadLetters,
        Deliveries,
        DispatchQueue,
        Durables,
        EventSchemas,
        Instances,
        Log,
        NamedFilters,
        Pushes,
        Registry,
        Turns,
        Wakeups,
    )
    from eventstore.ports.history import History
    from eventstore.ports.hot_window import HotWindow
    from eventstore.ports.journal import Journal
    from eventstore.ports.objects import Objects
    from eventstore.read.filter_directory import FilterDirectory
    from eventstore.read.reader import Reader
    from eventstore.read.schema_directory import SchemaDirectory
    from eventstore.subscriptions import Target
    from eventstore.write.enforcement import Enforcement
    from eventstore.write.limits import Limits
    from eventstore.write.publisher import Publisher
    from eventstore.write.schema_admin import SchemaAdmin
    from eventstore.write.stream_admin import StreamAdmin

__all__ = ["Hub"]

# ruff: noqa: PLC0415 - imports are local to each part: a function that uses no store never imports redis


class Hub:
    """The parts of one process. Each is built at its first use, and kept.

    A part that is assigned before its first use replaces the one that would be built.

    Args:
        settings: The settings of the deployment.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._connects = 0
        self._connecting = count(1)

    def close(self) -> None:
        """Close the connections to the store and to the queues. Parts that are used again reconnect."""
        if "redis" in vars(self):
            self.redis.close()
        if "sqs" in vars(self):
            self.sqs.close()
        for name in ("journal", "archive_objects"):
            if (opened := vars(self).get(name)) is not None:
                opened.close()
        if "target_adapters" in vars(self):
            self.target_adapters.close()

    def new_id(self) -> str:
        """Draw an id: 96 random bits, in hexadecimal."""
        import secrets

        return secrets.token_hex(12)

    @cached_property
    def clock(self) -> Clock:
        """The clock of this process."""
        from eventstore.adapters.clock import SystemClock

        return SystemClock()

    @cached_property
    def redis(self) -> Client:
        """The client of the store. It connects at its first use, and reconnects when the connection breaks."""
        from eventstore.adapters.redis.connection import connect

        if self.settings.backend == "redis":
            return connect(self.settings.redis_url)
        return connect(self.settings.redis_url, connected=self._count_connect)

    @cached_property
    def aws(self) -> AwsEnvironment:
        """Where calls of AWS go, and what they are signed with."""
        from eventstore.adapters.aws.environment import AwsEnvironment

        return AwsEnvironment()

    @cached_property
    def sqs(self) -> JsonCalls:
        """Calls all queues."""
        from eventstore.adapters.aws.calls import sqs_calls

        return sqs_calls(self.aws)

    @cached_property
    def journal(self) -> Journal | None:
        """The journal that has the events; None if the store has them itself."""
        from eventstore.hub.journals import journal_of

        return journal_of(self.settings)

    @cached_property
    def journaled(self) -> JournaledStore | None:
        """The store as the index of the journal, if there is one."""
        if self.journal is None:
            return None
        from eventstore.adapters.journaled.store import JournaledStore

        settings = self.settings
        return JournaledStore(
            self.redis,
            self.journal,
            partitions=settings.partitions,
            shards=settings.shards,
            connects=lambda: self._connects,
            direct=self._direct,
        )

    def journal_lag(self) -> int:
        """Return how many records of the journal its index does not have yet; 0 without a journal.

        Raises:
            StoreUnavailable: The store or the journal does not answer.
        """
        return 0 if self.journaled is None else self.journaled.lag()

    def diverged_partitions(self) -> Sequence[int] | None:
        """Return the partitions whose indexes do not follow their journals (`index-diverged`); None without a journal.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        return None if self.journaled is None else self.journaled.diverged()

    # Ports

    @cached_property
    def log(self) -> Log:
        """The log of the store."""
        if self.journaled is not None:
            from eventstore.adapters.journaled.log import JournaledLog

            return JournaledLog(self.journaled, read_ahead=self._read_ahead)
        from eventstore.adapters.redis.log import RedisLog

        return RedisLog(self.redis, partitions=self.partitions, read_ahead=self._read_ahead, history=self.history)

    @cached_property
    def turn_log(self) -> Log:
        """The log as turns read it, which do not wait long for archived events."""
        if self.history is None or self.journaled is not None:
            return self.log
        return self._log_for_turns(self._read_ahead)

    def _log_for_turns(self, read_ahead: ReadAhead) -> Log:
        from eventstore.adapters.redis.log import RedisLog

        return RedisLog(self.redis, partitions=self.partitions, read_ahead=read_ahead, history=self._prompt_history)

    @cached_property
    def registry(self) -> Registry:
        """The registry of connections and subscriptions."""
        from eventstore.adapters.redis.registry import RedisRegistry

        return RedisRegistry(self.redis, partitions=self.partitions)

    @cached_property
    def durables(self) -> Durables:
        """The durable subscriptions."""
        from eventstore.adapters.redis.durables import RedisDurables

        stored = self.journaled
        return RedisDurables(
            self.redis,
            partitions=self.partitions,
            definitions=None if stored is None else stored.durable_definitions,
            groups=None if stored is None else stored.groups,
        )

    @cached_property
    def named_filters(self) -> NamedFilters:
        """The named filters."""
        from eventstore.adapters.redis.named_filters import RedisNamedFilters

        definitions = None if self.journaled is None else self.journaled.filter_definitions
        return RedisNamedFilters(self.redis, partitions=self.partitions, definitions=definitions)

    @cached_property
    def event_schemas(self) -> EventSchemas:
        """The schemas that operators stored for event types."""
        from eventstore.adapters.redis.event_schemas import RedisEventSchemas

        definitions = None if self.journaled is None else self.journaled.schema_definitions
        return RedisEventSchemas(self.redis, partitions=self.partitions, definitions=definitions)

    @cached_property
    def turns(self) -> Turns:
        """The turns of partitions."""
        from eventstore.adapters.redis.turns import RedisTurns

        groups = None if self.journaled is None else self.journaled.groups
        return RedisTurns(self.redis, partitions=self.partitions, read_ahead=self._read_ahead, groups=groups)

    @cached_property
    def dispatch_queue(self) -> DispatchQueue | None:
        """The queue of work for whoever dispatches; None in a deployment without live delivery."""
        return self.functions_queue

    @cached_property
    def functions_queue(self) -> DispatchQueue | None:
        """The queue of work for the function `dispatch`; None in a deployment without it."""
        if not self.settings.bells_url:
            return None
        from eventstore.adapters.aws.sqs_dispatch_queue import SqsDispatchQueue

        return SqsDispatchQueue(
            self.sqs, self.settings.bells_url, new_id=self.new_id, alarms_url=self.settings.alarms_url
        )

    @cached_property
    def deliveries(self) -> Deliveries:
        """Delivers to clients: those of API Gateway, and those of instances of the server on the same store."""
        from eventstore.live.routed_deliveries import RoutedDeliveries

        return RoutedDeliveries(lambda: self.functions_deliveries, self.instance_inboxes.send_parts)

    @cached_property
    def instance_inboxes(self) -> InstanceInboxes:
        """Sends messages to instances of the server on the same store."""
        from eventstore.live.instance_inboxes import InstanceInboxes

        return InstanceInboxes(lambda: self.instances, self._require_dispatch_queue)

    @cached_property
    def instances(self) -> Instances:
        """The instances of the server on the same store."""
        from eventstore.adapters.redis.instances import RedisInstances
        from eventstore.ports import ALIVE_MS

        return RedisInstances(self.redis, alive_ms=ALIVE_MS)

    @cached_property
    def functions_deliveries(self) -> Deliveries:
        """The queue of messages for the function `deliver`."""
        from eventstore.adapters.aws.sqs_deliveries import SqsDeliveries

        url = _require(self.settings.deliveries_url, "DELIVERIES_QUEUE_URL")
        return SqsDeliveries(self.sqs, url, new_id=self.new_id)

    @cached_property
    def pushes(self) -> Pushes:
        """The queue of pushes for `push`. A deployment without it makes none, even if it has rules from before."""
        if not self.settings.pushes_url:
            from eventstore.hub.targets import NoPushes

            return NoPushes()
        from eventstore.adapters.aws.sqs_pushes import SqsPushes

        return SqsPushes(self.sqs, self.settings.pushes_url)

    @property
    def shards(self) -> int:
        """The number of shards over which the store distributes connections.

        Raises:
            StoreUnavailable: The store does not answer.
            ShardMismatch: The store was created with another number than is configured.
        """
        from eventstore.adapters.redis.connection import ANSWERING

        with ANSWERING:
            return self.partitions.shards

    @cached_property
    def letters(self) -> DeadLetters:
        """The queue of dead letters."""
        from eventstore.adapters.aws.sqs_letters import SqsLetters

        return SqsLetters(self.sqs, _require(self.settings.letters_url, "DEAD_LETTERS_QUEUE_URL"))

    @cached_property
    def archive_objects(self) -> Objects | None:
        """The objects of the archive; None where nothing is archived."""
        if self.settings.archive is None:
            return None
        from eventstore.hub.archives import objects_at

        return objects_at(self.settings.archive, aws=lambda: self.aws)

    @cached_property
    def history(self) -> History | None:
        """The archived events; None where nothing is archived."""
        if self.archive_objects is None:
            return None
        from eventstore.archive.history import ArchivedHistory

        return ArchivedHistory(self.archive_objects, partitions=lambda: self.partitions.count, clock=self.clock)

    @cached_property
    def _prompt_history(self) -> History | None:
        if self.history is None:
            return None
        from eventstore.archive.prompt_history import PromptHistory

        return PromptHistory(self.history)

    @cached_property
    def hot_window(self) -> HotWindow | None:
        """Lets events leave memory; None where all stay."""
        if self.settings.hot_window is None:
            return None
        from eventstore.adapters.redis.hot_window import RedisHotWindow

        return RedisHotWindow(self.partitions)

    @cached_property
    def wakeups(self) -> Wakeups:
        """Starts turns after a write."""
        from eventstore.live.wakeups import QueueWakeups

        return QueueWakeups(lambda: self.dispatch_queue)

    @cached_property
    def limits(self) -> Limits:
        """The maximum sizes of appends."""
        from eventstore.write.limits import Limits

        return Limits() if self.journal is None else Limits.of_records(self.journal.most_bytes)

    # Use cases

    @cached_property
    def publisher(self) -> Publisher:
        """Publishes events."""
        from eventstore.write.publisher import Publisher

        return Publisher(self.log, self.wakeups, limits=self.limits, enforcement=self.enforcement)

    @cached_property
    def enforcement(self) -> Enforcement:
        """Refuses events whose data do not match an enforced schema."""
        from eventstore.write.enforcement import Enforcement

        return Enforcement(self.event_schemas, clock=self.clock)

    @cached_property
    def reader(self) -> Reader:
        """Reads events and streams."""
        from eventstore.read.reader import Reader

        return Reader(self.log)

    @cached_property
    def streams(self) -> StreamAdmin:
        """Creates, configures, forks and deletes streams."""
        from eventstore.write.stream_admin import StreamAdmin

        return StreamAdmin(self.log, self.wakeups, clock=self.clock, limits=self.limits)

    @cached_property
    def operations(self) -> Operations:
        """Operates on the whole store."""
        from eventstore.hub.operations import Operations

        return Operations(self.log)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        """Starts ephemeral subscriptions; `members` ends them."""
        from eventstore.live.subscribe import Subscriptions

        self._require_dispatch_queue()
        return Subscriptions(self.log, self.registry, self.wakeups)

    @cached_property
    def durable_subscriptions(self) -> DurableSubscriptions:
        """Creates, changes, moves and deletes durable subscriptions."""
        from eventstore.durable.admin import DurableSubscriptions

        return DurableSubscriptions(
            self.log,
            self.durables,
            self.definitions,
            self.wakeups,
            letters=lambda: self.letters,
            filters=self.named_filters,
            require_target=self._require_target,
        )

    @cached_property
    def definitions(self) -> Definitions:
        """Completes changes of the definitions of durable subscriptions."""
        from eventstore.durable.definitions import Definitions

        return Definitions(self.durables, self.named_filters, self.wakeups)

    @cached_property
    def filter_admin(self) -> FilterAdmin:
        """Creates, changes and deletes named filters."""
        from eventstore.durable.filter_admin import FilterAdmin

        return FilterAdmin(self.named_filters, self.durables, self.definitions, clock=self.clock, new_id=self.new_id)

    @cached_property
    def filters(self) -> FilterDirectory:
        """Lists and describes named filters, and combines them with those of requests."""
        from eventstore.read.filter_directory import FilterDirectory

        return FilterDirectory(self.named_filters)

    @cached_property
    def schemas(self) -> SchemaDirectory:
        """Lists and describes schemas of event types."""
        from eventstore.read.schema_directory import SchemaDirectory

        return SchemaDirectory(self.event_schemas)

    @cached_property
    def schema_admin(self) -> SchemaAdmin:
        """Stores and deletes schemas of event types."""
        from eventstore.write.schema_admin import SchemaAdmin

        changed = self.enforcement.forget
        return SchemaAdmin(self.event_schemas, clock=self.clock, new_id=self.new_id, changed=changed)

    @cached_property
    def directory(self) -> Directory:
        """Lists and describes durable subscriptions."""
        from eventstore.durable.directory import Directory

        return Directory(self.log, self.durables)

    @cached_property
    def members(self) -> Members:
        """Members of durable subscriptions join, acknowledge and leave; ends subscriptions and connections."""
        from eventstore.durable.membership import Members

        self._require_dispatch_queue()
        return Members(self.durables, self.registry, self.wakeups)

    @cached_property
    def connections(self) -> OpenConnections:
        """Lists and closes connections."""
        from eventstore.live.open_connections import OpenConnections

        return OpenConnections(self.registry, self.durables, self.members, self._require_dispatch_queue())

    @cached_property
    def closing_connections(self) -> ClosingConnections:
        """Closes connections that an operator does not want."""
        from eventstore.live.closing import ClosingConnections

        return ClosingConnections(self.members, self.deliveries, self.shards)

    @cached_property
    def deletion_notices(self) -> DeletionNotices:
        """Notifies members that their durable subscription was deleted."""
        from eventstore.durable.deletion import DeletionNotices

        return DeletionNotices(self.members, self.registry, self.deliveries, self.shards)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Runs the turns of partitions."""
        from dataclasses import replace

        from eventstore.live.catch_up import TurnLimits
        from eventstore.live.dispatch import Dispatcher

        limits = TurnLimits(events_url=f"{self.settings.rest_url}/api/v1/events")
        return Dispatcher(
            self.turn_log,
            self.turns,
            self.deliveries,
            durables=self.durables,
            registry=self.registry,
            dispatch_queue=self._require_dispatch_queue(),
            letters=self.letters,
            pushes=lambda: self.pushes,
            clock=self.clock,
            limits=replace(limits, frames=replace(limits.frames, shards=self.shards)),
            pushing=self.pushing,
        )

    @cached_property
    def pushing(self) -> Pushing:
        """Who makes the pushes of turns."""
        from eventstore.live.dispatch import QUEUED

        return QUEUED

    @cached_property
    def deliverer(self) -> Deliverer:
        """Posts messages to clients."""
        import random

        from eventstore.adapters.aws.apigateway import ApiGatewayConnections
        from eventstore.adapters.aws.calls import POSTS_AT_ONCE, connections_calls
        from eventstore.live.deliver import Deliverer

        calls = connections_calls(lambda: _require(self.settings.connections_url, "CONNECTIONS_URL"), self.aws)
        return Deliverer(
            ApiGatewayConnections(calls),
            self._require_dispatch_queue(),
            clock=self.clock,
            jitter=random.random,
            workers=POSTS_AT_ONCE,
        )

    @cached_property
    def pusher(self) -> Pusher:
        """Pushes events to the targets of rules."""
        from eventstore.live.push import Pusher

        return Pusher(self.target_adapters.of, self.pushes, self._require_dispatch_queue(), clock=self.clock)

    @cached_property
    def target_adapters(self) -> TargetAdapters:
        """What calls the targets of rules."""
        from eventstore.hub.targets import TargetAdapters

        return TargetAdapters(self.settings, aws=lambda: self.aws, clock=self.clock)

    @cached_property
    def push_results(self) -> PushResults:
        """Enqueues what came of pushes, for the next turn to apply."""
        from eventstore.durable.pushing import PushResults

        return PushResults(self.durables)

    @cached_property
    def sweeper(self) -> Sweeper:
        """Runs the periodic maintenance."""
        from eventstore.live.sweep import Sweeper

        return Sweeper(
            self.log,
            self.registry,
            self.turns,
            self._require_dispatch_queue(),
            self.members,
            clock=self.clock,
            definitions=self.definitions,
        )

    @cached_property
    def archiver(self) -> Archiver | None:
        """Archives the store; None where nothing is archived."""
        if self.archive_objects is None:
            return None
        from eventstore.archive.archiver import Archiver, ArchiverLimits

        limits = ArchiverLimits(hot_ms=(self.settings.hot_window or 0) * 1000)
        return Archiver(self.log, self.archive_objects, clock=self.clock, window=self.hot_window, limits=limits)

    @cached_property
    def archive_reader(self) -> ArchiveReader | None:
        """Reads streams from the archive; None where nothing is archived."""
        if self.archive_objects is None:
            return None
        from eventstore.archive.reader import ArchiveReader

        return ArchiveReader(self.archive_objects, partitions=self.log.partitions)

    def _count_connect(self) -> None:
        self._connects = next(self._connecting)

    @cached_property
    def partitions(self) -> Partitions:
        """The partitions of the store, which its adapters share."""
        if self.journaled is not None:
            return self.journaled.partitions
        from eventstore.adapters.redis.partitions import Partitions

        return Partitions(self.redis, configured=self.settings.partitions, shards=self.settings.shards)

    @cached_property
    def _direct(self) -> Direct | None:
        """What sends the commands of appends, where it is not the client."""
        return None

    @cached_property
    def _read_ahead(self) -> ReadAhead:
        from eventstore.adapters.redis.read_ahead import ReadAhead

        return ReadAhead()

    def _require_target(self, target: Target) -> None:
        from eventstore.hub.targets import require_target

        require_target(self.settings, target)

    def _require_dispatch_queue(self) -> DispatchQueue:
        if self.dispatch_queue is None:
            raise SettingsError("BELLS_QUEUE_URL is unset; it names the dispatch queue")
        return self.dispatch_queue


def _require(value: str, name: str) -> str:
    if not value:
        raise SettingsError(f"{name} is unset; the template sets it")
    return value
