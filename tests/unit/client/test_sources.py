from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.cloudevents.json_text import members
from eventstore_client import BadInput
from eventstore_client.loader import check
from eventstore_client.sources import Fault, Item, Source, spooled

if TYPE_CHECKING:
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


def texts(found: list[Item | Fault]) -> list[str]:
    assert all(isinstance(one, Item) for one in found), found
    return [one.text for one in found if isinstance(one, Item)]


def faults(found: list[Item | Fault]) -> list[str]:
    return [str(one) for one in found if isinstance(one, Fault)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources") / "events"


@given(data=st.lists(values(SPACE), min_size=1, max_size=5))
def test_every_event_of_ndjson_goes_on_to_the_letter(file: Path, data: list[str]) -> None:
    written = [with_data(value, number) for number, value in enumerate(data)]

    assert texts(read(file, "\n".join(written))) == written


@given(data=st.lists(values(LINES), max_size=5), space=LINES)
def test_every_event_of_an_array_goes_on_to_the_letter(file: Path, data: list[str], space: str) -> None:
    written = [with_data(value, number) for number, value in enumerate(data)]

    assert texts(read(file, f"{space}[{space}{f'{space},{space}'.join(written)}{space}]{space}")) == written


@given(data=st.lists(values(LINES), max_size=5))
def test_the_data_of_every_event_of_a_history_go_on_to_the_letter(file: Path, data: list[str]) -> None:
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
def test_one_event_is_found_however_it_is_written(tmp_path: Path, content: str) -> None:
    assert [json.loads(text)["id"] for text in texts(read(tmp_path / "f", content))] == ["1"]


@pytest.mark.parametrize("content", ["", "\n \n", "[]", '{"events": []}'])
def test_a_file_without_events_has_none(tmp_path: Path, content: str) -> None:
    assert read(tmp_path / "f", content) == []


def test_each_event_belongs_where_its_attributes_say(tmp_path: Path) -> None:
    [found] = read(tmp_path / "f", ONE.replace('"workflowid"', '"tenantid":"acme","workflowid"'))

    assert isinstance(found, Item)
    assert found.stream == "acme:wf"


def test_a_stream_that_is_named_takes_all(tmp_path: Path) -> None:
    [found] = read(tmp_path / "f", ONE, stream="elsewhere")

    assert isinstance(found, Item)
    assert found.stream == "elsewhere"


def test_a_line_at_fault_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    found = read(tmp_path / "f", f"{ONE}\n\n{{oops\n{TWO}\n")

    assert faults(found) == ["in:3: not JSON: Expecting a member's name in double quotes at column 2 (character 1)"]
    assert [json.loads(one.text)["id"] for one in found if isinstance(one, Item)] == ["1", "2"]


def test_an_element_at_fault_is_named_by_its_line(tmp_path: Path) -> None:
    found = read(tmp_path / "f", f"[\n{ONE},\n\n  {{}}]")

    assert faults(found) == [
        "in:4 (element 1): the attribute 'specversion' is missing; every event has one (at /specversion)"
    ]


def test_elements_that_read_the_same_are_named_by_a_line_each(tmp_path: Path) -> None:
    found = read(tmp_path / "f", "[{},\n{},\n\n{}]")

    assert [fault.split(" (")[0] for fault in faults(found)] == ["in:1", "in:2", "in:4"]


def test_an_event_of_a_history_at_fault_is_named_by_its_line(tmp_path: Path) -> None:
    content = '{"events": [\n{"eventId":"1","eventType":"A","eventTime":"now"}]}'

    [fault] = faults(read(tmp_path / "f", content))

    assert fault.startswith("in:2: time is 'now', which is no timestamp")


def test_broken_json_is_named_by_line_and_column(tmp_path: Path) -> None:
    [fault] = faults(read(tmp_path / "f", f"[{ONE},\n{ONE}\n"))

    assert fault.startswith("in: not JSON: ")
    assert "line 3, column 1" in fault


def test_what_is_not_utf8_is_named(tmp_path: Path) -> None:
    [fault] = faults(read(tmp_path / "f.ndjson", b'{"\xff"}'))

    assert fault == "in:1: byte 2 is not UTF-8; JSON is sent in UTF-8"


def test_an_event_that_is_too_large_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    fits, large = (with_data(json.dumps("x" * size), 1) for size in (250_000, 263_000))

    assert [len(faults(read(tmp_path / "f", text))) for text in (fits, large)] == [0, 1]


def test_a_name_that_ends_in_ndjson_is_taken_at_its_word(tmp_path: Path) -> None:
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
