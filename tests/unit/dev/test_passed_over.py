from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore_dev.template import Template

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """
Globals:
  Function: {Tracing: Active}
Conditions:
  Never: !Equals [a, b]
Rules: {Two: {Assertions: []}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: code, Handler: app.run, Role: "arn:aws:iam::1:role/r", Description: d, Tags: {a: b}}
  One: {Type: AWS::Logs::LogGroup}
  Two: {Type: AWS::Logs::LogGroup}
  Three: {Type: AWS::Logs::LogGroup, Condition: Never}
  Role: {Type: AWS::IAM::Role}
"""


def lines(folder: Path, text: str, *, verbose: bool = False) -> list[str]:
    (folder / "code").mkdir()
    (folder / "template.yaml").write_text(text)
    return list(Template.read(folder / "template.yaml").passed_over.lines(verbose=verbose))


def test_every_ignored_property_is_reported(tmp_path: Path) -> None:
    assert lines(tmp_path, TEXT) == [
        "Passed over, sections: Rules",
        "Passed over, resources: 1 AWS::IAM::Role, 2 AWS::Logs::LogGroup",
        "Passed over, properties: Role, Tracing of AWS::Serverless::Function",
    ]


def test_resources_are_listed_in_verbose_mode(tmp_path: Path) -> None:
    named = "Passed over, resources: AWS::IAM::Role (Role), AWS::Logs::LogGroup (One, Two)"
    assert lines(tmp_path, TEXT, verbose=True)[1] == named


def test_a_fully_emulated_template_reports_nothing(tmp_path: Path) -> None:
    assert lines(tmp_path, "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1}}}") == []
