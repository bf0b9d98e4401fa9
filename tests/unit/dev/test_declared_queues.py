from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_dev.template import Template, TemplateError

if TYPE_CHECKING:
    from pathlib import Path

FIFO = "Type: AWS::SQS::Queue, Properties: {QueueName: jobs.fifo, FifoQueue: true"
PLAIN = "Type: AWS::SQS::Queue"


def read(folder: Path, resources: str, event: str = "") -> Template:
    (folder / "code").mkdir(exist_ok=True)
    path = folder / "template.yaml"
    events = f", Events: {{E: {{Type: SQS, Properties: {{{event}}}}}}}" if event else ""
    function = f"  F: {{Type: AWS::Serverless::Function, Properties: {{CodeUri: code, Handler: a.b{events}}}}}\n"
    path.write_text(f"Resources:\n{function}{resources}")
    return Template.read(path)


def test_a_queue_has_what_the_template_says(tmp_path: Path) -> None:
    dead = "  Dead: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}\n"
    policy = "RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}"
    queue = read(tmp_path, f"{dead}  Jobs: {{{FIFO}, VisibilityTimeout: 60, {policy}}}}}\n").queues["Jobs"]
    assert (queue.name, queue.fifo, queue.visibility_timeout) == ("jobs.fifo", True, 60)
    assert dict(queue.attributes) == {"FifoQueue": "true", "VisibilityTimeout": "60"}
    assert (queue.dead_letters, queue.max_receive_count) == ("Dead.fifo", 3)


def test_a_mapping_has_lambdas_defaults(tmp_path: Path) -> None:
    (mapping,) = read(tmp_path, f"  Jobs: {{{FIFO}}}}}\n", "Queue: !GetAtt Jobs.Arn").mappings
    assert (mapping.function, mapping.queue, mapping.batch_size) == ("F", "jobs.fifo", 10)
    assert (mapping.window, mapping.partial, mapping.concurrency, mapping.enabled) == (0, False, None, True)


def test_a_mapping_has_what_the_template_says(tmp_path: Path) -> None:
    mapping_text = (
        "Queue: !GetAtt Jobs.Arn, BatchSize: 500, MaximumBatchingWindowInSeconds: 2, Enabled: false, "
        "FunctionResponseTypes: [ReportBatchItemFailures], ScalingConfig: {MaximumConcurrency: 4}"
    )
    (mapping,) = read(tmp_path, f"  Jobs: {{{PLAIN}}}\n", mapping_text).mappings
    assert (mapping.batch_size, mapping.window, mapping.partial) == (500, 2, True)
    assert (mapping.concurrency, mapping.enabled) == (4, False)


@pytest.mark.parametrize(
    ("resources", "event", "complaint"),
    [
        ("  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q, FifoQueue: true}}\n", "", "must end in .fifo"),
        ("  Q: {Type: AWS::SQS::Queue, Properties: {QueueName: q.fifo}}\n", "", "must end in .fifo"),
        (f"  Q: {{{PLAIN}, Properties: {{DeduplicationScope: queue}}}}\n", "", "is for FIFO queues only"),
        (f"  Q: {{{FIFO}, RedrivePolicy: {{maxReceiveCount: 1}}}}}}\n", "", "deadLetterTargetArn and maxReceiveCount"),
        (
            f"  Q: {{{FIFO}, RedrivePolicy: {{maxReceiveCount: 1, deadLetterTargetArn: 'a:b'}}}}}}\n",
            "",
            "names b, no queue of this template",
        ),
        (
            (
                f"  D: {{{PLAIN}}}\n"
                f"  Q: {{{FIFO}, RedrivePolicy: {{maxReceiveCount: 1, deadLetterTargetArn: !GetAtt D.Arn}}}}}}\n"
            ),
            "",
            "the dead letters of a FIFO queue need a FIFO queue",
        ),
        (f"  Q: {{{PLAIN}}}\n", "Queue: elsewhere", "must be the Arn of a queue of this template"),
        (
            f"  Q: {{{PLAIN}, Properties: {{VisibilityTimeout: 2}}}}\n",
            "Queue: !GetAtt Q.Arn",
            "the visibility timeout of Q, 2 s, must not be less than the function's Timeout, 3 s",
        ),
        (f"  Q: {{{FIFO}}}}}\n", "Queue: !GetAtt Q.Arn, MaximumBatchingWindowInSeconds: 1", "not allowed for a FIFO"),
        (f"  Q: {{{FIFO}}}}}\n", "Queue: !GetAtt Q.Arn, BatchSize: 11", "BatchSize is 11; it must be from 1 to 10"),
        (f"  Q: {{{PLAIN}}}\n", "Queue: !GetAtt Q.Arn, BatchSize: 11", "BatchSize is 11; it must be from 1 to 10"),
        (f"  Q: {{{PLAIN}}}\n", "Queue: !GetAtt Q.Arn, FunctionResponseTypes: [All]", "knows only ReportBatch"),
        (f"  Q: {{{PLAIN}}}\n", "Queue: !GetAtt Q.Arn, ScalingConfig: {MaximumConcurrency: 1}", "from 2 to 1000"),
    ],
)
def test_a_queue_that_aws_would_refuse_is_refused(tmp_path: Path, resources: str, event: str, complaint: str) -> None:
    with pytest.raises(TemplateError, match=complaint):
        read(tmp_path, resources, event)
