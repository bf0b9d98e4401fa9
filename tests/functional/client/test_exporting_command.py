"""`eventstore export` and `eventstore import`, on a real hub."""

from __future__ import annotations

import errno
import gc
import gzip
import io
import json
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eventstore_client.cli import exporting, own_files
from eventstore_client.cli.main import main
from eventstore_client.cli.own_files import replacing
from eventstore_client.errors import BadInput
from functions.hub import hub
from tests.fresh import forget

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eventstore_client import EventStore

FILE = "events.ndjson"

_JSON = st.sampled_from(
    [
        "1e400",
        "12.50",
        "[1,\n2]",
        '"\\u2028 line"',
        '"\u2028 as it is"',
        "null",
        '{"hubsequence":"9"}',
        "123456789012345678901",
    ]
)
_MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "subject": st.text("aä→ ", min_size=1, max_size=5).filter(str.strip),
        "priority": st.integers(-9, 9),
        "urgent": st.booleans(),
        "workflowid": st.sampled_from(["wf", "other"]),
    },
)
_EVENTS = st.tuples(st.sampled_from(["wf", "acme:wf", "x"]), _MEMBERS, _JSON | st.none())


class Shell:
    """Runs commands in a folder."""

    def __init__(self, store: EventStore, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self.store = store
        self.folder = folder
        self._capsys = capsys

    def run(self, command: str, file: str, *arguments: str, code: int = 0) -> str:
        """What a command writes to standard error."""
        name = file if file == "-" else str(self.folder / file)
        assert main([command, name, *arguments, "--url", str(self.store.url), "--patience", "1"]) == code
        return self._capsys.readouterr().err

    def lines(self, file: str = FILE) -> list[dict[str, Any]]:
        content = (self.folder / file).read_bytes()
        content = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
        return [json.loads(line) for line in content.decode().removesuffix("\n").split("\n")]

    def write(self, *events: str) -> None:
        (self.folder / FILE).write_text("".join(f"{event}\n" for event in events), encoding="utf-8")


@pytest.fixture
def shell(rest_hub: EventStore, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Shell:
    return Shell(rest_hub, capsys, tmp_path)


def event(event_id: object, **members: object) -> dict[str, object]:
    return {"specversion": "1.0", "id": str(event_id), "source": "/s", "type": "t", **members}


def recorded(event_id: object, *, stream: str, sequence: object) -> str:
    return json.dumps(event(event_id, hubstream=stream, hubsequence=str(sequence), hubtime="2026-01-05T09:00:00Z"))


def emptied() -> None:
    client = hub().log._client  # type: ignore[attr-defined]
    client.flushall()
    client.close()
    forget()


def stored(store: EventStore) -> dict[str, list[tuple[int, str]]]:
    """The events of each stream, as their text without the hub's attributes. In NDJSON, a line break is a space."""
    names = [stream.name for stream in store.streams.list()]
    return {
        name: [(one.sequence, one.text.partition(',"hubstream":')[0].replace("\n", " ")) for one in store.read(name)]
        for name in names
    }


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(_EVENTS, min_size=1, max_size=25),
    st.sampled_from([FILE, "events.gz"]),
    st.sampled_from(["load", "import"]),
)
def test_what_was_exported_makes_equal_streams_in_an_empty_hub(
    shell: Shell, wanted: Sequence[tuple[str, dict[str, object], str | None]], file: str, command: str
) -> None:
    emptied()
    for number, (stream, members, data) in enumerate(wanted):
        text = json.dumps(event(number, **members), ensure_ascii=False)
        shell.store.publish([text if data is None else f'{text[:-1]},"data":{data}}}'], stream=stream)
    before = stored(shell.store)
    shell.run("export", file)
    emptied()
    shell.run(command, file)
    assert stored(shell.store) == before
    assert "0 new" in shell.run(command, file)
    assert stored(shell.store) == before


class TestExport:
    def test_events_are_written_in_their_order_and_selected(self, shell: Shell) -> None:
        shell.store.publish([event(1, type="a"), event(2, type="b"), event(3, type="a")], stream="wf")
        shell.store.publish([event(4, type="a")], stream="x")
        assert "exported 4 events of 2 streams to " in shell.run("export", FILE)
        assert [(line["hubstream"], line["hubsequence"]) for line in shell.lines()] == [
            ("wf", "1"),
            ("wf", "2"),
            ("wf", "3"),
            ("x", "1"),
        ]
        shell.run("export", FILE, "--type", "a", "--stream", "wf")
        assert [line["id"] for line in shell.lines()] == ["1", "3"]
        shell.run("export", FILE, "--until", "2000-01-01T00:00:00Z")
        assert (shell.folder / FILE).read_bytes() == b""

    def test_the_cursor_of_an_export_continues_it(self, shell: Shell) -> None:
        shell.store.publish([event(1)], stream="wf")
        cursor = shell.run("export", FILE).rpartition("--cursor ")[2].strip()
        shell.store.publish([event(2)], stream="wf")
        shell.run("export", "later", "--cursor", cursor)
        assert [line["id"] for line in shell.lines("later")] == ["2"]

    def test_it_is_compressed_by_the_name_or_the_option_always_alike(self, shell: Shell) -> None:
        shell.store.publish([event(number) for number in range(50)], stream="wf")
        shell.run("export", FILE)
        for name, *options in (["a.gz"], ["b.gz"], ["c", "--gzip"]):
            shell.run("export", name, *options)
            assert shell.lines(name) == shell.lines()
        contents = {(shell.folder / name).read_bytes() for name in ("a.gz", "b.gz", "c")}
        assert len(contents) == 1
        assert len(contents.pop()) < (shell.folder / FILE).stat().st_size / 3

    def test_an_export_that_fails_leaves_the_file_as_it_was(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shell.store.publish([event(number) for number in range(9)], stream="wf")
        shell.write("before")
        (shell.folder / FILE).chmod(0o640)
        monkeypatch.setattr(exporting, "_PAGE", 4)
        with monkeypatch.context() as patched:
            patched.setattr(exporting, "one_line", failing_after(6))
            with pytest.raises(RuntimeError):
                shell.run("export", FILE)
        assert (shell.folder / FILE).read_text() == "before\n"
        assert [path.name for path in shell.folder.iterdir()] == [FILE]
        shell.run("export", FILE)
        assert len(shell.lines()) == 9
        assert stat.S_IMODE((shell.folder / FILE).stat().st_mode) == 0o640

    def test_a_file_that_cannot_be_written_is_named(self, shell: Shell) -> None:
        assert "none/events: cannot be written: No such file" in shell.run("export", "none/events", code=1)

    @pytest.mark.parametrize("count", [0, 6])
    def test_gzip_of_an_interrupted_export_is_refused(
        self, shell: Shell, monkeypatch: pytest.MonkeyPatch, count: int
    ) -> None:
        shell.store.publish([event(number) for number in range(9)], stream="wf")
        out = io.TextIOWrapper(io.BytesIO())
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            patched.setattr(exporting, "one_line", failing_after(count))
            with pytest.raises(RuntimeError):
                main(["export", "-", "--gzip", "--url", str(shell.store.url)])
        # Finalizers could write an end, too.
        gc.collect()
        (shell.folder / FILE).write_bytes(out.buffer.getvalue())  # type: ignore[attr-defined]
        assert "its gzip data is corrupt or truncated" in shell.run("import", FILE, code=1)

    @pytest.mark.parametrize("options", [[], ["--gzip"]])
    def test_a_pipe_receives_the_events_and_remains(self, shell: Shell, options: list[str]) -> None:
        shell.store.publish([event(number) for number in range(9)], stream="wf")
        shell.run("export", FILE, *options)
        pipe = shell.folder / "pipe"
        os.mkfifo(pipe)
        with ThreadPoolExecutor(1) as threads:
            reading = threads.submit(pipe.read_bytes)
            assert f"exported 9 events of 1 stream to {pipe}" in shell.run("export", "pipe", *options)
            assert reading.result(20) == (shell.folder / FILE).read_bytes()
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    def test_an_open_file_descriptor_receives_the_events(self, shell: Shell) -> None:
        shell.store.publish([event(1)], stream="wf")
        with (shell.folder / "appended").open("wb") as file:
            file.write(b"before\n")
            file.flush()
            shell.run("export", f"/dev/fd/{file.fileno()}")
            assert os.fstat(file.fileno()).st_nlink == 1

    def test_a_folder_is_refused_before_anything_is_read(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        (shell.folder / "folder").mkdir()
        shell.store.publish([event(1)], stream="wf")
        monkeypatch.setattr(exporting, "one_line", failing_after(0))
        assert f"{shell.folder / 'folder'}: is a folder" in shell.run("export", "folder", code=1)

    def test_what_cannot_be_opened_is_named(self, shell: Shell) -> None:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(shell.folder / "socket"))
            assert "socket: cannot be written: No such device or address" in shell.run("export", "socket", code=1)

    def test_a_pipe_that_is_not_read_to_its_end_is_named(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        shell.store.publish([event(1)], stream="wf")
        pipe = shell.folder / "pipe"
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

        def and_close(text: str) -> str:
            os.close(reader)
            return text

        monkeypatch.setattr(exporting, "one_line", and_close)
        assert "pipe: cannot be written: Broken pipe" in shell.run("export", "pipe", code=1)

    def test_standard_output_gets_the_same_bytes(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        shell.store.publish([event(1, subject="ä")], stream="wf")
        shell.run("export", FILE)
        out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stdout", out)
            assert main(["export", "-", "--url", str(shell.store.url)]) == 0
        assert out.buffer.getvalue() == (shell.folder / FILE).read_bytes()  # type: ignore[attr-defined]

    @pytest.mark.parametrize(
        "command", [["export", "-"], ["export", "-", "--gzip"], ["read", "wf"], ["search"], ["stats"]]
    )
    def test_a_reader_that_closes_the_pipe_ends_a_command_as_sigpipe_does(
        self, shell: Shell, command: Sequence[str]
    ) -> None:
        shell.store.publish([event(1)], stream="wf")
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as closed:
            ended = subprocess.run(
                [sys.executable, "-m", "eventstore_client", *command, "--url", str(shell.store.url)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdout=closed,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert (ended.returncode, ended.stderr) == (141, "")


class TestReplacing:
    @pytest.mark.parametrize("error", [BrokenPipeError(), KeyboardInterrupt()])
    def test_an_error_of_something_else_is_not_that_of_the_file(self, tmp_path: Path, error: BaseException) -> None:
        with pytest.raises(type(error)), replacing(tmp_path / FILE):
            raise error
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("size", [1, 100_000])
    def test_a_file_that_cannot_be_written_remains(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
    ) -> None:
        """What is small waits in the buffer until the end."""
        (tmp_path / FILE).write_text("before")
        monkeypatch.setattr(own_files, "NamedTemporaryFile", lambda **options: _Full(tmp_path / options["prefix"]))
        full = pytest.raises(BadInput, match=f"{FILE}: cannot be written: No space left")
        with full, replacing(tmp_path / FILE) as write:
            write(b"a" * size)
        assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(FILE, "before")]


class TestImport:
    def test_events_that_no_hub_exported_are_refused_before_any_is_stored(self, shell: Shell) -> None:
        shell.write(recorded(1, stream="wf", sequence=1), json.dumps(event(2)))
        printed = shell.run("import", FILE, code=1)
        assert f"{FILE}:2: no hub exported the event" in printed
        assert "use `eventstore load`" in printed
        assert list(shell.store.streams.list()) == []

    def test_events_that_are_not_in_their_order_are_refused(self, shell: Shell) -> None:
        shell.write(
            recorded(1, stream="wf", sequence=2),
            recorded(2, stream="x", sequence=1),
            recorded(3, stream="wf", sequence=1),
        )
        printed = shell.run("import", FILE, code=1)
        assert f"{FILE}:3: hubsequence 1 of stream 'wf' comes after 2" in printed
        shell.write(recorded(1, stream="wf", sequence="first"))
        assert "hubsequence 0 of stream 'wf'" in shell.run("import", FILE, code=1)
        assert list(shell.store.streams.list()) == []

    def test_several_exports_are_imported_in_order(self, shell: Shell) -> None:
        shell.write(recorded(1, stream="wf", sequence=7), recorded(2, stream="wf", sequence=9))
        (shell.folder / "later").write_text(recorded(3, stream="wf", sequence=10) + "\n")
        shell.run("import", FILE, str(shell.folder / "later"))
        assert [(one.sequence, one.id) for one in shell.store.read("wf")] == [(1, "1"), (2, "2"), (3, "3")]


class _Full(io.BufferedWriter):
    """A temporary file on a full disk."""

    def __init__(self, path: Path) -> None:
        super().__init__(_FullDisk(path, "w"))


class _FullDisk(io.FileIO):
    def write(self, data: object) -> int:
        del data
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing_after(count: int) -> Any:  # noqa: ANN401 - a function
    """A formatter of events that fails after some."""
    left = iter(range(count))

    def one_line(text: str) -> str:
        if next(left, None) is None:
            raise RuntimeError("interrupted")
        return text

    return one_line
