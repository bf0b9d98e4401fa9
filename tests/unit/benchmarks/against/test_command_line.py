from __future__ import annotations

import pytest

from tests.benchmarks.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--against", "HEAD", "--only", "nothing"], "no such workload: nothing; there are appending,"),
        (["--against", "HEAD", "--rounds", "5"], "must be an integer of at least 6"),
        (["--against", "HEAD", "--rounds", "many"], "must be an integer of at least 6"),
        (["--against", "HEAD", "appending"], "name what is compared by --only"),
        (["--against", "no-such-commit"], "there is no commit no-such-commit"),
        (["--rounds", "6"], "--rounds belongs to --against"),
        (["--only", "appending,nothing", "--write"], "no such subject: nothing; there are appending,"),
        (["no-such-subject"], "no such subject: no-such-subject"),
    ],
)
def test_impossible_requests_are_reported_before_anything_is_measured(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err
