"""A template with features that the stack does not emulate is refused by name, unless they are allowed."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import urllib3

from eventstore_dev.configuration import Configuration
from eventstore_dev.running import running
from eventstore_dev.unsupported import Kind, UnsupportedError
from tests.e2e.dev.conftest import LIMITS, TEMPLATE
from tests.e2e.dev.test_command import command, refused, said, url_of

if TYPE_CHECKING:
    from pathlib import Path

UNSUPPORTED = TEMPLATE.parent / "unsupported.yaml"
_EVENTS = ["Proxy.Events.Http: events of the type HttpApi", "Proxy.Events.News: ", "Proxy.Events.Rows: "]
_AUTH = [
    "Keyed.Auth.ApiKeyRequired: API keys",
    "Keyed.Auth.DefaultAuthorizer: Users",
    "Keyed.Auth.ResourcePolicy: ",
    "Proxy.Events.Signed.Auth.Authorizer: AWS_IAM",
]
_FUNCTION = "AWS::Serverless::Function"
_RUNTIMES = ["Script.Runtime: nodejs22.x does not run", "Image.PackageType: "]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = shutil.copytree(TEMPLATE.parent, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "unsupported.yaml").replace(folder / "template.yaml")
    return folder


def allowing(*kinds: Kind) -> Configuration:
    return Configuration(allow_unsupported=frozenset(kinds))


def test_every_unsupported_feature_is_reported_at_once(project: Path) -> None:
    message = refused(project, "--port", "0")
    for line in (*_EVENTS, *_AUTH, *_RUNTIMES):
        assert f"\n  {line}" in message
    assert "--allow-unsupported auth,events,runtimes" in message


@pytest.mark.parametrize(
    ("kind", "rest"),
    [(Kind.EVENTS, [*_AUTH, *_RUNTIMES]), (Kind.AUTH, [*_EVENTS, *_RUNTIMES]), (Kind.RUNTIMES, [*_EVENTS, *_AUTH])],
)
def test_allowing_one_kind_allows_no_other(kind: Kind, rest: list[str]) -> None:
    with pytest.raises(UnsupportedError) as error, running(UNSUPPORTED, configuration=allowing(kind)):
        pass
    lines = str(error.value).splitlines()[1:-1]
    assert len(lines) == len(rest)
    assert all(any(line.strip().startswith(named) for line in lines) for named in rest)


def test_an_allowed_feature_is_reported_and_the_rest_is_served(project: Path) -> None:
    arguments = ["--port", "0", "--allow-unsupported", "auth,events", "--allow-unsupported", "runtimes", "--verbose"]
    with command(project, *arguments) as (process, first):
        assert process.stdout is not None
        lines = [first.rstrip()]
        while not lines[-1].startswith("Ready: "):
            lines.append(process.stdout.readline().rstrip())
        for named in (*_EVENTS, *_AUTH, *_RUNTIMES):
            assert any(line.startswith(f"Let through: {named}") for line in lines)
        assert lines[:3] == [
            "Passed over, sections: Outputs",
            "Passed over, resources: AWS::DynamoDB::Table (Table), AWS::Logs::LogGroup (Log)",
            f"Passed over, properties: TracingEnabled of AWS::Serverless::Api; ImageUri, Tracing of {_FUNCTION}",
        ]
        with urllib3.PoolManager(retries=False) as http:
            statuses = {
                path: http.request("GET", f"{url_of(lines[-1])}{path}").status
                for path in ("/public", "/signed", "/http", "/script")
            }
            assert statuses == {"/public": 200, "/signed": 200, "/http": 403, "/script": 403}
            invoked = http.request("POST", f"{url_of(lines[-1])}/2015-03-31/functions/Script/invocations", body=b"{}")
            assert invoked.status == 404


def test_the_project_may_allow_unsupported_kinds(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.eventstore_dev]\nallow_unsupported = ["auth", "events", "runtimes"]\n'
    )
    with running(project / "template.yaml", limits=LIMITS) as stack:
        assert set(stack.template.functions) == {"Proxy"}


def test_an_unknown_kind_is_reported(project: Path) -> None:
    message = refused(project, "--port", "0", "--allow-unsupported", "everything")
    assert "--allow-unsupported is 'everything'; it must be one of auth, events, runtimes" in message


def test_a_template_that_becomes_unsupported_is_not_reloaded(project: Path) -> None:
    template = project / "template.yaml"
    whole = template.read_text()
    template.write_text(whole[: whole.index("  Keyed:")] + "Outputs: {}\n")
    with command(project, "--port", "0") as (process, line):
        assert line.startswith("Passed over")
        said(process, "Ready: ")
        template.write_text(whole)
        assert "The template is not reloaded: The template asks for" in said(process, "not reloaded")
