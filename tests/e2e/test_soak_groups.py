"""Members and targets of durable subscriptions misbehave, with poisoned events, while faults strike the hub.

Members crash, leave and join. Targets are slow, fail, answer for a part of a call or what makes no sense, ask to slow
down, vanish and come back, and are cut off or lose their caller between the work and the answer. What all of them
received, handled and answered is proved against the promises by `tests.transcripts`. `SOAK_SEED` and `SOAK_EVENTS` make
it another one; a transcript that fails is kept where the message says.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from tests.e2e.durables import StruckGroups, StruckServerGroups
from tests.e2e.endpoints import chosen
from tests.e2e.struck import proved, setting, struck_hub
from tests.e2e.struck_servers import INSTANCES, struck_servers
from tests.policies.judging import ANY_TARGET
from tests.transcripts.calls import Reply
from tests.transcripts.group_soak import group_soak
from tests.transcripts.http_binding import MODES, HttpBinding
from tests.transcripts.lambda_binding import LambdaBinding
from tests.transcripts.member_group import MemberSettings
from tests.transcripts.soak import FUNCTIONS, PUSH_FUNCTION
from tests.transcripts.target_group import TargetSettings
from tests.transcripts.target_server import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.transcripts.calls import Target
    from tests.transcripts.membership import Group

_EVENTS = 1_500
_ACCOUNT = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "eu-west-1"}
"""Of no account: with what calls of Lambda are signed."""


@pytest.fixture
def lambda_port() -> Iterator[ReservedPort]:
    """Where the hub finds the API of Lambda."""
    with ReservedPort() as port:
        yield port


@pytest.fixture
def http_port() -> Iterator[ReservedPort]:
    """Where the hub finds a URL."""
    with ReservedPort() as port:
        yield port


@pytest.fixture
def struck(seed: int, tmp_path: Path, lambda_port: ReservedPort) -> Iterator[StruckGroups | StruckServerGroups]:
    variables = {"LOOPBACK_TARGETS": "true", "AWS_ENDPOINT_URL_LAMBDA": lambda_port.url}
    folder = tmp_path / "valkey"
    if chosen() == "server":
        with struck_servers(seed, folder, StruckServerGroups, environment=variables | _ACCOUNT) as servers:
            yield servers
        return
    with struck_hub(seed, folder, StruckGroups, parameters=ANY_TARGET, variables=variables) as hub:
        yield hub


@pytest.mark.needs("faults")
def test_every_event_is_handled_in_order_or_parked_and_redriven(
    struck: StruckGroups | StruckServerGroups,
    lambda_port: ReservedPort,
    http_port: ReservedPort,
    seed: int,
    tmp_path: Path,
) -> None:
    events = setting("SOAK_EVENTS", _EVENTS)
    mode = Random(f"{seed} mode").choice(MODES)
    absences, kills = max(events // 750, 2), max(events // 400, 4)
    on_server = isinstance(struck, StruckServerGroups)
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
            processes=INSTANCES if on_server else (*FUNCTIONS, PUSH_FUNCTION),
            kills=kills,
            pauses=kills if on_server else 0,
            restarts=max(events // 5_000, 1),
            deadline=max(events / 5, 900),
        ),
        seed=seed,
        folder=tmp_path,
    )
    assert struck.kills
    for group in transcript.groups:
        assert group.redriven
        assert not group.parked
    workers, functions, urls = transcript.groups
    assert sum(len(member.sessions) for member in workers.members) > len(workers.members)
    assert target(urls).absences
    if events >= _EVENTS:
        # A shorter run has too few calls to draw everything.
        assert replies(functions) == set(Reply) - {Reply.REFUSED}
        assert replies(urls) == set(Reply) - {Reply.FAILED}


def target(group: Group) -> Target:
    assert group.target is not None
    return group.target


def replies(group: Group) -> set[Reply]:
    """How the target of a group answered."""
    return {call.reply for call in target(group).calls}
