"""`eventstore rules`, `schemas`, `replay` and `stats --watch`, on a real hub."""

from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client import Invalid, NotFound, WrongVersion
from eventstore_client.cli.main import main
from eventstore_client.cli.styles import PLAIN, Style
from eventstore_client.cli.watching import screen
from tests.fresh import reread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eventstore_client import EventStore
    from tests.functional.rest.workers import Workers

SCHEMA = {"type": "object", "required": ["amount"]}
HTTP = "http://127.0.0.1:9/orders"


class Shell:
    def __init__(self, store: EventStore, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = store
        self._capsys = capsys

    def run(self, *arguments: str, code: int = 0) -> str:
        """The standard output of a command; its standard error if it fails."""
        assert main([*arguments, "--url", str(self.store.url), "--patience", "1"]) == code
        printed = self._capsys.readouterr()
        return printed.err if code else printed.out

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON value
        return json.loads(self.run(*arguments, "--output", "json"))


@pytest.fixture
def shell(rest_hub: EventStore, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(rest_hub, capsys)


@pytest.fixture
def pushing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A hub that pushes to any target."""
    monkeypatch.setenv("TARGETS", "*")
    monkeypatch.setenv("PUSHES_QUEUE_URL", "http://q/pushes.fifo")
    monkeypatch.setenv("LOOPBACK_TARGETS", "true")
    reread()
    return shell


class TestRules:
    def test_a_rule_is_created_shown_changed_replayed_and_deleted(self, pushing: Shell) -> None:
        created = pushing.json(
            "rules", "create", "orders", "--http", HTTP, "--type", "order.*", "--header", "X-Team: a:b"
        )
        assert created["target"] == {
            "http": HTTP,
            "batch": 1,
            "concurrency": 5,
            "mode": "structured",
            "headers": {"X-Team": "***"},
        }
        assert created["filters"] == [{"any": [{"prefix": {"type": "order."}}]}]

        changed = pushing.json("rules", "change", "orders", "--concurrency", "7", "--max-attempts", "2")
        assert (changed["target"]["concurrency"], changed["target"]["http"], changed["max_attempts"]) == (7, HTTP, 2)
        assert changed["filters"] == created["filters"]
        assert pushing.json("rules", "show", "orders")["target"] == changed["target"]
        assert len(pushing.json("rules", "replay", "orders", "--from", "start")["partitions"]) > 0
        assert pushing.json("rules", "delete", "orders") == {"id": "orders", "deleted": True}
        assert pushing.json("rules", "list") == []

    def test_a_target_can_be_json(self, pushing: Shell) -> None:
        target = json.dumps({"http": HTTP, "mode": "binary"})

        assert pushing.json("rules", "create", "r", "--target", target)["target"]["mode"] == "binary"

    def test_the_list_has_rules_alone(self, pushing: Shell) -> None:
        pushing.store.subscriptions.create("workers")
        pushing.run("rules", "create", "orders", "--http", HTTP)

        assert [rule["id"] for rule in pushing.json("rules", "list")] == ["orders"]
        assert "orders" in pushing.run("rules", "list")

    @pytest.mark.parametrize("command", [["show"], ["delete"], ["change", "--batch", "2"], ["replay", "--from", "now"]])
    def test_a_subscription_with_members_is_no_rule(self, shell: Shell, command: list[str]) -> None:
        shell.store.subscriptions.create("workers")
        action, *rest = command

        assert "'workers' is no rule: it has no target" in shell.run("rules", action, "workers", *rest, code=1)
        assert shell.store.subscriptions.get("workers").definition.name == "workers"

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ([], "one of the arguments --lambda --sqs --eventbridge --http --target is required"),
            (["--http", HTTP, "--sqs", "x"], "not allowed with argument"),
            (["--http", HTTP, "--header", "none"], "must be NAME: VALUE"),
            (["--target", "[]"], "must be a JSON object"),
        ],
    )
    def test_a_target_that_is_invalid_is_wrong_usage(
        self, options: list[str], reason: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["rules", "create", "r", *options])

        assert ended.value.code == 2
        assert reason in capsys.readouterr().err


def test_replay_moves_a_subscription(shell: Shell, workers: Workers) -> None:
    shell.store.publish([{"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}], stream="a")
    shell.store.subscriptions.create("workers")
    assert shell.store.subscriptions.get("workers").lag == 0

    moved = shell.json("replay", "workers", "--from", "start")
    workers.settle()

    assert moved == {"id": "workers", "partitions": [0, 1, 2, 3]}
    assert shell.store.subscriptions.get("workers").lag == 1


class TestSchemas:
    def test_a_schema_is_stored_shown_and_deleted(self, shell: Shell, tmp_path: Path) -> None:
        (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))

        stored = shell.json("schemas", "put", "order.placed", str(tmp_path / "schema.json"), "--enforce")

        assert (stored["schema"], stored["enforce"], stored["version"]) == (SCHEMA, True, 1)
        assert json.loads(shell.run("schemas", "show", "order.placed")) == stored
        assert shell.json("schemas", "list", "--prefix", "order.")[0]["type"] == "order.placed"
        assert "order.placed" in shell.run("schemas", "list", "--prefix", "order.")
        assert shell.run("schemas", "delete", "order.placed", "--expected", stored["etag"]) == ""
        assert "schema-not-found" in shell.run("schemas", "show", "order.placed", code=1)

    def test_the_hub_enforces_it(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(json.dumps(SCHEMA).encode())))
        shell.run("schemas", "put", "order.placed", "-", "--enforce")
        event = '{"specversion":"1.0","id":"1","source":"/s","type":"order.placed","data":{}}'

        assert "invalid-event" in shell.run("publish", event, code=1)

    def test_the_schema_of_the_catalogue_is_enforced_without_a_file(self, shell: Shell) -> None:
        stored = shell.json("schemas", "put", "io.flunq.task.completed", "--enforce")

        assert (stored["origin"], stored["enforce"]) == ("stored", True)
        assert shell.json("schemas", "show", "task.completed")["type"] == "io.flunq.task.completed"

    def test_a_schema_that_changed_is_not_replaced(self, shell: Shell, tmp_path: Path) -> None:
        file = tmp_path / "schema.json"
        file.write_text(json.dumps(SCHEMA))
        etag = shell.json("schemas", "put", "t", str(file), "--new")["etag"]
        shell.run("schemas", "put", "t", str(file), "--enforce")

        assert "wrong-schema-version" in shell.run("schemas", "put", "t", str(file), "--expected", etag, code=1)
        assert "wrong-schema-version" in shell.run("schemas", "put", "t", str(file), "--new", code=1)

    @pytest.mark.parametrize(
        ("content", "reason"), [("{", "is not JSON"), ("[]", "is a JSON object"), (None, "cannot be read")]
    )
    def test_a_file_that_is_no_schema_is_named(
        self, shell: Shell, tmp_path: Path, content: str | None, reason: str
    ) -> None:
        file = tmp_path / "schema.json"
        if content is not None:
            file.write_text(content)

        error = shell.run("schemas", "put", "t", str(file), code=1)

        assert f"{file}: " in error
        assert reason in error

    def test_the_client_has_the_calls(self, rest_hub: EventStore) -> None:
        stored = rest_hub.schemas.put("order.placed", SCHEMA, enforce=True, new=True)

        assert rest_hub.schemas.get("order.placed") == stored
        assert (stored.is_enforced, stored.origin, stored.version) == (True, "stored", 1)
        assert [schema.type for schema in rest_hub.schemas.list(prefix="order.", page=1)] == ["order.placed"]
        assert len([*rest_hub.schemas.list(page=10)]) > 30
        with pytest.raises(WrongVersion):
            rest_hub.schemas.delete("order.placed", expected='"other"')
        with pytest.raises(Invalid):
            rest_hub.schemas.put("order.placed", {"type": 7})
        rest_hub.schemas.delete("order.placed", expected=stored.etag)
        with pytest.raises(NotFound):
            rest_hub.schemas.get("order.placed")


class TestWatching:
    STATS = {  # noqa: RUF012 - the test does not change it
        "time": "2026-01-05T09:00:00.000+00:00",
        "partitions": 16,
        "backend": {"name": "redis", "lag": 3},
        "streams": 2,
        "appends": 100,
        "newest": None,
        "subscriptions": [
            {"id": "a", "members": 1, "lag": 0, "in_flight": 0, "held": 0, "parked": 0, "oldest_age": None},
            {"id": "b", "members": 0, "lag": 7, "in_flight": 0, "held": 0, "parked": 0, "oldest_age": 1.5},
            {"id": "c", "members": 0, "lag": 7, "in_flight": 0, "held": 0, "parked": 1, "oldest_age": 1.5},
        ],
    }

    def test_each_time_is_a_line(self, shell: Shell) -> None:
        lines = shell.run("stats", "--watch", "1", "--count", "2", "--output", "ndjson").splitlines()

        first, second = map(json.loads, lines)
        assert first["partitions"] == second["partitions"]
        assert first["time"] < second["time"]

    def test_the_times_are_one_array(self, shell: Shell) -> None:
        assert len(json.loads(shell.run("stats", "--watch", "1", "--count", "2", "--output", "json"))) == 2

    def test_an_array_is_complete_after_a_signal(self, shell: Shell) -> None:
        command = ["stats", "--watch", "1", "--output", "json", "--url", str(shell.store.url)]
        with subprocess.Popen(
            [sys.executable, "-m", "eventstore_client", *command],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline() + process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=20)

        assert process.returncode == 0
        assert len(json.loads(first + rest)) >= 1

    def test_the_screen_shows_rates_and_what_waits(self) -> None:
        later = {**self.STATS, "time": "2026-01-05T09:00:02.000+00:00", "appends": 150}

        time, head, _, columns, _, *rows = screen(later, self.STATS, style=PLAIN)

        assert time == later["time"]
        assert head.endswith("appends 150  newest None  appends/s 25.0  index lag 3")
        assert columns.split()[:4] == ["id", "members", "lag", "in_flight"]
        assert [row.split()[:3] for row in rows] == [["a", "1", "0"], ["b", "0", "7"], ["c", "0", "7"]]

    def test_what_is_parked_is_red_and_what_waits_is_yellow(self) -> None:
        rows = screen(self.STATS, None, style=Style(has_colours=True))[5:]

        assert [row[:5] for row in rows] == ["a   1", "\x1b[33m", "\x1b[31m"]

    def test_removed_appends_are_no_negative_rate(self) -> None:
        earlier = {**self.STATS, "time": "2026-01-05T08:59:58.000+00:00", "appends": 500}

        assert "appends/s 0.0" in screen(self.STATS, earlier, style=PLAIN)[1]

    def test_a_terminal_shows_a_screen_and_is_restored(self, shell: Shell) -> None:
        shell.store.subscriptions.create("workers")
        printed = "".join(on_terminal("stats", "--watch", "1", "--count", "2", "--url", str(shell.store.url)))

        assert printed.startswith("\x1b[?1049h\x1b[?25l\x1b[H")
        assert printed.endswith("\x1b[?25h\x1b[?1049l")
        assert printed.count("\x1b[J") == 2
        assert "workers" in printed


def on_terminal(*command: str) -> Iterator[str]:
    ours, theirs = pty.openpty()
    subprocess.run(
        [sys.executable, "-m", "eventstore_client", *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"},
        stdout=theirs,
        check=True,
    )
    os.close(theirs)
    yield os.read(ours, 65_536).decode()
    os.close(ours)
