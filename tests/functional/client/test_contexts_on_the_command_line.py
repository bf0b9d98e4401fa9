"""`eventstore context`, and which hub and credentials a command uses."""

from __future__ import annotations

import json
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client.cli.arguments import parser
from eventstore_client.cli.contexts import Context, contexts_path, load_contexts, updating_contexts
from eventstore_client.cli.main import main
from eventstore_client.cli.targets import Target, target_of
from eventstore_client.credentials import ApiKey, Bearer, Outgoing
from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    from tests.functional.client.fake_hub import FakeHub

SECRET = "tell-nobody"  # noqa: S105 - that is what it is called
EVENT = '{"specversion":"1.0","id":"1","source":"/s","type":"t","workflowid":"wf"}'
PROD = "https://hub.example.com"


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "WEBSOCKET_URL", "TOKEN", "API_KEY", "CONTEXT"):
        monkeypatch.delenv(f"EVENTSTORE_{name}", raising=False)
    monkeypatch.delenv("PORT", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config/eventstore/contexts.json"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    return file


def context(*arguments: str) -> int:
    return main(["context", *arguments])


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:  # noqa: ANN401 - any JSON value
    assert context(*arguments, "--output", "json") == 0
    return json.loads(capsys.readouterr().out)


def target(*options: str, **environment: str) -> Target:
    import os  # noqa: PLC0415 - the environment of the test

    return target_of(parser().parse(["read", "wf", *options]), {**os.environ, **environment})


class TestCommands:
    def test_a_context_is_added_used_shown_and_removed(self, capsys: pytest.CaptureFixture[str], path: Path) -> None:
        assert context("add", "prod", "--url", PROD, "--websocket-url", "wss://ws.example.com/live") == 0
        assert capsys.readouterr().err == "eventstore: added; `eventstore context use prod` uses it\n"
        assert context("use", "prod") == 0

        prod = {"name": "prod", "current": True, "url": PROD, "websocket_url": "wss://ws.example.com/live"}
        assert shown(capsys, "show") == {**prod, "credentials": ""}
        assert shown(capsys, "list") == [{**prod, "credentials": ""}]

        assert context("use", "--none") == 0
        assert shown(capsys, "show", "prod")["current"] is False
        assert shown(capsys, "list")[0]["current"] is False
        assert context("remove", "prod") == 0
        assert load_contexts(path).by_name == {}

    def test_the_table_marks_the_context_in_use(self, capsys: pytest.CaptureFixture[str]) -> None:
        context("add", "dev", "--url", "http://127.0.0.1:8081")
        context("add", "prod", "--url", PROD, "--use")
        capsys.readouterr()

        context("list")

        rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:]]
        assert rows == [["dev", "http://127.0.0.1:8081"], ["*", "prod", PROD]]

    def test_only_the_user_reads_the_file(self, path: Path) -> None:
        context("add", "prod", "--url", PROD)

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    def test_the_mode_is_that_also_if_the_file_had_another(self, path: Path) -> None:
        context("add", "prod", "--url", PROD)
        path.chmod(0o644)
        context("use", "prod")

        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_no_secret_is_stored_or_printed(
        self, capsys: pytest.CaptureFixture[str], path: Path, token_file: Path
    ) -> None:
        context("add", "file", "--url", PROD, "--token-file", str(token_file))
        context("add", "command", "--url", PROD, "--token-command", f"vault read {SECRET}-place")
        listed = shown(capsys, "list")

        assert [row["credentials"] for row in listed] == ["token of the command vault", f"token of {token_file}"]
        assert SECRET not in path.read_text().replace(f"{SECRET}-place", "")

    def test_a_file_of_credentials_is_stored_with_its_folder(
        self, token_file: Path, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(token_file.parent)

        context("add", "prod", "--url", PROD, "--api-key-file", "token")

        assert load_contexts(path).by_name["prod"].api_key_file == str(token_file)

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["add", "prod", "--url", "ftp://x"], "'ftp://x' is not an HTTP address"),
            (["add", "prod", "--url", PROD, "--websocket-url", "http://x"], "is not a WebSocket address"),
            (["add", "prod", "--url", f"https://me:{SECRET}@x"], "contains a user or a password"),
            (["add", "a b", "--url", PROD], "'a b' is no name of a context"),
            (["add", "prod", "--url", PROD, "--token-file", "nowhere"], "nowhere: cannot be read"),
            (["add", "there", "--url", PROD], "there is a context 'there'; --replace replaces it"),
            (["add", "prod", "--url", PROD, "--token-command", "echo it's"], "is invalid: No closing quotation"),
            (["use", "theer"], "no context 'theer'; did you mean there? (contexts: there)"),
            (["remove", "x"], "no context 'x' (contexts: there)"),
            (["show"], "no context is in use"),
        ],
        ids=str,
    )
    def test_what_is_invalid_is_named(
        self, capsys: pytest.CaptureFixture[str], path: Path, arguments: list[str], reason: str
    ) -> None:
        context("add", "there", "--url", PROD)
        before = path.read_bytes()
        capsys.readouterr()

        assert context(*arguments) == 1

        printed = capsys.readouterr().err
        assert reason in printed
        assert SECRET not in printed
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("", "is no file of contexts: "),
            ("[]", "is no file of contexts: "),
            ('{"contexts": {"a": {}}}', "context 'a': "),
            ('{"contexts": {"a": {"url": "http://x", "secret": "s"}}}', "context 'a': unknown member 'secret'"),
            ('{"contexts": {"a": {"url": 7}}}', "context 'a': all members but aws_iam must be text"),
        ],
    )
    def test_a_file_that_is_invalid_is_named_and_kept(
        self, capsys: pytest.CaptureFixture[str], path: Path, content: str, reason: str
    ) -> None:
        path.parent.mkdir(parents=True)
        path.write_text(content)

        assert context("add", "prod", "--url", PROD) == 1
        assert main(["read", "wf"]) == 1

        for line in capsys.readouterr().err.splitlines():
            assert f"{path}: " in line
            assert reason in line
        assert path.read_text() == content

    def test_a_link_to_the_file_remains(self, path: Path, tmp_path: Path) -> None:
        path.parent.mkdir(parents=True)
        (tmp_path / "dotfiles.json").write_text('{"contexts": {}}')
        path.symlink_to(tmp_path / "dotfiles.json")

        context("add", "prod", "--url", PROD)

        assert path.is_symlink()
        assert load_contexts(tmp_path / "dotfiles.json").by_name.keys() == {"prod"}

    def test_updates_at_the_same_time_lose_nothing(self, path: Path) -> None:
        threads = [threading.Thread(target=context, args=("add", f"c{n}", "--url", PROD)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert load_contexts(path).by_name.keys() == {f"c{n}" for n in range(16)}
        assert [child.name for child in path.parent.iterdir()] == ["contexts.json"]

    def test_an_update_that_fails_leaves_the_file(self, path: Path) -> None:
        context("add", "prod", "--url", PROD)
        before = path.read_bytes()

        with suppress(BadInput), updating_contexts(path) as contexts:
            contexts[0] = contexts[0].with_context("x", Context(url=PROD))
            raise BadInput(["stop"])

        assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"XDG_CONFIG_HOME": "/etc/xdg"}, "/etc/xdg"),
        ({"XDG_CONFIG_HOME": "relative"}, "/home/me/.config"),
        ({}, "/home/me/.config"),
    ],
)
def test_the_file_is_in_the_folder_of_configurations(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert contexts_path(variables) == Path(folder, "eventstore/contexts.json")


class TestPrecedence:
    @pytest.fixture(autouse=True)
    def contexts(self, token_file: Path) -> None:
        context("add", "prod", "--url", PROD, "--websocket-url", "wss://ws.example.com/live", "--use")
        context("add", "dev", "--url", "http://127.0.0.1:1", "--token-file", str(token_file))

    @pytest.mark.parametrize(
        ("options", "variables", "url", "source"),
        [
            (["--url", "http://o"], {"EVENTSTORE_URL": "http://e"}, "http://o", "--url"),
            (["--context", "dev"], {"EVENTSTORE_URL": "http://e"}, "http://127.0.0.1:1", "context dev"),
            ([], {"EVENTSTORE_URL": "http://e", "EVENTSTORE_CONTEXT": "dev"}, "http://e", "EVENTSTORE_URL"),
            ([], {"EVENTSTORE_CONTEXT": "dev", "PORT": "9000"}, "http://127.0.0.1:1", "context dev"),
            ([], {"PORT": "9000", "EVENTSTORE_URL": ""}, PROD, "context prod"),
        ],
        ids=str,
    )
    def test_the_address_is_the_first_that_is_there(
        self, options: list[str], variables: dict[str, str], url: str, source: str
    ) -> None:
        chosen = target(*options, **variables)

        assert (chosen.url, chosen.source) == (url, source)

    def test_without_a_context_the_port_names_a_hub_of_this_machine(self) -> None:
        context("use", "--none")

        assert target(PORT="9000").url == "http://127.0.0.1:9000"
        assert target().url == "http://127.0.0.1:8081"

    @pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "٣"])
    def test_a_port_that_is_none_is_named(self, port: str) -> None:
        context("use", "--none")

        with pytest.raises(BadInput, match=f"PORT is '{port}'"):
            target(PORT=port)

    def test_a_websocket_address_belongs_to_its_hub(self) -> None:
        other = {"EVENTSTORE_WEBSOCKET_URL": "wss://e/live"}

        assert target(**other).websocket_url == "wss://ws.example.com/live"
        assert target("--context", "dev", **other).websocket_url is None
        assert target("--url", "http://o", **other).websocket_url is None
        assert target(EVENTSTORE_URL="http://e", **other).websocket_url == "wss://e/live"

    def test_credentials_of_a_context_are_for_its_address_alone(self) -> None:
        assert target(EVENTSTORE_CONTEXT="dev").credentials is not None
        assert target("--url", "http://o", EVENTSTORE_CONTEXT="dev").credentials is None
        assert target(EVENTSTORE_URL="http://e", EVENTSTORE_CONTEXT="dev").credentials is None

    def test_credentials_of_options_and_then_of_the_environment_come_first(self) -> None:
        other = {"EVENTSTORE_TOKEN": "t"}

        assert target("--api-key", "k", EVENTSTORE_CONTEXT="dev", **other).credentials == ApiKey("k")
        assert target(EVENTSTORE_CONTEXT="dev", **other).credentials is None
        assert isinstance(target("--context", "dev", **other).credentials, Bearer)

    def test_credentials_of_the_environment_without_an_address_are_not_for_the_context_in_use(self) -> None:
        context("use", "dev")
        other = {"EVENTSTORE_TOKEN": "t"}
        assert target().url == "http://127.0.0.1:1"
        assert target(**other).url == "http://127.0.0.1:8081"
        assert target(**other, EVENTSTORE_CONTEXT="dev").url == "http://127.0.0.1:1"

    def test_a_token_is_read_again_when_it_is_renewed(self, token_file: Path) -> None:
        credentials = target(EVENTSTORE_CONTEXT="dev").credentials
        assert credentials is not None
        request = Outgoing("GET", PROD)
        assert credentials.headers(request) == {"Authorization": f"Bearer {SECRET}"}
        token_file.write_text("newer")

        assert credentials.headers(request, anew=True) == {"Authorization": "Bearer newer"}


