"""How a page of instructions is read."""

from __future__ import annotations

import pytest

from tests.walkthroughs.steps import Step, steps


@pytest.mark.parametrize(
    ("page", "step"),
    [
        ("Run it:\n\n```\nls\n```\n", Step("command", "ls\n")),
        ("Open a third terminal in `shop`:\n\n```\nls\n```\n", Step("service", "ls\n")),
        ("Run it in another terminal:\n\n```\nls\n```\n", Step("service", "ls\n")),
        ("In the second terminal, run it:\n\n```\nls\n```\n", Step("command", "ls\n")),
        ("Create `a.py`:\n\n```python\nx = 1\n```\n", Step("file", "x = 1\n", "a.py")),
        ("The stream moved on. Create\n`a.html`:\n\n```html\n<p>\n```\n", Step("file", "<p>\n", "a.html")),
        ("A handler in `a.py`:\n\n```python\nx = 1\n```\n", Step("part", "x = 1\n", "python")),
        ("```text\n1\n```\n", Step("output", "1\n")),
        ("Now `a.py` prints:\n\n```text\n1\n```\n", Step("output", "1\n", "a.py")),
        ("Stop `a.py` with Ctrl-C.", Step("stop", "a.py")),
    ],
)
def test_a_sentence_says_what_a_block_is(page: str, step: Step) -> None:
    assert list(steps(page)) == [step]


def test_a_program_is_stopped_before_the_block_that_follows() -> None:
    page = "Stop `a.py` with Ctrl-C, and list:\n\n```\nls\n```\n\nStop `b.py` with Ctrl-C."

    assert [step.kind for step in steps(page)] == ["stop", "command", "stop"]
