"""`eventstore publish`: events of options, files and standard input."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from eventstore_client.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.client.fake_hub import FakeHub


def event(number: int, **members: object) -> str:
    return json.dumps(
        {"specversion": "1.0", "id": f"{number}", "source": "/s", "type": "t", "workflowid": "wf"} | members
    )


def publish(hub: FakeHub, *arguments: str) -> int:
    return main(["publish", "--url", hub.url, "--patience", "1", *arguments])


def stored(hub: FakeHub, stream: str = "wf") -> list[dict[str, Any]]:
    return [json.loads(body) for body in hub.bodies(stream)]


class TestMadeEvents:
    def test_an_event_is_made_of_options(self, hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
        options = ["--id", "7", "--source", "/shop", "--data", '{"amount": 12.50}', "--workflow", "order-7"]
        more = ["--subject", "card", "--execution", "e", "--tenant", "acme", "--attribute", "priority=high"]

        assert publish(hub, "--type", "order.placed", *options, *more) == 0

        assert capsys.readouterr().out == "acme:order-7\t1\t7\n"
        [body] = hub.bodies("acme:order-7")
        assert '"data":{"amount": 12.50}' in body
        assert json.loads(body) == {
            "specversion": "1.0",
            "id": "7",
            "source": "/shop",
            "type": "order.placed",
            "subject": "card",
            "workflowid": "order-7",
            "executionid": "e",
            "tenantid": "acme",
            "priority": "high",
            "datacontenttype": "application/json",
            "data": {"amount": 12.5},
        }

    def test_each_event_has_an_id_of_its_own(self, hub: FakeHub) -> None:
        for _ in range(2):
            assert publish(hub, "--type", "t", "--stream", "s") == 0

        first, second = stored(hub, "s")
        assert first["id"] != second["id"]
        assert first["source"] == "/eventstore-cli"
        assert "data" not in first

    @pytest.mark.parametrize("data", ["1e400", '"text"', "null", "[1]"])
    def test_data_keep_their_text(self, hub: FakeHub, data: str) -> None:
        publish(hub, "--type", "t", "--stream", "s", "--data", data)

        assert f'"data":{data}}}' in hub.bodies("s")[0]

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--type", "t", "--data", "{"], "argument --data: must be JSON"),
            (["--type", "t", "--data", "NaN"], "argument --data: must be JSON: NaN is no JSON number"),
            (["--type", "t", "--attribute", "x"], "argument --attribute: must be NAME=VALUE"),
            (["--type", "t", "{}"], "not allowed with argument"),
            (["--type", "t", "--file", "f"], "not allowed with argument"),
            ([], "one of the arguments JSON --file --type is required"),
        ],
        ids=str,
    )
    def test_options_that_are_invalid_are_wrong_usage(
        self, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            main(["publish", *arguments])

        assert ended.value.code == 2
        assert reason in capsys.readouterr().err

    @pytest.mark.parametrize("option", ["--data=1", "--source=/s", "--workflow=w", "--attribute=a=b"])
    def test_an_option_of_a_made_event_does_not_change_another(
        self, hub: FakeHub, capsys: pytest.CaptureFixture[str], option: str
    ) -> None:
        assert publish(hub, event(1), option) == 2
        assert f"{option.partition('=')[0]} belongs to --type" in capsys.readouterr().err
        assert hub.publishes == 0


class TestSeveralEvents:
    @pytest.mark.parametrize(
        "content",
        [
            f"{event(1)}\n{event(2)}\n\n{event(3)}\n",
            f"{event(1)}\r\n{event(2)}\r\n{event(3)}",
            f"[{event(1)},\n{event(2)}, {event(3)}]\n",
        ],
    )
    def test_a_file_has_ndjson_or_an_array(
        self, hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
    ) -> None:
        (tmp_path / "events").write_text(content)

        assert publish(hub, "--file", str(tmp_path / "events")) == 0

        assert capsys.readouterr().out == "wf\t1\t1\nwf\t2\t2\nwf\t3\t3\n"
        assert hub.publishes == 1

    def test_standard_input_has_several_events(self, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{event(1)}\n{event(2)}\n".encode())))

        assert publish(hub, "-", "--expected", "0") == 0
        assert [body["id"] for body in stored(hub)] == ["1", "2"]

    def test_an_event_may_have_several_lines(self, hub: FakeHub, tmp_path: Path) -> None:
        (tmp_path / "event").write_text(json.dumps(json.loads(event(1)), indent=2))

        assert publish(hub, "--file", str(tmp_path / "event")) == 0
        assert len(stored(hub)) == 1

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (f"{event(1)}\n{{\n", ":2: "),
            (f"[{event(1)}, 7]", ", element 1: "),
            ("{\n  'id': 1\n}", ": "),
            ("", " is empty: expected an event"),
            ("7", ": "),
        ],
    )
    def test_what_is_no_event_is_named_and_nothing_is_stored(
        self, hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, reason: str
    ) -> None:
        path = tmp_path / "events"
        path.write_text(content)

        assert publish(hub, "--file", str(path)) == 1
        assert f"{path}{reason}" in capsys.readouterr().err
        assert hub.publishes == 0

    def test_more_events_than_a_request_takes_are_for_load(
        self, hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "events").write_text("".join(f"{event(number)}\n" for number in range(1_001)))

        assert publish(hub, "--file", str(tmp_path / "events")) == 1
        assert "1,001 events are more than the 1,000 of a request; use `eventstore load`" in capsys.readouterr().err
