from __future__ import annotations

import gzip
import json
import os
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents.json_text import members
from eventstore_client import BadInput
from eventstore_client.cli.loader import check
from eventstore_client.cli.sources import Fault, Item, Source, spooled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ONE = '{"specversion":"1.0","id":"1","source":"/s","type":"t","workflowid":"wf"}'
TWO = ONE.replace('"1",', '"2",')

NUMBERS = st.from_regex(r"\A-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?\Z")
STRINGS = st.text().map(json.dumps) | st.text().filter(lambda s: s.isprintable()).map(
    lambda s: json.dumps(s, ensure_ascii=False)
)
SPACE = st.sampled_from(["", " ", "\t", "  "])
LINES = st.sampled_from(["", " ", "\n", "\r\n  "])


def values(space: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        array = st.tuples(st.lists(inner, max_size=3), space).map(lambda t: f"[{t[1]}{f',{t[1]}'.join(t[0])}{t[1]}]")
        pairs = st.dictionaries(STRINGS, inner, max_size=3).map(lambda d: [f"{k}:{v}" for k, v in d.items()])
        return array | st.tuples(pairs, space).map(lambda t: f"{{{t[1]}{f',{t[1]}'.join(t[0])}{t[1]}}}")

    return st.recursive(NUMBERS | STRINGS | st.sampled_from(["true", "false", "null"]), grown, max_leaves=8)


def with_data(value: str, number: int) -> str:
    return f'{{ "specversion":"1.0","id":"{number}","source":"/s","type":"t",  "data": {value} }}'


def read(path: Path, content: str | bytes, *, stream: str | None = None) -> list[Item | Fault]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(Source(path=path, name="in", stream=stream).items())


def texts(items: list[Item | Fault]) -> list[str]:
    assert all(isinstance(item, Item) for item in items), items
    return [item.text for item in items if isinstance(item, Item)]


def faults(items: list[Item | Fault]) -> list[str]:
    return [str(item) for item in items if isinstance(item, Fault)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources") / "events"


@given(data=st.lists(values(SPACE), min_size=1, max_size=5))
def test_every_event_of_ndjson_is_kept_verbatim(file: Path, data: list[str]) -> None:
    written = [with_data(value, number) for number, value in enumerate(data)]

    assert texts(read(file, "\n".join(written))) == written


@given(data=st.lists(values(LINES), max_size=5), space=LINES)
def test_every_event_of_an_array_is_kept_verbatim(file: Path, data: list[str], space: str) -> None:
    written = [with_data(value, number) for number, value in enumerate(data)]

    assert texts(read(file, f"{space}[{space}{f'{space},{space}'.join(written)}{space}]{space}")) == written


@given(data=st.lists(values(LINES), max_size=5))
def test_the_data_of_every_event_of_a_history_is_kept_verbatim(file: Path, data: list[str]) -> None:
    written = [
        f'{{"eventId": "{number}", "eventType":"TimerFired", "n": {value}}}' for number, value in enumerate(data, 1)
    ]

    made = texts(read(file, f'{{"events":[{",".join(written)}]}}'))

    assert [members(text)["data"].text for text in made] == written


@pytest.mark.parametrize(
    "content",
    [
        ONE,
        f"{ONE}\n",
        f"\n\n  {ONE}  \n\n",
        f"[{ONE}]",
        f"\ufeff{ONE}\n",
        f"\ufeff[{ONE}]",
        json.dumps(json.loads(ONE), indent=2),
    ],
    ids=["bare", "line", "blanks", "array", "marked line", "marked array", "pretty"],
)
def test_a_single_event_is_read_however_it_is_formatted(tmp_path: Path, content: str) -> None:
    assert [json.loads(text)["id"] for text in texts(read(tmp_path / "f", content))] == ["1"]


@pytest.mark.parametrize("content", ["[]", '{"events": []}'])
def test_a_file_without_events_has_none(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "f", content) == []


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf", gzip.compress(b"")])
def test_a_file_with_nothing_in_it_is_named(tmp_path: Path, content: bytes) -> None:
    assert faults(read(tmp_path / "f", content)) == ["in: is empty: expected an event"]


def test_a_directory_is_named(tmp_path: Path) -> None:
    assert faults(list(Source(path=tmp_path, name="in").items())) == ["in: is a directory; pass the files in it"]


@pytest.mark.parametrize("content", [f"{ONE}\n{TWO}\n", f"[{ONE},\n{TWO}]", f"\ufeff{ONE}\n{TWO}"])
def test_gzip_is_recognized_by_its_first_bytes(tmp_path: Path, content: str) -> None:
    packed = gzip.compress(content.encode())

    assert texts(read(tmp_path / "f", packed)) == [
        text.removeprefix("\ufeff") for text in texts(read(tmp_path / "g", content))
    ]
    with spooled(BytesIO(packed), name="standard input") as source:
        assert len(texts(list(source.items()))) == len(texts(list(source.items()))) == 2


@pytest.mark.parametrize("spoiled", [lambda g: g[:-9], lambda g: g[:30] + b"\0\0\0\0" + g[34:], lambda g: g[:2]])
def test_gzip_that_is_cut_or_damaged_is_named(tmp_path: Path, spoiled: Callable[[bytes], bytes]) -> None:
    content = "".join(f"{with_data(str(number), number)}\n" for number in range(200))

    problems = faults(read(tmp_path / "f.ndjson", spoiled(gzip.compress(content.encode()))))

    assert problems[-1].startswith("in: cannot be read: its gzip data is corrupt or truncated ")


@pytest.mark.parametrize("name", ["case.json", "case.json.gz"])
def test_a_history_without_an_id_is_named_for_its_file_packed_or_not(tmp_path: Path, name: str) -> None:
    content = b'{"events": [{"eventId": 1, "eventType": "TimerFired"}]}'
    [item] = read(tmp_path / name, gzip.compress(content) if name.endswith(".gz") else content)

    assert isinstance(item, Item)
    assert (item.stream, item.named_for) == ("case", "case")


def test_a_history_without_an_id_from_a_pipe_is_refused() -> None:
    with spooled(BytesIO(b'{"events": [{"eventId": 1, "eventType": "TimerFired"}]}'), name="standard input") as source:
        [fault] = faults(list(source.items()))

    assert fault.startswith("standard input: the history has no workflowId")


def test_a_history_may_be_a_bare_array(tmp_path: Path) -> None:
    events = '[{"eventId": "1", "eventType": "TimerFired", "n": 1.0},\n {"eventId": "2", "eventType": "TimerFired"}]'

    bare, whole = read(tmp_path / "wf", events), read(tmp_path / "wf", f'{{"events": {events}}}')

    assert bare == whole
    assert len(texts(bare)) == 2


def test_an_event_of_a_bare_history_at_fault_is_named_by_its_place(tmp_path: Path) -> None:
    items = read(tmp_path / "wf", '[{"eventId": "1", "eventType": "TimerFired"},\n {"eventId": "1", "eventType": "A"}]')

    assert faults(items) == ["in: eventId 1 follows 1; it must be greater (at /1)"]


def test_attributes_that_a_hub_added_are_removed_and_no_others(tmp_path: Path) -> None:
    published = (
        '{"specversion":"1.0","id":"1","source":"/s","type":"t","hubless":"x","data":{"hubtime": 1.0, "n":1e400}}'
    )
    recorded = published.replace('"hubless":"x",', '"cap":7,')[:-1]
    recorded += ',"hubstream":"s","hubsequence":"4","hubtime":"2026-11-23T20:33:02.848Z","hubnew":true}'

    [item] = read(tmp_path / "f", recorded)
    [refused] = faults(read(tmp_path / "g", published))

    assert isinstance(item, Item)
    assert item.text == published.replace('"hubless":"x",', '"cap":7,')
    assert item.stream == "s"
    assert "'hubless' is not allowed" in refused


def test_an_event_of_a_hub_keeps_its_stream_unless_a_stream_is_named(tmp_path: Path) -> None:
    recorded = ONE[:-1] + ',"hubstream":"elsewhere","hubsequence":"1"}'

    assert [item.stream for item in read(tmp_path / "f", recorded) if isinstance(item, Item)] == ["elsewhere"]
    assert [item.stream for item in read(tmp_path / "f", recorded, stream="s") if isinstance(item, Item)] == ["s"]


@pytest.mark.parametrize("later", [TWO, f"{ONE}\n{TWO}"], ids=["replaced", "longer"])
def test_a_file_that_changes_between_two_readings_is_named(tmp_path: Path, later: str) -> None:
    path = tmp_path / "f"
    path.write_text(ONE)
    source = Source(path=path, name="in")
    assert len(texts(list(source.items()))) == 1

    path.write_text(later)
    os.utime(path, (1, 1))

    assert faults(list(source.items())) == ["in: changed while it was read; load it again when it is complete"]


def test_a_file_that_grows_while_it_is_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    path.write_text(f"{ONE}\n")
    items = Source(path=path, name="in").items()
    assert isinstance(next(items), Item)

    with path.open("a") as file:
        file.write(f"{TWO}\n")

    assert faults(list(items))[-1].startswith("in: changed while it was read")


def test_two_files_of_one_name_do_not_become_one_workflow(tmp_path: Path) -> None:
    paths = [tmp_path / folder / "history.json" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text('{"events": [{"eventId": 1, "eventType": "TimerFired"}]}')
    notes: list[str] = []

    with pytest.raises(BadInput, match=r"b/history.json: .* has the same name as .*a/history.json"):
        check([Source(path=path) for path in paths], note=notes.append)
    assert len(notes) == 1

    assert check([Source(path=paths[0])] * 2) == 2


def test_the_attributes_of_an_event_determine_its_stream(tmp_path: Path) -> None:
    [item] = read(tmp_path / "f", ONE.replace('"workflowid"', '"tenantid":"acme","workflowid"'))

    assert isinstance(item, Item)
    assert item.stream == "acme:wf"


def test_a_named_stream_receives_every_event(tmp_path: Path) -> None:
    [item] = read(tmp_path / "f", ONE, stream="elsewhere")

    assert isinstance(item, Item)
    assert item.stream == "elsewhere"


def test_a_line_at_fault_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    items = read(tmp_path / "f", f"{ONE}\n\n{{oops\n{TWO}\n")

    assert faults(items) == ["in:3: not JSON: expected a member name in double quotes at column 2 (character 1)"]
    assert [json.loads(item.text)["id"] for item in items if isinstance(item, Item)] == ["1", "2"]


def test_an_element_at_fault_is_named_by_its_line(tmp_path: Path) -> None:
    items = read(tmp_path / "f", f"[\n{ONE},\n\n  {{}}]")

    assert faults(items) == [
        "in:4 (element 1): the attribute 'specversion' is missing; every event must have it (at /specversion)"
    ]


def test_equal_elements_are_each_reported_with_their_line(tmp_path: Path) -> None:
    items = read(tmp_path / "f", "[{},\n{},\n\n{}]")

    assert [fault.split(" (")[0] for fault in faults(items)] == ["in:1", "in:2", "in:4"]


def test_an_event_of_a_history_at_fault_is_named_by_its_line(tmp_path: Path) -> None:
    content = '{"events": [\n{"eventId":"1","eventType":"A","eventTime":"now"}]}'

    [fault] = faults(read(tmp_path / "f", content))

    assert fault.startswith("in:2: time must be a timestamp")


def test_broken_json_is_named_by_line_and_column(tmp_path: Path) -> None:
    [fault] = faults(read(tmp_path / "f", f"[{ONE},\n{ONE}\n"))

    assert fault.startswith("in: not JSON: ")
    assert "line 3, column 1" in fault


def test_input_that_is_not_utf8_is_reported(tmp_path: Path) -> None:
    [fault] = faults(read(tmp_path / "f.ndjson", b'{"\xff"}'))

    assert fault == "in:1: invalid UTF-8 at byte 2; JSON must be encoded in UTF-8"


def test_an_event_that_is_too_large_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    fits, large = (with_data(json.dumps("x" * size), 1) for size in (250_000, 263_000))

    assert [len(faults(read(tmp_path / "f", text))) for text in (fits, large)] == [0, 1]


def test_a_file_named_ndjson_is_read_as_ndjson(tmp_path: Path) -> None:
    [fault, _] = read(tmp_path / "f.ndjson", f"{{oops\n{ONE}\n")

    assert str(fault).startswith("in:1: not JSON")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert faults(list(Source(path=tmp_path / "none", name="none").items())) == [
        "none: cannot be read: No such file or directory"
    ]


def test_standard_input_is_read_as_often_as_is_needed() -> None:
    with spooled(BytesIO(f"{ONE}\n{TWO}".encode()), name="standard input") as source:
        assert [len(list(source.items())), len(list(source.items()))] == [2, 2]


def test_a_check_counts_what_is_valid(tmp_path: Path) -> None:
    (tmp_path / "f").write_text(f"{ONE}\n{TWO}\n")

    assert check([Source(path=tmp_path / "f")] * 2) == 4


def test_a_check_names_ten_faults_and_stops(tmp_path: Path) -> None:
    (tmp_path / "f.ndjson").write_text("{}\n" * 50)

    with pytest.raises(BadInput) as refused:
        check([Source(path=tmp_path / "f.ndjson")])

    assert len(refused.value.places) == 11
