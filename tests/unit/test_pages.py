"""The statements of the pages agree with each other, with prices, with the template and with the tests."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from eventstore.hub.backends import CAPABILITIES, PROMISES, WITH_SETTING
from tests.pages.capacity import planned
from tests.pages.costs import monthly_of_functions, reckoned
from tests.pages.metrics import listed
from tests.pages.metrics import names as metric_names
from tests.pages.served import monthly, standing_of_server
from tests.pages.stacks import deployed_with, idle
from tests.pages.tables import numbers, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((_ROOT / "docs").rglob("*.md"))
_OPERATIONS = _ROOT / "docs/operations"
_STACKS = _ROOT / "infra/stacks"


@cache
def _text(page: Path) -> str:
    return page.read_text()


def _prose(page: Path) -> str:
    """A page without its code blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", _text(page), flags=re.DOTALL | re.MULTILINE)


@cache
def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub generates from headings."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def _links(page: Path) -> list[str]:
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)) if not re.match(r"https?://", link)]


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_links_have_existing_targets(page: Path) -> None:
    for link in _links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_tests_that_pages_name_exist(page: Path) -> None:
    tests = "\n".join(path.read_text() for path in (_ROOT / "tests").rglob("*.py"))
    for name in re.findall(r"`(test_\w+)`", _text(page)):
        assert f"def {name}(" in tests, name


def test_costs_follow_from_the_prices_and_assumptions_that_are_stated() -> None:
    page = _text(_OPERATIONS / "costs.md")
    assert reckoned(page) == page, "run python -m tests.pages"


def test_capacity_follows_from_the_same_assumptions() -> None:
    page, assumed = _text(_OPERATIONS / "capacity.md"), numbers(_text(_OPERATIONS / "costs.md"), "Assumptions")
    assert planned(page, assumed) == page, "run python -m tests.pages"


def test_the_metrics_of_the_server_are_those_of_its_code() -> None:
    page = _text(_OPERATIONS / "server.md")
    assert listed(page) == page, "run python -m tests.pages"


def test_alert_rules_ask_for_metrics_that_exist() -> None:
    page = _text(_OPERATIONS / "server.md")
    [rules] = [
        block for block in re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE) if "alert:" in block
    ]
    expressions = [rule["expr"] for group in yaml.safe_load(rules)["groups"] for rule in group["rules"]]
    asked = {name for expression in expressions for name in re.findall(r"\b(?:eventstore|process)_\w+", expression)}
    assert asked
    assert asked <= metric_names()


def test_a_price_that_changes_changes_the_costs() -> None:
    page = _text(_OPERATIONS / "costs.md")
    dearer = page.replace("| a million WebSocket messages | 1.00 |", "| a million WebSocket messages | 2.00 |")
    [before], [after] = (
        [
            float(cells[2].replace(",", ""))
            for cells in rows(text, "What a million events cost")
            if "WebSocket" in cells[0]
        ]
        for text in (page, reckoned(dearer))
    )
    assert after == 2 * before


def test_a_trial_costs_less_than_thirty_dollars_a_month() -> None:
    monthly = numbers(_text(_OPERATIONS / "costs.md"), "What there is to pay every month")
    assert monthly["a whole stack, `trial`"] < 30
    assert monthly["a whole stack, `trial`"] < monthly["a whole stack, `dev`"] / 10


@pytest.mark.parametrize("parameter", ["Cache", "SqsEndpointZones", "SnapStart", "Alarms"])
def test_each_parameter_by_which_a_trial_saves_is_needed(parameter: str) -> None:
    page = _text(_OPERATIONS / "costs.md")
    prices, assumed = numbers(page, "Prices"), numbers(page, "Assumptions")
    trial = deployed_with("trial")
    without = {**trial, parameter: deployed_with()[parameter]}
    assert idle(without, prices, assumed) > idle(trial, prices, assumed) + 5