def test_a_command_uses_the_hub_and_the_credentials_of_a_context(
    hub: FakeHub, token_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    context("add", "here", "--url", hub.url, "--api-key-file", str(token_file))

    assert main(["publish", EVENT, "--context", "here"]) == 0

    assert hub.received[0].headers["X-Api-Key"] == SECRET
    assert SECRET not in "".join(capsys.readouterr())


def test_a_context_without_credentials_that_an_option_selects_is_sent_none_of_the_environment(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    context("add", "here", "--url", hub.url)
    monkeypatch.setenv("EVENTSTORE_TOKEN", SECRET)

    assert main(["publish", EVENT, "--context", "here"]) == 0

    assert not {"Authorization", "X-Api-Key"} & hub.received[0].headers.keys()
    assert os.environ["EVENTSTORE_TOKEN"] == SECRET


def test_a_context_in_use_that_is_no_name_is_none(path: Path) -> None:
    context("add", "prod", "--url", PROD)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"current": []}))

    assert load_contexts(path).current is None


def test_a_command_uses_the_hub_at_the_port(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", hub.url.rpartition(":")[2])

    assert main(["publish", EVENT]) == 0
    assert set(hub.streams) == {"wf"}


@pytest.mark.parametrize(("option", "name"), [("--token-file", "Authorization"), ("--api-key-file", "X-Api-Key")])
def test_a_file_has_the_credential_of_one_command(hub: FakeHub, token_file: Path, option: str, name: str) -> None:
    assert main(["publish", EVENT, "--url", hub.url, option, str(token_file)]) == 0
    assert hub.received[0].headers[name].endswith(SECRET)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "is empty"), (b"\xff\xfe", "is not a file of text"), (None, "cannot be read")]
)
def test_a_file_without_a_credential_is_named(
    hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, reason: str
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    assert main(["publish", EVENT, "--url", hub.url, "--token-file", str(file)]) == 1
    assert f"{file}: {reason}" in capsys.readouterr().err
    assert hub.received == []
