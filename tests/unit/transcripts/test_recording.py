from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.transcripts.__main__ import main
from tests.transcripts.recording import Unreadable, read, written
from tests.unit.transcripts.group_scenario import group_transcript
from tests.unit.transcripts.scenario import transcript

if TYPE_CHECKING:
    from pathlib import Path


def test_a_transcript_survives_writing_and_reading() -> None:
    good = replace(transcript(3), recreated=(0.5,), groups=group_transcript(3).groups)
    assert read(written(good)) == good


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"kind":"other"}', '{"kind":"message"}', '{"kind":"stream","x":1}'])
def test_an_invalid_line_is_reported(line: str) -> None:
    with pytest.raises(Unreadable, match="line 2 "):
        read([next(written(transcript(3, steps=5))), line])


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(Unreadable, match="there is no kind 'other'"):
        read([next(written(transcript(3, steps=5))), '{"kind":"other"}'])


def test_a_call_of_a_group_without_a_target_is_reported() -> None:
    with pytest.raises(Unreadable, match="no target stands above the call"):
        read([*written(group_transcript(3)), '{"kind":"call"}'])


def test_a_transcript_without_violations_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "good.jsonl"
    file.write_text("\n".join(written(transcript(3))), encoding="utf-8")
    assert main([str(file)]) == 0
    assert "Every promise was kept" in capsys.readouterr().out


def test_a_transcript_with_a_violation_exits_with_1_and_names_the_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = transcript(3)
    stream = good.streams[0]
    incomplete = replace(good, streams=(replace(stream, events=stream.events[:-1]), *good.streams[1:]))
    file = tmp_path / "lost.jsonl"
    file.write_text("\n".join(written(incomplete)), encoding="utf-8")
    assert main([str(file)]) == 1
    output = capsys.readouterr().out
    assert output.startswith("LOST, an answered event is not in the store: ")
    assert f"stream {stream.stream}" in output
    assert "seed 3" in output


def test_a_file_that_is_not_a_transcript_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other"
    file.write_text("hello", encoding="utf-8")
    assert main([str(file)]) == 2
    assert "line 1 " in capsys.readouterr().err