def test_tasks_of_the_server_are_as_the_template_has_them() -> None:
    assumed = numbers(_text(_OPERATIONS / "costs.md"), "Assumptions")
    parameters = _template()["Parameters"]
    assert assumed["the server: memory of a task, MB"] == int(parameters["ServerMemory"]["Default"])
    assert assumed["the server: connections of a task"] == int(parameters["ServerConnections"]["Default"])
    scaling = _yaml(_STACKS / "server.yaml")["Resources"]["ScalingByProcessor"]["Properties"]
    target = int(scaling["TargetTrackingScalingPolicyConfiguration"]["TargetValue"])
    assert assumed["the server: a task is busy, at most"] == target / 100


def test_the_page_says_what_an_idle_server_costs_and_from_when_on_it_is_the_cheaper_way() -> None:
    page = _text(_OPERATIONS / "costs.md")
    prices, assumed = numbers(page, "Prices"), numbers(page, "Assumptions")
    [stated] = re.findall(r"The server costs some (\d+) dollars a month", page)
    assert sum(standing_of_server(prices, assumed).values()) == pytest.approx(float(stated), rel=0.05)
    # Events a second, with one subscriber and with a hundred.
    for rate, subscribers, cheaper in (
        (4, 1, "functions"),
        (6, 1, "server"),
        (0.3, 100, "functions"),
        (0.5, 100, "server"),
    ):
        by_server = monthly(rate, subscribers, prices, assumed)
        by_functions = monthly_of_functions(rate, subscribers, prices, assumed)
        assert min((by_server, "server"), (by_functions, "functions"))[1] == cheaper, (rate, subscribers)


def test_every_page_states_the_same_monthly_costs() -> None:
    monthly = numbers(_text(_OPERATIONS / "costs.md"), "What there is to pay every month")
    stated = dict(zip(("trial", "dev", "prod"), _stated_monthly_costs(), strict=True))
    for name, dollars in stated.items():
        assert dollars == pytest.approx(monthly[f"a whole stack, `{name}`"], rel=0.05), name


def _stated_monthly_costs() -> list[float]:
    """The monthly costs in docs/operations.md for trial, dev and prod."""
    [cells] = [
        cells for cells in rows(_text(_ROOT / "docs/operations.md"), "Deploying") if cells[0].startswith("a month")
    ]
    return [float(re.findall(r"\d+", cell)[0]) for cell in cells[1:]]


def test_memory_of_functions_is_that_of_the_template() -> None:
    template = _template()
    assumed = numbers(_text(_OPERATIONS / "costs.md"), "Assumptions")
    memories = {
        name: _memory(template, f"{name}Function") for name in ("Rest", "WebSocket", "Dispatch", "Deliver", "Sweep")
    }
    assert assumed["memory of push, MB"] == _memory(template, "PushFunction")
    for name in ("Rest", "Dispatch", "Deliver", "Sweep"):
        assert assumed[f"memory of {name.lower()}, MB"] == memories[name]
    assert assumed["memory of all functions with SnapStart, MB"] == sum(memories.values())


def test_alarms_are_counted_by_their_metrics() -> None:
    resources = _yaml(_STACKS / "alarms.yaml")["Resources"].values()
    # The default: a cluster, IAM, no archive, no journal, no targets and no server.
    others = {"Archives", "Authorizes", "Journaled", "Pushes", "Serverless", "Serves"}
    every = [one for one in resources if one["Type"] == "AWS::CloudWatch::Alarm"]
    alarms = [one for one in every if one.get("Condition") not in others]
    assumed = numbers(_text(_OPERATIONS / "costs.md"), "Assumptions")
    assert assumed["metrics that the alarms watch"] == sum(_watched(alarms))
    assert f"the {len(alarms)} alarms of a cluster of two nodes" in _text(_OPERATIONS / "costs.md")
    of_rules = [one for one in every if one.get("Condition") == "Pushes"]
    assert assumed["metrics that the alarms of rules watch"] == sum(_watched(of_rules))
    assert f"the {len(of_rules)} alarms that are there if rules" in _text(_OPERATIONS / "costs.md")
    of_server = [one for one in every if one.get("Condition") == "Serves"]
    assert assumed["metrics that the alarms of the server watch"] == sum(_watched(of_server))
    assert f"the {len(of_server)} alarms that are there if the server" in _text(_OPERATIONS / "costs.md")


