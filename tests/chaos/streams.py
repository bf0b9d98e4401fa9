"""What operators do with streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.chaos.violation import Violation

if TYPE_CHECKING:
    from tests.chaos.publishers import Publishers
    from tests.chaos.world import World

__all__ = ["Streams"]


class Streams:
    def __init__(self, world: World, publishers: Publishers) -> None:
        self.world = world
        self._publishers = publishers

    def create(self) -> None:
        """Make a stream with a retention, in the place of one of the others."""
        world = self.world
        rng = world.rng
        retention: dict[str, Any] = {}
        if rng.random() < 0.7:
            retention["max_events"] = rng.randint(1, 15)
        if rng.random() < 0.5:
            retention["max_age"] = rng.choice([30, 120, 1800])
        old = rng.choice(self._publishers.names)
        self._publishers.replace(old)
        name = next(name for name in self._publishers.names if name not in world.log.streams)
        reply = world.hub.json("POST", "/streams", {"id": name, "retention": retention})
        world.note(f"create {name} {retention}: {reply.status}")
        if reply.status == 503 and world.full:
            return
        if reply.status not in {200, 201}:
            raise Violation("a stream is made", f"{name}: {reply.status} {reply.body!r}", name)
        world.log.stream(name).has_retention = bool(retention)

    def delete(self) -> None:
        name = self._existing()
        if name is not None:
            self._delete(name, "")

    def delete_for_good(self) -> None:
        name = self._existing()
        if name is None:
            return
        self._delete(name, "?permanent=true")
        self.world.log.stream(name).gone = True
        self._publishers.replace(name)

    def delete_if_current(self) -> None:
        """With the tag that the stream has."""
        name = self._existing()
        if name is None:
            return
        tag = self._tag(name)
        self._delete(name, "", tag=tag)

    def _tag(self, name: str) -> str:
        """The entity tag of a stream as it is now."""
        reply = self.world.hub.rest("GET", f"/streams/{name}")
        if reply.status != 200:
            raise Violation("reading goes on", f"GET /streams/{name}: {reply.status} {reply.body!r}", name)
        return reply.headers["etag"]

    def delete_if_stale(self) -> None:
        """With a tag that the stream had before something was published: nothing may be removed."""
        name = self._existing()
        if name is None:
            return
        world = self.world
        tag = self._tag(name)
        head = world.log.stream(name).head
        self._publishers._publish([self._publishers._event(name)], stream=name)
        if world.log.stream(name).head == head:
            return
        reply = world.hub.rest("DELETE", f"/streams/{name}", headers={"If-Match": tag})
        world.note(f"delete {name} if {tag}: {reply.status}")
        if reply.status != 412:
            raise Violation("a condition is kept", f"DELETE {name} if {tag}, at {head + 1}: {reply.status}", name)

    def _delete(self, name: str, query: str, *, tag: str | None = None) -> None:
        world = self.world
        headers = {"If-Match": tag} if tag is not None else {}
        reply = world.hub.rest("DELETE", f"/streams/{name}{query}", headers=headers)
        world.note(f"delete {name}{query} if {tag}: {reply.status}")
        # A deletion that was asked for twice, for a process ended in the first: what was to go is gone. The tag of
        # before stands no more then.
        repeated = world.hub.killed and reply.status in {404, 410, 412}
        if reply.status != 204 and not repeated:
            raise Violation("a stream is deleted", f"DELETE {name}{query}: {reply.status} {reply.body!r}", name)
        if reply.status == 412 and world.first_kept(name) <= world.log.stream(name).head:
            return
        stream = world.log.stream(name)
        stream.deleted = stream.head

    def _existing(self) -> str | None:
        names = [name for name in self._publishers.names if name in self.world.log.streams]
        names = [name for name in names if self.world.log.streams[name].head]
        return self.world.rng.choice(names) if names else None
