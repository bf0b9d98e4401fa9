"""Faults that instances of the server are given; the chaos must catch each.

Python runs the module `sitecustomize` before any other: an instance finds one that puts a fault into it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MUTANTS", "at_work"]

_SOURCES: Mapping[str, str] = {
    "acknowledges_all_that_was_sent": """
        # An acknowledgement of one frame counts for all that is in flight: what a member dies with is lost.
        from eventstore.groups import applying

        before = applying.acknowledge_up_to

        def acknowledge(step, position, frame):
            for one in step.group.flight:
                position, frame = max(position, one.position), max(frame, one.frame)
            before(step, position, frame)

        applying.acknowledge_up_to = acknowledge
        """,
    "resumes_with_what_is_live": """
        # A subscription goes on with what is stored from now on, whatever its cursors say.
        from dataclasses import replace

        from eventstore_server.live_turns import LiveTurns

        before = LiveTurns.add

        def add(self, subscription, starts):
            ends = [(number, replace(one, position=max(one.position, one.end))) for number, one in starts]
            before(self, subscription, ends)

        LiveTurns.add = add
        """,
    "leaves_the_dead_in_their_place": """
        # Nobody removes the members of an instance that has died.
        from eventstore_server.cluster import Cluster

        Cluster._bury = lambda self: None
        """,
    "loses_frames_for_other_instances": """
        # Every tenth message to the instance that holds a member's connection is lost.
        from itertools import count

        from eventstore_server.cluster import Cluster

        before, numbers = Cluster.send_parts, count(1)

        def send_parts(self, instance, batches):
            if next(numbers) % 10:
                before(self, instance, batches)

        Cluster.send_parts = send_parts
        """,
    "skips_a_client_now_and_then": """
        # A client that is skipped is not disconnected.
        from itertools import count

        from eventstore_server.websocket_session import WebSocketSession

        before, numbers = WebSocketSession.deliver, count(1)

        def deliver(self, part, address):
            if next(numbers) % 100:
                before(self, part, address)

        WebSocketSession.deliver = deliver
        """,
    "reports_no_removals": """
        # What was removed before a subscription came to it is passed over in silence.
        from eventstore.live import catch_up

        catch_up.add_losses = lambda *arguments, **options: {}
        """,
    "ignores_conditions": """
        # A publish is stored wherever its stream ends.
        from eventstore.write.publisher import Publisher

        before = Publisher.publish

        def publish(self, *arguments, **options):
            options.pop("expected", None)
            return before(self, *arguments, **options)

        Publisher.publish = publish
        """,
    "works_without_a_lease": """
        # Whoever wants a partition takes its turns, and commits them.
        from eventstore.adapters.redis import scripts

        before = scripts._text

        def text(name):
            source = before(name)
            if name == "dispatch/commit":
                return source.replace(b"if fields[1] ~= token then return -1 end", b"")
            return source.replace(b"local instance = ARGV[8]", b"local instance = ARGV[8] dispatcher = nil")

        scripts._text = text
        """,
}

MUTANTS = tuple(_SOURCES)
"""The names of the faults."""


@contextmanager
def at_work(name: str) -> Iterator[Mapping[str, str]]:
    """The environment of instances that have the fault.

    Args:
        name: One of `MUTANTS`.
    """
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        Path(folder, "sitecustomize.py").write_text(dedent(_SOURCES[name]), encoding="utf-8")
        yield {"PYTHONPATH": os.pathsep.join([folder, *sys.path])}