def _watched(alarms: list[dict[str, Any]]) -> list[int]:
    return [
        # A query watches one metric of each node that there is.
        max(1, sum("MetricStat" in metric for metric in alarm["Properties"].get("Metrics", ())))
        * (2 if alarm.get("Condition") == "Clustered" else 1)
        for alarm in alarms
    ]


def test_every_parameter_of_the_template_is_documented() -> None:
    template = _template()
    documented = {
        name for cells in rows(_text(_ROOT / "docs/operations.md"), "Parameters") for name in _quoted(cells[0])
    }
    assert documented == template["Parameters"].keys()


def test_every_alarm_has_a_place_in_the_runbook_and_nothing_else_has() -> None:
    stack = _yaml(_STACKS / "alarms.yaml")
    alarms = {name for name, resource in stack["Resources"].items() if resource["Type"] == "AWS::CloudWatch::Alarm"}
    headings = re.findall(r"^## (.+)$", _text(_OPERATIONS / "runbook.md"), re.MULTILINE)
    assert set(headings) - {"First"} == alarms
    assert len(headings) == len(set(headings))


def test_every_log_that_pages_name_is_created() -> None:
    templates = [_template(), *map(_yaml, _STACKS.glob("*.yaml"))]
    resources = (resource for template in templates for resource in template["Resources"].values())
    made = {
        resource["Properties"]["LogGroupName"] for resource in resources if resource["Type"] == "AWS::Logs::LogGroup"
    }
    suffixes = {name.partition("}/")[2] for name in made}
    documented = {name for page in _PAGES for name in re.findall(r"/flunq-eventstore/\$STACK/([a-z/]+)", _text(page))}
    assert documented
    assert documented <= suffixes


def test_every_dependency_has_a_reason_and_nothing_else_has() -> None:
    declared = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    groups = [*declared["project"]["optional-dependencies"].values(), *declared["dependency-groups"].values()]
    groups += [declared["project"]["dependencies"], declared["build-system"]["requires"]]
    client = tomllib.loads((_ROOT / "layers/client/pyproject.toml").read_text())["project"]
    groups += [client["dependencies"], *client["optional-dependencies"].values()]
    needed = {re.split(r"[^\w-]", requirement)[0] for group in groups for requirement in group} - {"flunq-eventstore"}
    page = _text(_ROOT / "docs/decisions/003-dependencies.md")
    documented = {name for cells in rows(page, "003. What we depend on, and why") for name in cells[0].split(", ")}
    # An extra of another dependency is documented where it has its own reason.
    assert documented - {"hiredis"} == needed


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def _template() -> dict[str, Any]:
    return _yaml(_ROOT / "template.yaml")


def _yaml(page: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(_text(page), Loader=_Loader)  # noqa: S506 - it makes strings of what it does not know
    return read


def _memory(template: Mapping[str, Any], function: str) -> int:
    memory = (
        template["Resources"][function]["Properties"].get("MemorySize") or template["Globals"]["Function"]["MemorySize"]
    )
    return int(template["Parameters"][memory]["Default"] if isinstance(memory, str) else memory)


class _Loader(yaml.SafeLoader):
    """Reads the tags of CloudFormation as their text, or as nothing."""


def _tagged(_: yaml.SafeLoader, __: str, node: yaml.Node) -> object:
    return node.value if isinstance(node, yaml.ScalarNode) else None


_Loader.add_multi_constructor("!", _tagged)


def test_the_table_of_backends_is_what_the_hub_publishes() -> None:
    page = (_ROOT / "docs" / "backends.md").read_text()
    for name, text in PROMISES.items():
        kept = " | ".join(_kept(backend, name) for backend in ("redis", "nats", "kafka"))
        assert f"| `{name}`: {text} | {kept} |" in page


def _kept(backend: str, promise: str) -> str:
    if setting := WITH_SETTING.get((backend, promise)):
        return f"with `{setting}`"
    return "yes" if CAPABILITIES[backend][promise] else "no"
