"""What commands say if something is wrong: in the words of the command line, and safe for a terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eventstore_client import EventStore, NotFound
from eventstore_client.cli.main import main

if TYPE_CHECKING:
    from tests.functional.client.fake_hub import FakeHub

EVENT = '{"specversion":"1.0","id":"%s","source":"/s","type":"t","data":%s}'
ESCAPES = "\x1b[2J\x9b31m\x7f"
"""Clears a terminal, and changes its colour, by an 8-bit code, too (ECMA-48, 5.4)."""


class Shell:
    def __init__(self, store: EventStore, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = store
        self._capsys = capsys

    def fail(self, *arguments: str, code: int = 1) -> str:
        """The standard error of a command that fails."""
        assert main([*arguments, "--url", str(self.store.url), "--patience", "1"]) == code
        return self._capsys.readouterr().err

    def run(self, *arguments: str) -> str:
        """The standard output of a command."""
        assert main([*arguments, "--url", str(self.store.url), "--patience", "1"]) == 0
        return self._capsys.readouterr().out


@pytest.fixture
def shell(rest_hub: EventStore, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(rest_hub, capsys)


class TestWords:
    @pytest.mark.parametrize(
        ("arguments", "advice"),
        [
            (["subscriptions", "show", "s"], "create it with `eventstore subscriptions create`"),
            (["filters", "show", "f"], "create it with `eventstore filters put`"),
            (["schemas", "delete", "t"], "store one with `eventstore schemas put`"),
            (["connections", "close", "c"], "`eventstore connections list` lists open connections"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_is_not_there_is_created_by_a_command(self, shell: Shell, arguments: list[str], advice: str) -> None:
        assert advice in shell.fail(*arguments)

    def test_json_errors_have_the_same_words_and_the_problem_of_the_hub(self, shell: Shell) -> None:
        error = json.loads(shell.fail("subscriptions", "show", "s", "--output", "json"))

        assert "`eventstore subscriptions create`" in error["detail"]
        assert "POST /api/v1/subscriptions" in error["problem"]["detail"]

    def test_a_subscription_with_another_definition_is_changed_by_a_command(self, shell: Shell) -> None:
        shell.run("subscriptions", "create", "s")

        error = shell.fail("subscriptions", "create", "s", "--type", "t")

        assert "change it with `eventstore subscriptions change`, or choose another name" in error

    def test_the_pointer_to_the_data_that_violate_a_schema_is_named(self, shell: Shell) -> None:
        schema = {"properties": {"amount": {"type": "number"}}}
        shell.store.schemas.put("t", schema, enforce=True)

        assert "'x' is not of type 'number' (at /data/amount) (invalid-event" in shell.fail(
            "publish", EVENT % ("1", '{"amount":"x"}')
        )

    @pytest.mark.parametrize("command", [["schemas", "put", "t", "-"], ["filters", "put", "t", "--type", "t"]])
    def test_an_etag_has_no_quotes_and_is_taken_with_and_without(
        self, shell: Shell, command: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Input:
            @staticmethod
            def read() -> bytes:
                return b"{}"

        monkeypatch.setattr("eventstore_client.cli.schema_commands.standard_input", lambda _: Input)
        etag = json.loads(shell.run(*command, "--output", "json"))["etag"]
        assert '"' not in etag

        assert json.loads(shell.run(*command, "--expected", etag, "--output", "json"))["etag"] == etag
        shell.run(command[0], "delete", "t", "--expected", f'"{etag}"')

    def test_an_etag_that_is_none_is_named_by_its_option(self, shell: Shell) -> None:
        shell.run("filters", "put", "f", "--type", "t")

        assert "--expected must be an etag, as `show` prints it" in shell.fail(
            "filters", "delete", "f", "--expected", 'a"b'
        )


class TestFilters:
    def test_a_filter_is_stored_shown_listed_and_deleted(self, shell: Shell) -> None:
        stored = json.loads(shell.run("filters", "put", "f", "--type", "order.*", "--new", "--output", "json"))

        assert stored["filters"] == [{"any": [{"prefix": {"type": "order."}}]}]
        assert json.loads(shell.run("filters", "show", "f", "--output", "json")) == stored
        assert [each["id"] for each in json.loads(shell.run("filters", "list", "--output", "json"))] == ["f"]
        assert shell.run("filters", "list", "--prefix", "g", "--output", "json") == "[]\n"
        assert "order." in shell.run("filters", "list")
        assert shell.run("filters", "delete", "f") == ""
        with pytest.raises(NotFound):
            shell.store.filters.get("f")

    def test_a_filter_that_changed_is_neither_replaced_nor_deleted(self, shell: Shell) -> None:
        etag = json.loads(shell.run("filters", "put", "f", "--type", "a", "--output", "json"))["etag"]
        shell.run("filters", "put", "f", "--type", "b")

        assert "wrong-filter-version" in shell.fail("filters", "put", "f", "--type", "c", "--expected", etag)
        assert "wrong-filter-version" in shell.fail("filters", "put", "f", "--type", "c", "--new")
        assert "wrong-filter-version" in shell.fail("filters", "delete", "f", "--expected", etag)

    def test_a_filter_that_a_subscription_names_is_not_deleted(self, shell: Shell) -> None:
        shell.run("filters", "put", "f", "--filter", "type = 'a'")
        shell.run("subscriptions", "create", "s", "--filter-name", "f")

        assert "durable subscription 's' names filter 'f'" in shell.fail("filters", "delete", "f")

    def test_a_filter_must_be_given_and_may_match_all_events(self, shell: Shell) -> None:
        assert "one of the arguments --type --filter --filters is required" in shell.fail("filters", "put", "f", code=2)
        assert json.loads(shell.run("filters", "put", "f", "--filters", "[]", "--output", "json"))["filters"] == []


class TestTerminals:
    def test_an_error_of_the_hub_has_no_control_characters(
        self, hub: FakeHub, capsys: pytest.CaptureFixture[str]
    ) -> None:
        hub.guard = lambda _: (422, f"x{ESCAPES}")

        assert main(["publish", EVENT % ("1", "1"), "--url", hub.url, "--patience", "1"]) == 1

        assert "x\\u001b[2J\\u009b31m\\u007f" in capsys.readouterr().err

    @pytest.mark.parametrize("command", ["read", "search", "get"])
    def test_events_are_printed_with_escapes_that_json_has(self, shell: Shell, command: str) -> None:
        shell.store.publish([EVENT % ("1", json.dumps("\x9b31m\x7f", ensure_ascii=False))], stream="s")

        printed = shell.run(*{"read": ["read", "s"], "search": ["search"], "get": ["get", "1"]}[command])

        assert '"\\u009b31m\\u007f"' in printed
        assert json.loads(printed)["data"] == "\x9b31m\x7f"

    @pytest.mark.parametrize("output", ["json", "ndjson", "table"])
    def test_what_the_hub_describes_is_printed_with_escapes(self, shell: Shell, output: str) -> None:
        shell.store.streams.create("s", labels={"team": "\x9b31m"})

        for action in (["show", "s"], ["list"]):
            printed = shell.run("streams", *action, "--output", output)
            assert "\\u009b31m" in printed
            assert "\x9b" not in printed


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            (["tail", "--count", "-5"], "argument --count: must be 1 or more, not -5"),
            (["stats", "--patience", "-1"], "argument --patience: must be 0 or more, not -1"),
            (["streams", "delete", "s", "--expected", "-3"], "argument --expected: must be 0 or more, not -3"),
            (["stats", "--patience", "1.5"], "argument --patience: must be an integer, not '1.5'"),
            (["read", "s", "--outp", "json"], "unrecognized arguments: --outp json; did you mean --output?"),
            (["stats", "--out=json"], "unrecognized arguments: --out=json; did you mean --output?"),
            (["dead-letters", "show", "s", "--outpu", "json"], "--outpu; did you mean --output?"),
            (["publish", "{}", "--exp", "1"], "unrecognized arguments: --exp 1; did you mean --expected?"),
            (["work", "w", "--exe", "./handle.sh"], "--exe ./handle.sh; did you mean --exec?"),
            (["search", "--workf", "w"], "unrecognized arguments: --workf w; did you mean --workflow?"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_is_wrong_and_what_is_meant_are_named(
        self, arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(arguments)

        assert ended.value.code == 2
        assert error in capsys.readouterr().err

    def test_an_option_of_the_command_that_work_runs_is_not_that_of_work(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            main(["work", "--exec", "./handle.sh", "--outpu", "x"])

        assert "error: the following arguments are required: NAME" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "arguments",
        [
            ["stats", "--url", "ftp://x"],
            ["read", "s", "--url", "127.0.0.1:8081"],
            ["tail", "--url", "hub"],
            ["load", "f", "--url", "http://"],
        ],
    )
    def test_what_is_no_address_is_wrong_usage(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(arguments) == 2

        error = f"{arguments[-1]!r} is not an HTTP address such as http://127.0.0.1:8081 (--url)"
        assert capsys.readouterr().err == f"eventstore: {error}\n"

    def test_the_place_of_what_is_no_address_is_named(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("EVENTSTORE_URL", "hub")

        assert main(["stats"]) == 2
        assert "'hub' is not an HTTP address such as http://127.0.0.1:8081 (EVENTSTORE_URL)" in capsys.readouterr().err

    def test_what_is_no_websocket_address_is_wrong_usage(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["tail", "--url", "http://127.0.0.1:9", "--websocket-url", "http://x"]) == 2
        assert "'http://x' is not a WebSocket address" in capsys.readouterr().err
