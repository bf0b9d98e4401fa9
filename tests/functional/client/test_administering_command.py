"""`eventstore get`, `search`, `streams`, `subscriptions`, `dead-letters`, `connections` and `stats`, on a real hub."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client.cli.main import main
from eventstore_client.cli.standings import lag_of

if TYPE_CHECKING:
    from eventstore_client import EventStore
    from tests.functional.rest.workers import Workers

EVENT = '{"specversion":"1.0","id":"%s","source":"/s","type":"order.%s","workflowid":"%s","data":{"n": 1e400}}'


class CommandLine:
    """Runs commands on one hub."""

    def __init__(self, store: EventStore, capsys: pytest.CaptureFixture[str]) -> None:
        self.store = store
        self._capsys = capsys

    def run(self, *arguments: str, code: int = 0) -> str:
        """The standard output of a command; its standard error if it fails."""
        assert main([*arguments, "--url", str(self.store.url), "--patience", "1"]) == code
        printed = self._capsys.readouterr()
        return printed.err if code else printed.out

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON value
        """The JSON that a command prints; its NDJSON must be the same."""
        value = json.loads(self.run(*arguments, "--output", "json"))
        lines = [json.loads(line) for line in self.run(*arguments, "--output", "ndjson").splitlines()]
        assert lines == (value if isinstance(value, list) else [value])
        return value

    def rows(self, *arguments: str) -> list[list[str]]:
        """The rows of the table that a command prints, without its head."""
        return [line.split() for line in self.run(*arguments).splitlines()[2:]]


@pytest.fixture
def shell(rest_hub: EventStore, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(rest_hub, capsys)


@pytest.fixture
def orders(shell: CommandLine) -> CommandLine:
    for number in range(1, 5):
        shell.store.publish([EVENT % (number, "placed" if number % 2 else "paid", f"wf-{number % 2}")])
    return shell


class TestQueries:
    def test_an_event_is_printed_as_it_was_published(self, orders: CommandLine) -> None:
        line = orders.run("get", "3")

        assert '"data":{"n": 1e400}' in line
        assert json.loads(line)["hubstream"] == "wf-1"
        assert orders.run("get", "3", "--source", "/s", "--stream", "wf-1") == line
        assert orders.rows("get", "3", "--table")[0][:2] == ["wf-1", "2"]

    def test_an_event_that_does_not_exist_is_a_failure(self, orders: CommandLine) -> None:
        assert "event-not-found" in orders.run("get", "9", code=1)

    @pytest.mark.parametrize(
        ("options", "ids"),
        [
            ([], "1234"),
            (["--type", "order.paid"], "24"),
            (["--type", "order.*", "--order", "desc", "--count", "3"], "432"),
            (["--stream", "wf-1", "--stream", "wf-0", "--workflow", "wf-1"], "13"),
            (["--filter", "type = 'order.placed'", "--since", "2020-01-01T00:00:00Z"], "13"),
            (["--until", "2020-01-01T00:00:00Z"], ""),
        ],
        ids=str,
    )
    def test_events_are_searched(self, orders: CommandLine, options: list[str], ids: str) -> None:
        printed = orders.run("search", *options)

        assert [json.loads(line)["id"] for line in printed.splitlines()] == [*ids]
        assert [event["id"] for event in json.loads(orders.run("search", *options, "--output", "json"))] == [*ids]
        assert [row[4] for row in orders.rows("search", *options, "--output", "table")] == [
            "order.placed" if int(own_id) % 2 else "order.paid" for own_id in ids
        ]

    def test_a_search_keeps_the_text_of_events_in_an_array(self, orders: CommandLine) -> None:
        assert orders.run("search", "--output", "json").count('"data":{"n": 1e400}') == 4

    def test_a_stream_is_read_as_an_array(self, orders: CommandLine) -> None:
        assert [event["id"] for event in json.loads(orders.run("read", "wf-1", "--output", "json"))] == ["1", "3"]
        assert orders.run("read", "wf-1", "--table") == orders.run("read", "wf-1", "--output", "table")

    def test_an_invalid_filter_is_a_failure(self, shell: CommandLine) -> None:
        assert "invalid-filter" in shell.run("search", "--filter", "type = ", code=1)


class TestStreams:
    def test_a_stream_is_created_changed_shown_and_deleted(self, shell: CommandLine) -> None:
        created = shell.json("streams", "create", "metrics", "--max-events", "5", "--max-age", "60", "--label", "a=1=2")
        assert created["retention"] == {"max_age": 60, "max_events": 5}
        assert created["labels"] == {"a": "1=2"}

        changed = shell.json(
            *("streams", "change", "metrics", "--max-age", "none", "--label", "b=2", "--remove-label", "a"),
            *("--expected", "0"),
        )
        assert (changed["retention"], changed["labels"]) == ({"max_events": 5}, {"b": "2"})
        assert shell.json("streams", "show", "metrics") == changed

        assert shell.run("streams", "delete", "metrics", "--expected", "0", "--permanent") == ""
        assert "stream-gone" in shell.run("streams", "show", "metrics", code=1)

    def test_a_stream_is_forked(self, orders: CommandLine) -> None:
        fork = orders.json("streams", "fork", "wf-1", "wf-1~fork", "--until", "1")
        assert fork["forked_from"] == {"stream": "wf-1", "first": 1, "until": 1, "complete": True}
        assert orders.json("streams", "show", "wf-1~fork") == fork
        assert "stream-conflict" in orders.run("streams", "fork", "wf-1", "wf-1~fork", "--until", "2", code=1)
        assert "name it 'wf-1~fork'" in orders.run("streams", "fork", "wf-1", "shadow", code=1)

    def test_streams_are_listed(self, orders: CommandLine) -> None:
        assert [stream["id"] for stream in orders.json("streams", "list")] == ["wf-0", "wf-1"]
        assert [row[:3] for row in orders.rows("streams", "list", "--prefix", "wf-1")] == [["wf-1", "2", "1"]]

    def test_no_streams_are_an_empty_list(self, shell: CommandLine) -> None:
        assert shell.json("streams", "list") == []
        assert shell.rows("streams", "list") == []

    def test_a_stream_that_must_be_new_and_is_not_is_a_failure(self, orders: CommandLine) -> None:
        assert "wrong-expected-version" in orders.run("streams", "create", "wf-1", "--new", code=1)

    def test_a_stream_that_ends_elsewhere_is_not_deleted(self, orders: CommandLine) -> None:
        assert "wrong-expected-version" in orders.run("streams", "delete", "wf-1", "--expected", "7", code=1)
        assert orders.json("streams", "show", "wf-1")["count"] == 2


class TestSubscriptions:
    def test_a_subscription_is_created_changed_shown_and_deleted(self, shell: CommandLine) -> None:
        created = shell.json(
            *("subscriptions", "create", "workers", "--type", "order.*", "--filter", "EXISTS workflowid"),
            *("--stream", "wf-1", "--from", "start", "--ack-deadline", "60", "--max-attempts", "7"),
        )
        assert created["filters"] == [{"any": [{"prefix": {"type": "order."}}]}, {"sql": "EXISTS workflowid"}]
        assert (created["ack_deadline"], created["max_attempts"], created["stream"]) == (60, 7, ["wf-1"])

        changed = json.loads(
            shell.run("subscriptions", "change", "workers", "--max-in-flight", "9", "--output", "json")
        )
        assert (changed["filters"], changed["max_in_flight"]) == (created["filters"], 9)
        emptied = json.loads(shell.run("subscriptions", "change", "workers", "--filters", "[]", "--output", "ndjson"))
        assert emptied["filters"] == []

        assert shell.json("subscriptions", "show", "workers")["version"] == 3
        assert [found["id"] for found in shell.json("subscriptions", "list")] == ["workers"]
        assert shell.run("subscriptions", "delete", "workers") == ""
        assert "subscription-not-found" in shell.run("subscriptions", "show", "workers", code=1)

    def test_a_status_is_shown_with_a_table_of_its_partitions(self, shell: CommandLine) -> None:
        shell.run("subscriptions", "create", "workers")

        lines = shell.run("subscriptions", "show", "workers").splitlines()

        assert lines[0].split() == ["id", "workers"]
        partitions = lines[lines.index("partitions:") + 3 :]
        assert [line.split()[0] for line in partitions] == ["0", "1", "2", "3"]

    def test_a_subscription_is_replayed(self, shell: CommandLine, workers: Workers) -> None:
        shell.run("subscriptions", "create", "workers")
        workers.join()
        workers.publish("wf", "1")
        workers.acknowledge()

        assert shell.json("subscriptions", "replay", "workers", "--from", "start")["partitions"] == [0, 1, 2, 3]

        workers.settle()
        assert workers.received() == [("wf", "1")]

    def test_a_rejected_target_is_a_failure(self, shell: CommandLine) -> None:
        assert "target-not-allowed" in shell.run(
            "subscriptions", "create", "rule", "--target", '{"lambda": "billing"}', code=1
        )


@pytest.fixture
def parked(shell: CommandLine, workers: Workers) -> CommandLine:
    """Two parked streams; the event that failed in one has a number that Python does not have."""
    shell.run("subscriptions", "create", "workers")
    workers.join()
    shell.store.publish([EVENT % ("1", "paid", "bad"), EVENT % ("2", "paid", "worse")])
    workers.settle()
    workers.park("bad", 1, reason="card declined")
    workers.park("worse", 1)
    workers.received()
    return shell


class TestDeadLetters:
    def test_parked_streams_are_listed(self, parked: CommandLine) -> None:
        assert [letter["stream"] for letter in parked.json("dead-letters", "list")] == ["bad", "worse"]
        [row] = parked.rows("dead-letters", "list", "--subscription", "workers", "--stream", "bad")
        assert row[:4] == ["workers", "bad", "1", "1"]
        assert row[-2:] == ["card", "declined"]

    def test_a_parked_stream_is_shown_with_the_text_of_its_event(self, parked: CommandLine) -> None:
        for output in ("json", "ndjson", "table"):
            printed = parked.run("dead-letters", "show", "workers", "bad", "--output", output)
            assert '"data":{"n": 1e400}' in printed
        assert parked.json("dead-letters", "show", "workers", "bad")["event"]["id"] == "1"

    def test_streams_are_redriven(self, parked: CommandLine, workers: Workers) -> None:
        printed = parked.run("dead-letters", "redrive", "workers", "--stream", "bad", "--output", "ndjson")

        assert json.loads(printed) == {"subscription": "workers", "streams": ["bad"]}
        workers.settle()
        assert workers.received() == [("bad", "1")]

    def test_streams_are_purged(self, parked: CommandLine, workers: Workers) -> None:
        assert parked.run("dead-letters", "purge", "workers").split() == [
            *("subscription", "workers"),
            *("streams", "bad,", "worse"),
        ]
        workers.settle()
        assert parked.json("dead-letters", "list") == []
        assert "nothing-parked" in parked.run("dead-letters", "purge", "workers", code=1)


def test_connections_are_listed_and_closed(shell: CommandLine, workers: Workers) -> None:
    shell.run("subscriptions", "create", "workers")
    workers.join()

    assert [connection["id"] for connection in shell.json("connections", "list")] == ["c1"]
    assert shell.run("connections", "close", "c1") == ""
    assert "connection-not-found" in shell.run("connections", "close", "nobody", code=1)


def test_statistics_are_printed(orders: CommandLine) -> None:
    assert orders.json("stats")["streams"] == 2
    lines = orders.run("stats").splitlines()
    assert ["streams", "2"] in [line.split() for line in lines]
    assert "by_partition:" in lines


@pytest.mark.parametrize("watch", [[], ["--watch", "1", "--count", "1"]])
def test_statistics_have_the_lag_of_what_is_behind(orders: CommandLine, watch: list[str]) -> None:
    # The hub would have to read events to count those that match, and counts those of the log alone.
    orders.run("subscriptions", "create", "behind", "--type", "order.3", "--from", "start")
    assert "lag" not in json.loads(orders.run("stats", "--output", "json"))["subscriptions"][0]

    lines = [line.split() for line in orders.run("stats", *watch).splitlines()]

    assert [line[:3] for line in lines if line[:1] == ["id"]] == [["id", "members", "lag"]]
    assert [line[2] for line in lines if line[:1] == ["behind"]] == ["≤4"]


@pytest.mark.parametrize(
    ("summary", "lag"),
    [
        ({"lag": 0, "log_lag": 9}, "0"),
        ({"lag": 7, "lag_more": True}, "7+"),
        ({"log_lag": 10_000}, "?"),
        ({}, ""),
    ],
)
def test_a_lag_that_is_not_counted_to_its_end_is_marked(summary: dict[str, Any], lag: str) -> None:
    assert lag_of(summary) == lag


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["streams"], "the following arguments are required: ACTION"),
        (["streams", "lst"], "invalid choice: 'lst'"),
        (["streams", "create", "s", "--label", "team"], "must be NAME=VALUE, such as team=billing, not 'team'"),
        (["streams", "change", "s", "--max-age", "0"], "must be 1 or more, not 0"),
        (["subscriptions", "replay", "s"], "one of the arguments --from --cursor --since is required"),
        (["subscriptions", "create", "s", "--target", "billing"], "argument --target: must be JSON"),
        (["subscriptions", "create", "s", "--filters", "{}"], "argument --filters: must be a JSON array"),
        (["search", "--since", "yesterday"], "must be a time with a time zone"),
        (["search", "--type", "a*b"], "must be a type such as io.flunq.task.failed"),
        (["streams", "list", "--prefxi", "a"], "; did you mean --prefix?"),
        (["work", "workers", "--exec"], "argument --exec: expected a command, such as --exec ./handle.sh"),
    ],
    ids=" ".join,
)
def test_wrong_usage_says_what_is_wrong(arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2
    assert error in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "get",
        "search",
        "stats",
        *(f"streams {action}" for action in ("list", "show", "create", "change", "delete")),
        *(f"subscriptions {action}" for action in ("list", "show", "create", "change", "replay", "delete")),
        *(f"dead-letters {action}" for action in ("list", "show", "redrive", "purge")),
        *(f"connections {action}" for action in ("list", "close")),
    ],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "--url" in printed
    assert "--token" in printed
