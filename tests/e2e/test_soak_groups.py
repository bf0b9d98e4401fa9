"""Members and targets of durable subscriptions misbehave, with poisoned events, while faults strike the hub.

Members crash, leave and join. Targets are slow, fail, answer for a part of a call or what makes no sense, ask to slow
down, vanish and come back, and are cut off or lose their caller between the work and the answer. What all of them
received, handled and answered is proved against the promises by `tests.transcripts`. `SOAK_SEED` and `SOAK_EVENTS` make
it another one; a transcript that fails is kept where the message says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.durables import StruckGroups, StruckServerGroups
from tests.e2e.endpoints import chosen
from tests.e2e.group_scenario import ACCOUNT, prove_groups
from tests.e2e.struck import struck_hub
from tests.e2e.struck_servers import INSTANCES, struck_servers
from tests.policies.judging import ANY_TARGET
from tests.transcripts.soak import FUNCTIONS, PUSH_FUNCTION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ports import ReservedPort


@pytest.fixture
def struck(seed: int, tmp_path: Path, lambda_port: ReservedPort) -> Iterator[StruckGroups | StruckServerGroups]:
    variables = {"LOOPBACK_TARGETS": "true", "AWS_ENDPOINT_URL_LAMBDA": lambda_port.url}
    folder = tmp_path / "valkey"
    if chosen() == "server":
        with struck_servers(seed, folder, StruckServerGroups, environment=variables | ACCOUNT) as servers:
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
    on_server = isinstance(struck, StruckServerGroups)
    prove_groups(
        struck,
        lambda_port=lambda_port,
        http_port=http_port,
        seed=seed,
        folder=tmp_path,
        processes=INSTANCES if on_server else (*FUNCTIONS, PUSH_FUNCTION),
        pauses=on_server,
    )
