"""A correct hub in memory, with partitions, cursors, catch-up and removal, but without time and network."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from zlib import crc32

from tests.transcripts.content import same
from tests.transcripts.matching import wanted, wanted_streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.transcripts.transcript import Json

__all__ = ["SimulatedHub", "Subscription"]

_EVENTS_A_FRAME = 20


class SimulatedHub:
    """The streams, and the log of each partition. `epoch` changes when the store is reset."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions = partitions
        self.epoch = 0
        self.streams: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.first: dict[str, int] = defaultdict(lambda: 1)
        self.logs: list[list[tuple[str, int]]] = [[] for _ in range(partitions)]
        self._places: dict[tuple[str, str, str], int] = {}

    def partition(self, stream: str) -> int:
        return crc32(stream.encode()) % self.partitions

    def publish(self, events: Sequence[Json], stream: str) -> list[dict[str, Any]]:
        results = []
        for event in events:
            key = stream, event["source"], event["id"]
            duplicate = key in self._places
            if not duplicate:
                self._places[key] = self._store(stream, event)
            sequence = self._places[key]
            assert same(dict(event), {name: self.event(stream, sequence)[name] for name in event}), "event-conflict"
            results.append({"stream": stream, "sequence": sequence, "id": event["id"], "duplicate": duplicate})
        return results

    def event(self, stream: str, sequence: int) -> dict[str, Any]:
        return self.streams[stream][sequence - 1]

    def remove(self, stream: str, *, before: int) -> None:
        self.first[stream] = max(self.first[stream], min(before, len(self.streams[stream]) + 1))

    def removed(self, stream: str, sequence: int) -> bool:
        return sequence < self.first[stream]

    def recreate(self) -> None:
        """Reset the store: it is empty, with another epoch."""
        partitions, epoch = self.partitions, self.epoch
        SimulatedHub.__init__(self, partitions)
        self.epoch = epoch + 1

    def subscribe(self, request: Json) -> tuple[Subscription, dict[str, Any]]:
        streams = wanted_streams(request)
        concerned = sorted(range(self.partitions) if streams is None else {self.partition(name) for name in streams})
        renewed: list[int] = []
        resumed = "cursor" in request
        if resumed:
            epoch, positions = _parsed(request["cursor"])
            if epoch != self.epoch:
                renewed, positions = concerned, dict.fromkeys(concerned, 0)
        else:
            start = request.get("from", "now") == "start"
            positions = {partition: 0 if start else len(self.logs[partition]) for partition in concerned}
        positions = {partition: positions[partition] for partition in concerned}
        subscription = Subscription(self, request, positions)
        missing = subscription.skip_removed()
        recovery = "new-epoch" if renewed else "truncated" if resumed and missing else "complete"
        answer = {
            "type": "subscribed",
            "id": request["id"],
            "cursor": _token(self.epoch, positions),
            "recovery": recovery,
            "partitions": concerned,
        }
        answer |= {"missing": spans(missing)} if recovery == "truncated" else {}
        return subscription, answer | ({"renewed": renewed} if renewed else {})

    def _store(self, stream: str, event: Json) -> int:
        kept = self.streams[stream]
        sequence = len(kept) + 1
        log = self.logs[self.partition(stream)]
        time = f"2026-01-01T00:00:{len(log) % 60:02}Z"
        kept.append({**event, "hubstream": stream, "hubsequence": str(sequence), "hubtime": time})
        log.append((stream, sequence))
        return sequence


class Subscription:
    """The turns of one subscription. A turn sends at most one frame."""

    def __init__(self, hub: SimulatedHub, request: Json, positions: dict[int, int]) -> None:
        self._hub = hub
        self._request = request
        self._positions = dict(positions)
        self._frames = dict.fromkeys(positions, 0)
        self._live: set[int] = set()
        self._reported: set[tuple[str, int]] = set()

    @property
    def partitions(self) -> Sequence[int]:
        return list(self._positions)

    def skip_removed(self) -> list[tuple[str, int]]:
        """Return what was removed ahead of the start, and mark it as reported."""
        ahead = [place for partition, at in self._positions.items() for place in self._hub.logs[partition][at:]]
        missing = [place for place in ahead if self._hub.removed(*place) and self._names(place[0])]
        self._reported.update(missing)
        return missing

    def turn(self, partition: int) -> dict[str, Any] | None:
        """The next frame of a partition; `None` if the partition is live and has no new event."""
        log = self._hub.logs[partition]
        events: list[dict[str, Any]] = []
        at = self._positions[partition]
        while at < len(log) and len(events) < _EVENTS_A_FRAME:
            stream, sequence = log[at]
            if self._hub.removed(stream, sequence):
                if self._names(stream) and (stream, sequence) not in self._reported:
                    if not events:
                        return self._truncated(partition, at)
                    break
            elif wanted(self._request, self._hub.event(stream, sequence)):
                events.append(self._hub.event(stream, sequence))
            at += 1
        self._positions[partition] = at
        if events:
            return self._frame(partition, "events", events=events)
        if partition not in self._live:
            self._live.add(partition)
            return self._frame(partition, "live")
        return None

    def _truncated(self, partition: int, at: int) -> dict[str, Any]:
        ahead = self._hub.logs[partition][at:]
        missing = [place for place in ahead if self._hub.removed(*place) and self._names(place[0])]
        self._reported.update(missing)
        self._positions[partition] = at
        return self._frame(partition, "truncated", missing=spans(missing))

    def _frame(self, partition: int, kind: str, **members: object) -> dict[str, Any]:
        self._frames[partition] += 1
        cursor = _token(self._hub.epoch, {partition: self._positions[partition]})
        head = {"type": kind, "id": self._request["id"], "partition": partition, "frame": self._frames[partition]}
        return {**head, **members, "cursor": cursor}

    def _names(self, stream: str) -> bool:
        streams = wanted_streams(self._request)
        return streams is None or stream in streams


def spans(positions: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Positions as the ranges of `missing`."""
    ranges: list[dict[str, Any]] = []
    for stream, sequence in sorted(positions):
        if ranges and ranges[-1]["stream"] == stream and ranges[-1]["last"] + 1 == sequence:
            ranges[-1]["last"] = sequence
        else:
            ranges.append({"stream": stream, "first": sequence, "last": sequence})
    return ranges


def _token(epoch: int, positions: dict[int, int]) -> str:
    packed = json.dumps([epoch, sorted(positions.items())], separators=(",", ":"))
    return urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _parsed(cursor: str | list[str]) -> tuple[int, dict[int, int]]:
    furthest: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for token in [cursor] if isinstance(cursor, str) else cursor:
        epoch, positions = json.loads(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        for partition, position in positions:
            furthest[partition] = max(furthest[partition], (epoch, position))
    return max(at[0] for at in furthest.values()), {partition: at[1] for partition, at in furthest.items()}
