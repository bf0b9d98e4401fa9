"""Input from pipes, standard input and arguments, as shells provide it."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from eventstore_client.cli.main import main
from tests.functional.client.fake_hub import FakeHub

if TYPE_CHECKING:
    from pathlib import Path

ONE = '{"specversion":"1.0","id":"1","source":"/s","type":"t","workflowid":"wf","data":{"n": 1e400, "s": "\u00fc"}}'
TWO = ONE.replace('"1",', '"2",')


def program(
    hub: FakeHub, *arguments: str, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "eventstore_client", *arguments],
        input=given,
        capture_output=True,
        check=False,
        env=os.environ | {"EVENTSTORE_URL": hub.url, "PYTHONPATH": os.pathsep.join(sys.path)} | environment,
    )


def shell(hub: FakeHub, script: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", script, "bash", *arguments],
        capture_output=True,
        check=False,
        env=os.environ | {"EVENTSTORE_URL": hub.url, "PYTHONPATH": os.pathsep.join(sys.path), "PY": sys.executable},
    )


@pytest.mark.parametrize(
    "script",
    [
        '"$PY" -m eventstore_client load <(zcat "$1")',
        '"$PY" -m eventstore_client load <(cat "$1")',
        'zcat "$1" | "$PY" -m eventstore_client load /dev/stdin',
        '"$PY" -m eventstore_client load /dev/stdin < "$1"',
        '"$PY" -m eventstore_client load - < "$1"',
        '"$PY" -m eventstore_client load "$1"',
    ],
)
def test_a_load_reads_pipes_and_devices(hub: FakeHub, tmp_path: Path, script: str) -> None:
    (tmp_path / "events.gz").write_bytes(gzip.compress(f"{ONE}\n{TWO}\n".encode()))

    done = shell(hub, script, str(tmp_path / "events.gz"))

    assert done.returncode == 0, done.stderr
    assert [json.loads(body)["id"] for body in hub.bodies("wf")] == ["1", "2"]


def test_a_load_of_a_pipe_without_events_is_an_error(hub: FakeHub) -> None:
    done = shell(hub, '"$PY" -m eventstore_client load <(true) /dev/null')

    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert [line.split(": ", 2)[2] for line in lines] == ["is empty: expected an event"] * 2


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('"$PY" -m eventstore_client publish - <&-', "standard input is closed"),
        ('"$PY" -m eventstore_client load - <&-', "standard input is closed"),
        ('"$PY" -m eventstore_client publish - </dev/null', "standard input is empty: expected an event"),
        ('"$PY" -m eventstore_client load /', "/: is a directory; pass the files in it"),
    ],
)
def test_empty_standard_input_is_an_error(hub: FakeHub, script: str, said: str) -> None:
    done = shell(hub, script)

    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"eventstore: {said}")
    assert hub.publishes == 0


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "de_DE.ISO-8859-1"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["unmarked", "marked"])
def test_publishing_reads_utf8_whatever_the_locale(hub: FakeHub, locale: str, mark: bytes) -> None:
    text = ONE.replace("\\u00fc", "ü")

    done = program(
        hub,
        "publish",
        "-",
        given=mark + text.encode(),
        LC_ALL=locale,
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        PYTHONIOENCODING="latin-1",
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(hub.bodies("wf")[0])["data"]["s"] == "ü"


def test_bytes_that_are_not_utf8_are_named_by_their_place(hub: FakeHub) -> None:
    done = program(hub, "publish", "-", given='{"id":"ü"}'.encode("latin-1"))

    assert done.returncode == 1
    assert done.stderr == b"eventstore: standard input: invalid UTF-8 at byte 7; JSON must be encoded in UTF-8\n"
    assert hub.publishes == 0


def test_an_argument_that_is_not_utf8_is_an_error(hub: FakeHub) -> None:
    done = shell(hub, """"$PY" -m eventstore_client publish $'{"id":"\\xfc"}'""")

    assert done.returncode == 1
    assert done.stderr == b"eventstore: the event: invalid UTF-8 at byte 7; JSON must be encoded in UTF-8\n"


def test_publishing_two_events_at_once_is_an_error(hub: FakeHub) -> None:
    done = program(hub, "publish", "-", given=f"{ONE},{TWO}".encode())

    assert done.returncode == 1
    assert done.stderr.startswith(b"eventstore: standard input: not JSON: ")
    assert hub.publishes == 0


def test_events_read_from_a_hub_load_verbatim_into_another(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [
        ONE,
        TWO.replace('"data":', '"cap":7,"flag":true,"data":'),
        '{"specversion":"1.0","id":"3","source":"/s","type":"t","data_base64":"AAEC/w=="}',
        '{"specversion":"1.0","id":"4","source":"/s","type":"t","time":"2026-01-01T00:00:00.000000001+01:00"}',
        '{"specversion":"1.0","id":"5","source":"/s","type":"t","data":{"hubstream":"mine", "n":[1.0,1,-0]}}',
    ]
    with ExitStack() as stack:
        source_hub, target_hub = (stack.enter_context(FakeHub().running()) for _ in range(2))
        for event in events:
            assert main(["publish", "--url", source_hub.url, event, "--stream", "kept"]) == 0
        capsys.readouterr()
        assert main(["read", "--url", source_hub.url, "kept"]) == 0
        exported = capsys.readouterr().out
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(exported.encode())))

        assert main(["load", "--url", target_hub.url, "-"]) == 0
        assert main(["read", "--url", target_hub.url, "kept"]) == 0

        assert capsys.readouterr().out == exported
        assert set(target_hub.streams) == {"kept"}
        assert target_hub.bodies("kept") == source_hub.bodies("kept")

        # Only `load` removes the attributes that a hub added; a publish with them is refused.
        assert main(["publish", "--url", target_hub.url, exported.splitlines()[0]]) == 1
        assert "hubstream" in capsys.readouterr().err
