"""The soak of durable subscriptions: members and targets misbehave, events are poisoned, and faults strike the hub."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.e2e.struck import proved, setting
from tests.transcripts.calls import Reply
from tests.transcripts.group_soak import group_soak
from tests.transcripts.http_binding import MODES, HttpBinding
from tests.transcripts.lambda_binding import LambdaBinding
from tests.transcripts.member_group import MemberSettings
from tests.transcripts.target_group import TargetSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from tests.e2e.durables import StruckGroups, StruckServerGroups
    from tests.ports import ReservedPort
    from tests.transcripts.calls import Target
    from tests.transcripts.evidence import Evidence
    from tests.transcripts.membership import Group
    from tests.transcripts.violation import Violation

__all__ = ["ACCOUNT", "prove_groups"]

ACCOUNT = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "eu-west-1"}
"""Of no account: with what calls of Lambda are signed."""

_EVENTS = 1_500


def prove_groups(
    struck: StruckGroups | StruckServerGroups,
    *,
    lambda_port: ReservedPort,
    http_port: ReservedPort,
    seed: int,
    folder: Path,
    processes: Sequence[str],
    pauses: bool,
    restarts: int | None = None,
    excused: Collection[Callable[[Evidence], Iterator[Violation]]] = (),
) -> None:
    """Run the soak, and prove that every event is handled in order, or parked and redriven.

    Args:
        struck: The hub.
        lambda_port: Where the hub finds the API of Lambda.
        http_port: Where the hub finds a URL.
        seed: Decides on everything.
        folder: Where a transcript is kept that fails.
        processes: What faults may end.
        pauses: Whether processes hang, too.
        restarts: How often the cache is struck; None goes by the number of events.
        excused: Rules that do not count.
    """
    events = setting("SOAK_EVENTS", _EVENTS)
    mode = Random(f"{seed} mode").choice(MODES)
    absences, kills = max(events // 750, 2), max(events // 400, 4)
    # The number of strikes grows with the number of events.
    transcript = proved(
        group_soak(
            struck,
            MemberSettings(comings=max(events // 300, 4)),
            TargetSettings(binding=LambdaBinding(), port=lambda_port, absences=absences),
            # A URL refuses events for good, so each one that fails parks its stream.
            TargetSettings(
                binding=HttpBinding(mode),
                port=http_port,
                poisoned=0.003,
                failing=0.0,
                mishaps=0.04,
                absences=absences,
                refuses=True,
            ),
            seed=seed,
            events=events,
            streams=max(events // 33, 10),
            processes=processes,
            kills=kills,
            pauses=kills if pauses else 0,
            restarts=max(events // 5_000, 1) if restarts is None else restarts,
            deadline=max(events / 5, 900),
        ),
        seed=seed,
        folder=folder,
        excused=excused,
    )
    assert struck.kills
    for group in transcript.groups:
        assert group.redriven
        assert not group.parked
    workers, functions, urls = transcript.groups
    assert sum(len(member.sessions) for member in workers.members) > len(workers.members)
    assert _target(urls).absences
    if events >= _EVENTS:
        # A shorter run has too few calls to draw everything.
        assert _replies(functions) == set(Reply) - {Reply.REFUSED}
        assert _replies(urls) == set(Reply) - {Reply.FAILED}


def _target(group: Group) -> Target:
    assert group.target is not None
    return group.target


def _replies(group: Group) -> set[Reply]:
    """How the target of a group answered."""
    return {call.reply for call in _target(group).calls}
