from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.deployment.templates import NESTED, TEMPLATES, properties, resources

if TYPE_CHECKING:
    from collections.abc import Mapping

ALARMS = resources("AWS::CloudWatch::Alarm")
each_alarm = pytest.mark.parametrize(("name", "alarm"), ALARMS.items(), ids=ALARMS)


@each_alarm
def test_an_alarm_has_a_description_with_a_link_to_the_runbook(name: str, alarm: Mapping[str, Any]) -> None:
    assert alarm["AlarmDescription"].endswith(f'. Runbook: "{name}".')


@each_alarm
def test_an_alarm_notifies_when_it_begins_and_when_it_ends(name: str, alarm: Mapping[str, Any]) -> None:
    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Topic"}], name


@each_alarm
def test_missing_data_is_ok_except_of_a_sweep_and_of_tasks_that_do_not_run(name: str, alarm: Mapping[str, Any]) -> None:
    breaching = {"DispatchLag", "ServerTasksMissing"}
    assert alarm["TreatMissingData"] == ("breaching" if name in breaching else "notBreaching")


def test_the_dashboard_is_json_and_shows_existing_resources() -> None:
    body = properties("alarms", "Dashboard")["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) > 10
    names = {name.partition(".")[0] for name in re.findall(r"\$\{([^}]+)\}", body)} - {"AWS::Region"}
    assert names <= {*NESTED["alarms"]["Parameters"], *ALARMS}


def test_the_dashboard_shows_every_alarm_that_every_hub_has() -> None:
    body = properties("alarms", "Dashboard")["DashboardBody"]["Fn::Sub"]
    always = {name for name in ALARMS if "Condition" not in NESTED["alarms"]["Resources"][name]}
    assert {f"${{{name}.Arn}}" for name in always} == set(json.loads(body)["widgets"][0]["properties"]["alarms"])


def test_throttles_of_every_function_that_handles_events_raise_an_alarm() -> None:
    watching = ("FunctionThrottles", "AuthorizerThrottles", "PushFaults", "ArchiveFaults")
    alarms = json.dumps([properties("alarms", name) for name in watching])
    # The console is a page: nobody is woken when it is slow.
    functions = resources("AWS::Serverless::Function").keys() - {"ConsoleFunction"}
    assert set(re.findall(r'"Ref": "(\w+Function)"', alarms)) == functions


def test_with_iam_there_is_no_alarm_of_an_authorizer() -> None:
    function = properties("template", "Observing")["Parameters"]["AuthorizerFunction"]
    assert function == {"Fn::If": ["TokenAuth", {"Ref": "AuthorizerFunction"}, ""]}
    assert NESTED["alarms"]["Resources"]["AuthorizerThrottles"]["Condition"] == "Authorizes"


def test_a_hub_without_targets_has_no_alarms_of_pushes() -> None:
    parameter = properties("template", "Observing")["Parameters"]["PushFunction"]
    assert parameter == {"Fn::If": ["Pushes", {"Ref": "PushFunction"}, ""]}
    conditions = {name: NESTED["alarms"]["Resources"][name].get("Condition") for name in ALARMS}
    assert {name for name, condition in conditions.items() if condition == "Pushes"} == {
        *("OpenCircuits", "PushFaults", "PushesAge", "PushesFailed")
    }


def test_a_hub_without_an_archive_has_no_alarm_of_it() -> None:
    parameter = properties("template", "Observing")["Parameters"]["ArchiveFunction"]
    assert parameter == {"Fn::If": ["Archives", {"Ref": "ArchiveFunction"}, ""]}
    assert NESTED["alarms"]["Resources"]["ArchiveFaults"]["Condition"] == "Archives"


def test_a_hub_without_a_journal_has_no_alarm_of_its_index() -> None:
    assert properties("template", "Observing")["Parameters"]["Backend"] == {"Ref": "Backend"}
    allowed = {
        name: each["Parameters"]["Backend"]["AllowedValues"]
        for name, each in TEMPLATES.items()
        if "Backend" in each["Parameters"]
    }
    backends = ["redis", "nats", "kafka"]
    assert allowed == {"template": backends, "alarms": backends, "server": backends}
    assert NESTED["alarms"]["Conditions"]["Journaled"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Backend"}, "redis"]}]}
    conditions = {name: NESTED["alarms"]["Resources"][name].get("Condition") for name in ALARMS}
    assert {name for name, condition in conditions.items() if condition == "Journaled"} == {"DivergedPartitions"}


def test_a_hub_without_the_server_has_no_alarms_of_it() -> None:
    parameter = properties("template", "Observing")["Parameters"]["ServerService"]
    assert parameter == {"Fn::If": ["Serves", {"Fn::GetAtt": "Serving.Outputs.Service"}, ""]}
    conditions = {name: NESTED["alarms"]["Resources"][name].get("Condition") for name in ALARMS}
    assert {name for name, condition in conditions.items() if condition == "Serves"} == {
        *("ServerCpu", "ServerFaults", "ServerMemory", "ServerTasksMissing", "ServerUnhealthy")
    }
