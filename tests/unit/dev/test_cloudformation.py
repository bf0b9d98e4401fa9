from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_dev.cloudformation import Document
from eventstore_dev.template_file import TemplateError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
Parameters:
  Name: {Type: String, Default: hub}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
Conditions:
  IsHub: !Equals [!Ref Name, hub]
  IsNot: !Not [!Condition IsHub]
  Both: !And [!Condition IsHub, !Condition IsNot]
  Either: !Or [!Condition IsHub, !Condition IsNot]
Mappings:
  Sizes: {hub: {small: 1}}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Fifo: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Called: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${Name}-jobs"}}
  Worker: {Type: AWS::Serverless::Function, Properties: {AutoPublishAlias: live}}
"""


def document(folder: Path, text: str, **parameters: str) -> Document:
    path = folder / "template.yaml"
    path.write_text(textwrap.dedent(text))
    return Document.read(path, parameters=parameters)


def value_of(folder: Path, expression: str, **parameters: str) -> Any:  # noqa: ANN401 - whatever it comes to
    read = document(folder, f"{HEAD}  It: {{Type: A::B::C, Properties: {{Value: {expression}}}}}", **parameters)
    return read.resolve(read.resources["It"].properties["Value"], at="It.Value")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("plain", "plain"),
        ("!Ref Name", "hub"),
        ("{Ref: Name}", "hub"),
        ("!Ref Names", ["a", "b"]),
        ("!Ref Queue", "https://sqs.us-east-1.amazonaws.com/123456789012/Queue"),
        ("!Ref Fifo", "https://sqs.us-east-1.amazonaws.com/123456789012/Fifo.fifo"),
        ("!GetAtt Called.QueueName", "hub-jobs"),
        ("!GetAtt Called.QueueUrl", "https://sqs.us-east-1.amazonaws.com/123456789012/hub-jobs"),
        ("!GetAtt Called.Arn", "arn:aws:sqs:us-east-1:123456789012:hub-jobs"),
        ("!Ref AWS::Region", "us-east-1"),
        ('!Sub "${Name}-${AWS::AccountId}"', "hub-123456789012"),
        ('!Sub "${Worker.Arn}"', "arn:aws:lambda:us-east-1:123456789012:function:Worker"),
        ("!Ref Worker.Alias", "arn:aws:lambda:us-east-1:123456789012:function:Worker:live"),
        ('!Sub "$${!Name}"', "$${Name}"),
        ('!Sub ["${Own}/${Name}", {Own: !Ref Worker}]', "Worker/hub"),
        ("!GetAtt Queue.Arn", "arn:aws:sqs:us-east-1:123456789012:Queue"),
        ("{'Fn::GetAtt': [Queue, Arn]}", "arn:aws:sqs:us-east-1:123456789012:Queue"),
        ('!Join ["-", [a, !Ref Name]]', "a-hub"),
        ('!Select [1, !Split ["/", "x/y"]]', "y"),
        ("!If [IsHub, yes it is, no]", "yes it is"),
        ("!If [IsNot, it is, 'no']", "no"),
        ("!If [Both, 1, !If [Either, 2, 3]]", 2),
        ("!FindInMap [Sizes, !Ref Name, small]", 1),
        ("[1, !Ref AWS::NoValue, 2]", [1, 2]),
        ("{a: !Ref AWS::NoValue, b: {c: !Ref Name}}", {"b": {"c": "hub"}}),
    ],
)
def test_a_value_is_resolved_as_cloudformation_does(tmp_path: Path, expression: str, value: object) -> None:
    assert value_of(tmp_path, expression) == value


def test_a_given_parameter_counts_before_its_default(tmp_path: Path) -> None:
    assert value_of(tmp_path, "!Ref Name", Name="mine") == "mine"


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("!Ref Nobody", "!Ref Nobody names no parameter and no resource"),
        ("!GetAtt Nobody.Arn", "names no resource"),
        ("!Ref Queue.Alias", "!Ref Queue.Alias, but Queue has no AutoPublishAlias"),
        ("!GetAtt Queue.Size", "knows only the attribute Arn, and of a queue QueueName and QueueUrl"),
        ("!ImportValue x", "Fn::ImportValue is not supported by the local stack; it knows Ref, "),
        ("!FindInMap [Sizes, hub, large]", "the mapping Sizes has no large"),
        ("!If [Nothing, 1, 2]", "there is no condition Nothing"),
        ("!Ref AWS::NoValue", "AWS::NoValue stands where a value is needed"),
    ],
)
def test_a_value_that_cannot_be_resolved_is_reported_with_its_place(
    tmp_path: Path, expression: str, complaint: str
) -> None:
    with pytest.raises(TemplateError, match=f"^(It.Value|Conditions).*{complaint}"):
        value_of(tmp_path, expression)


def test_a_resource_with_a_false_condition_is_absent(tmp_path: Path) -> None:
    read = document(tmp_path, f"{HEAD}  Gone: {{Type: A::B::C, Condition: IsNot}}")
    assert set(read.resources) == {"Called", "Fifo", "Queue", "Worker"}
