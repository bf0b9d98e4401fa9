from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING

import pytest
import urllib3

from eventstore_dev.running import running
from eventstore_dev.terminal import Terminal
from tests.e2e.dev.conftest import LIMITS, TEMPLATE, Running, wait_until
from tests.e2e.dev.queues import sqs_client
from tests.e2e.dev.sockets import ask, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project that a test may change."""
    return shutil.copytree(TEMPLATE.parent, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture
def dev(project: Path) -> Iterator[Running]:
    written = io.StringIO()
    terminal = Terminal(stream=written)
    with (
        running(project / "template.yaml", limits=LIMITS, terminal=terminal, watching=True) as stack,
        urllib3.PoolManager(retries=False) as http,
    ):
        yield Running(stack, written, http)


def replace(file: Path, old: str, new: str) -> None:
    """Save like an editor: write a temporary file, then replace the original."""
    text = file.read_text()
    assert old in text
    beside = file.with_suffix(".new")
    beside.write_text(text.replace(old, new))
    beside.replace(file)


def test_a_changed_handler_serves_the_next_requests(dev: Running, project: Path) -> None:
    assert dev.call("GET", "/items").status == 200
    replace(project / "functions" / "proxy.py", '"statusCode": 200', '"statusCode": 203')
    wait_until(lambda: dev.call("GET", "/items").status == 203, what="the new handler")
    assert "Reloaded" in dev.written.getvalue()


def test_a_changed_layer_is_reloaded(dev: Running, project: Path) -> None:
    replace(project / "layer" / "python" / "from_layer.py", "layer", "another layer")
    wait_until(lambda: dev.invoke("Behaviour", {"do": "describe"}).json()["layer"] == "another layer", what="the layer")


def test_a_new_route_of_the_template_is_served(dev: Running, project: Path) -> None:
    assert dev.call("GET", "/things").status == 403
    replace(project / "template.yaml", "Path: /items}", "Path: /things}")
    wait_until(lambda: dev.call("GET", "/things").status == 200, what="the new route")


def test_connections_stay_open_and_use_the_new_routes(dev: Running, project: Path) -> None:
    with client(dev) as connection:
        assert ask(connection, {"verb": "describe"}) == {"verb": "describe"}
        replace(project / "template.yaml", "$request.body.action", "$request.body.verb")
        wait_until(lambda: "requestContext" in ask(connection, {"verb": "describe"}), what="the new routes")


def test_a_new_default_of_a_parameter_reaches_the_function(dev: Running, project: Path) -> None:
    replace(project / "template.yaml", "Default: hello", "Default: goodbye")

    def greeting() -> str:
        description: dict[str, dict[str, str]] = dev.invoke("Behaviour", {"do": "describe"}).json()
        return description["environment"]["GREETING"]

    wait_until(lambda: greeting() == "goodbye", what="the new default")


def test_a_template_with_a_fault_changes_nothing(dev: Running, project: Path) -> None:
    replace(project / "template.yaml", "Handler: proxy.handler", "Handler: proxy")
    wait_until(lambda: "The template is not reloaded: Proxy.Handler" in dev.written.getvalue(), what="the complaint")
    assert dev.call("GET", "/items").status == 200


def test_a_request_under_way_ends_in_the_process_it_began_in(dev: Running, project: Path, tmp_path: Path) -> None:
    go = tmp_path / "go"
    dev.invoke("Behaviour", {"do": "wait", "file": str(go)}, X_Amz_Invocation_Type="Event")
    before = dev.stack.pids
    replace(project / "functions" / "behaviour.py", "def _do(", "def _done() -> None: ...\n\n\ndef _do(")
    wait_until(lambda: "Reloaded" in dev.written.getvalue(), what="the reload")
    assert set(before) & set(dev.stack.pids)
    go.touch()
    wait_until(lambda: not set(before) & set(dev.stack.pids), what="the old processes to end")
    assert "failed" not in dev.written.getvalue()


def test_a_new_queue_and_its_mapping_are_loaded(dev: Running, project: Path, tmp_path: Path) -> None:
    new = """
  Added:
    Type: AWS::SQS::Queue

  Worker:"""
    mapping = "Events:\n        Added: {Type: SQS, Properties: {Queue: !GetAtt Added.Arn}}\n        Orders:"
    with sqs_client(dev.stack.url) as sqs:
        replace(project / "template.yaml", "\n  Worker:", new)
        replace(project / "template.yaml", "Events:\n        Orders:", mapping)
        wait_until(lambda: any(url.endswith("/Added") for url in sqs.list_queues()["QueueUrls"]), what="the queue")
        notes = tmp_path / "notes"
        url = sqs.get_queue_url(QueueName="Added")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"file": str(notes), "say": "x"}))
        wait_until(notes.exists, what="the message")


def test_a_removed_mapping_stops_polling(dev: Running, project: Path) -> None:
    with sqs_client(dev.stack.url) as sqs:
        url = sqs.get_queue_url(QueueName="Mail")["QueueUrl"]
        text = (project / "template.yaml").read_text()
        line = next(line for line in text.splitlines() if line.strip().startswith("Mail: {Type: SQS"))
        replace(project / "template.yaml", line + "\n", "")
        wait_until(lambda: "Reloaded" in dev.written.getvalue(), what="the template")
        sqs.send_message(QueueUrl=url, MessageBody="kept")
        assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"] == "kept"
