"""The metrics of the server. No label has a value that clients choose, so the number of series is bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eventstore.frames.frame import Kind
from eventstore_server.metrics.registry import Count, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore_server.metrics.registry import Family

__all__ = ["FrameCounts", "ServerMetrics"]

_FAST = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_CALLS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

FrameCounts = Mapping[str, Count]
"""The frames that a door has sent, by `Kind`. Only the thread of the event loop counts them, so it takes no lock."""

_KINDS = tuple(sorted(value for name, value in vars(Kind).items() if name.isupper()))


class ServerMetrics:
    """All metrics of an instance."""

    def __init__(self) -> None:
        self.info = Gauge("eventstore_info", "1; the labels describe the instance", ("version", "instance"))
        self.requests = Counter(
            "eventstore_http_requests_total", "HTTP requests that were answered", ("method", "route", "status")
        )
        self.request_seconds = Histogram(
            "eventstore_http_request_seconds",
            "Seconds from a request's head to its answer",
            _CALLS,
            ("method", "route"),
        )
        self.in_flight = Gauge("eventstore_http_requests_in_flight", "HTTP requests that are being answered")
        self.messages = Counter("eventstore_websocket_messages_total", "Messages of WebSocket clients", ("protocol",))
        self.message_seconds = Histogram(
            "eventstore_websocket_message_seconds", "Seconds that handling a message took", _CALLS, ("protocol",)
        )
        self.calls = Counter("eventstore_grpc_calls_total", "Calls of gRPC that ended", ("method", "code"))
        self.call_seconds = Histogram(
            "eventstore_grpc_call_seconds", "Seconds that a call without streams took", _CALLS, ("method",)
        )
        self.appends = Counter(
            "eventstore_appends_total",
            "Appends to streams, by outcome: stored, duplicate, or the code of the error",
            ("door", "code"),
        )
        self.appended_events = Counter(
            "eventstore_appended_events_total", "Events that were stored, without duplicates", ("door",)
        )
        self.append_seconds = Histogram(
            "eventstore_append_seconds", "Seconds that an append took in the store", _CALLS, ("door",)
        )
        self.reads = Counter(
            "eventstore_reads_total",
            "Reads by what is read (stream, partitions, event) and by outcome: ok, or the code of the error",
            ("door", "kind", "code"),
        )
        self.read_events = Counter("eventstore_read_events_total", "Events that were read", ("door",))
        self.frames = Counter("eventstore_frames_total", "Frames that were written to clients", ("door", "kind"))
        self.frame_bytes = Gauge(
            "eventstore_frame_bytes_total", "Bytes of messages that were written to clients", ("door",), kind="counter"
        )
        self.publish_to_send = Histogram(
            "eventstore_publish_to_send_seconds",
            "Seconds from the begin of an append to the writing of its last live frame, where one instance does both",
            _FAST,
        )
        self.connections = Gauge("eventstore_connections", "Open connections", ("door", "protocol"))
        self.opened = Counter("eventstore_connections_opened_total", "Connections that were opened", ("door",))
        self.disconnects = Counter("eventstore_disconnects_total", "Connections that ended", ("door", "reason"))
        self.subscriptions = Gauge("eventstore_subscriptions", "Ephemeral subscriptions", ("door", "protocol"))
        self.buffered_bytes = Gauge("eventstore_buffered_bytes", "Bytes that wait for clients to read them", ("door",))
        self.live_lag = Gauge(
            "eventstore_live_lag_entries",
            "Entries of the log that the live feed has read, not dispatched",
            ("partition",),
        )
        self.behind = Gauge(
            "eventstore_catching_up_subscriptions", "Ephemeral subscriptions that have not caught up", ("partition",)
        )
        self.dispatch_lag = Gauge(
            "eventstore_dispatch_lag_events",
            "Events that wait for a turn, in partitions that this instance owns; at most 10,000",
            ("partition",),
        )
        self.dispatch_lag_seconds = Gauge(
            "eventstore_dispatch_lag_seconds",
            "Age in seconds of the oldest event that waits for a turn, in partitions that this instance owns",
            ("partition",),
        )
        self.diverged = Gauge(
            "eventstore_partitions_diverged",
            "Partitions whose index does not follow its journal (index-diverged); only with a journal",
        )
        self.turns = Counter("eventstore_turns_total", "Turns that were committed", ("kind",))
        self.turn_seconds = Histogram("eventstore_turn_seconds", "Seconds that a turn took", _FAST, ("kind",))
        self.turn_failures = Counter(
            "eventstore_turn_failures_total",
            "Turns that failed and are repeated, by the code of the error",
            ("kind", "code"),
        )
        self.turn_retries = Counter(
            "eventstore_turn_retries_total", "Turns that repeat one that did not commit", ("kind",)
        )
        self.pushes = Counter(
            "eventstore_pushes_total",
            "Pushes to targets, by outcome: done, failed (of some events), unavailable, or error",
            ("target", "outcome"),
        )
        self.owned = Gauge("eventstore_partitions_owned", "Partitions that this instance dispatches")
        self.instances = Gauge("eventstore_instances_alive", "Instances that were alive at the last heartbeat")
        self.store_seconds = Gauge("eventstore_store_ping_seconds", "Seconds that the last check of the store took")
        self.ready = Gauge("eventstore_ready", "1 if the instance is ready for requests, 0 if not")
        self.cpu_seconds = Gauge(
            "process_cpu_seconds_total", "Seconds of processor time that the process used", kind="counter"
        )
        self.memory = Gauge("process_resident_memory_bytes", "Resident memory in bytes")
        self.files = Gauge("process_open_fds", "Open file descriptors")
        self.started = Gauge("process_start_time_seconds", "When the process started, in seconds since 1970")

    def families(self) -> Sequence[Family]:
        """Return all metrics, in the order in which they are reported."""
        return list(vars(self).values())

    def frame_counts(self, door: str) -> FrameCounts:
        """Return what counts the frames of a door, by kind."""
        return {kind: self.frames.of(door, kind) for kind in _KINDS}
