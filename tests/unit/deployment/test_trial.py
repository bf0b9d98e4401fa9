"""The cheapest deployment: which resources `make deploy ENV=trial` creates."""

from __future__ import annotations

import re
from typing import Any

import pytest

from eventstore_dev.cloudformation import Document
from tests.pages.stacks import deployed_with
from tests.unit.deployment.templates import NESTED, OWN, ROOT

TRIAL = Document(OWN, path=ROOT / "template.yaml", parameters=dict(deployed_with("trial")))
END_OF_APPEND = Document(OWN, path=ROOT / "template.yaml", parameters={})


def settled(document: Document, name: str, *path: str | int) -> Any:  # noqa: ANN401 - whatever stands there
    node: Any = document.resources[name].properties
    for step in path:
        node = node[step]
    return document.resolve(node, at=name)


@pytest.mark.parametrize(("document", "applied"), [(TRIAL, "None"), (END_OF_APPEND, "PublishedVersions")])
def test_a_trial_pays_for_no_snapshots_of_functions(document: Document, applied: str) -> None:
    assert document.resolve(OWN["Globals"]["Function"]["SnapStart"], at="Globals") == {"ApplyOn": applied}


@pytest.mark.parametrize(("document", "metered"), [(TRIAL, False), (END_OF_APPEND, True)])
def test_a_trial_pays_for_no_metrics_of_routes(document: Document, metered: bool) -> None:  # noqa: FBT001 - a case
    assert settled(document, "RestApi", "MethodSettings", 0, "MetricsEnabled") is metered
    assert settled(document, "WebSocketStage", "DefaultRouteSettings", "DetailedMetricsEnabled") is metered


def test_a_trial_has_no_alarms_and_leaves_the_accounts_settings_alone() -> None:
    missing = END_OF_APPEND.resources.keys() - TRIAL.resources.keys()
    assert missing == {"Observing", "ApiLogsAccount", "ApiLogsRole", "RestAccessLogs", "WebSocketAccessLogs"}
    assert not [
        resource.name
        for resource in TRIAL.resources.values()
        if OWN["Resources"][resource.name].get("DeletionPolicy") == "Retain"
    ]


def test_a_trial_needs_no_concurrency_that_a_new_account_lacks() -> None:
    for function in ("DispatchFunction", "SweepFunction"):
        reserved = TRIAL.resources[function].properties["ReservedConcurrentExecutions"]
        assert TRIAL.optional(reserved, at=function) is None


def test_a_trials_functions_are_in_two_zones_for_its_cache_asks_for_two() -> None:
    given = settled(TRIAL, "Network", "Parameters", "AvailabilityZones")
    assert given == "2"
    assert "two availability zones at least" in NESTED["cache"]["Parameters"]["SubnetIds"]["Description"]


def test_samconfig_says_that_a_trial_is_not_durable() -> None:
    comment = re.search(r"((?:^#[^\n]*\n)+)\[trial\.", (ROOT / "samconfig.toml").read_text(), re.MULTILINE)
    assert comment is not None
    assert "promises no durability" in comment[1]
