from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from eventstore_client.cli.arguments import parser
from eventstore_client.cli.main import main
from eventstore_client.cli.signing_in import selected_credentials
from tests.functional.client.signatures import KEYS, Signed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.client.fake_hub import FakeHub, ReceivedRequest

SECRET = "tell-nobody"  # noqa: S105 - that is what it is called
EVENT = '{"specversion":"1.0","id":"1","source":"/s","type":"t","workflowid":"wf"}'


def run(hub: FakeHub, *arguments: str) -> int:
    return main(["publish", "--url", hub.url, "--patience", "1", *arguments, EVENT])


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (["--token", SECRET], "Authorization", f"Bearer {SECRET}"),
        (["--token-command", f"echo '  {SECRET}'"], "Authorization", f"Bearer {SECRET}"),
        (["--api-key", SECRET], "X-Api-Key", SECRET),
    ],
)
def test_an_option_names_the_credential(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], options: list[str], name: str, value: str
) -> None:
    assert run(hub, *options) == 0
    assert hub.received[0].headers[name] == value
    assert SECRET not in "".join(capsys.readouterr())


def test_an_option_counts_before_the_environment(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSTORE_API_KEY", "another")

    assert run(hub, "--token", SECRET) == 0
    assert "X-Api-Key" not in hub.received[0].headers


def test_the_environment_counts_without_options(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTSTORE_TOKEN", SECRET)

    assert run(hub) == 0
    assert hub.received[0].headers["Authorization"] == f"Bearer {SECRET}"


def test_an_option_turns_signing_on(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_key)
    monkeypatch.setenv("AWS_SESSION_TOKEN", str(KEYS.token))
    hub.guard = Signed(region="eu-north-1")

    assert run(hub, "--aws-iam", "--region", "eu-north-1") == 0


@pytest.mark.parametrize("options", [["--token", SECRET], ["--api-key", SECRET], []])
def test_a_refused_credential_is_reported_without_showing_it(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    hub.guard = lambda _: (401, "Unauthorized")

    assert run(hub, *options) == 1
    said = capsys.readouterr().err
    assert said.startswith("eventstore: Unauthorized; the request was sent with ")
    assert SECRET not in said


def test_a_token_command_runs_again_after_its_token_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    count = tmp_path / "count"
    command = f"{sys.executable} -c \"open('{count}', 'a').write('x'); print(len(open('{count}').read()))\""

    def guard(arrived: ReceivedRequest) -> tuple[int, str] | None:
        return None if arrived.headers["Authorization"] == "Bearer 2" else (401, "Unauthorized")

    hub.guard = guard
    assert run(hub, "--token-command", command) == 0
    assert count.read_text() == "xx"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (f"sh -c 'echo {SECRET}; exit 7'", "'sh' exited with code 7"),
        ("no-such-command", "cannot run the token command 'no-such-command'"),
        ("", "cannot run the token command"),
        ("true", "the bearer token is empty"),
    ],
)
def test_a_token_command_without_a_token_is_an_error(
    hub: FakeHub, capsys: pytest.CaptureFixture[str], command: str, reason: str
) -> None:
    assert run(hub, "--token-command", command) == 1
    said = capsys.readouterr().err
    assert reason in said
    assert SECRET not in said
    assert hub.received == []


def test_two_credentials_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["publish", "--token", SECRET, "--api-key", SECRET, EVENT])

    assert ended.value.code == 2
    assert SECRET not in capsys.readouterr().err


def test_without_an_option_the_environment_decides() -> None:
    assert selected_credentials(parser().parse_args(["read", "s"])) is None
