from __future__ import annotations

import pytest

from eventstore_site.links import rewritten, target_of


def seen(text: str) -> list[str]:
    found: list[str] = []

    def keep(link: str) -> str:
        found.append(link)
        return link

    assert rewritten(text, keep) == text
    return found


@pytest.mark.parametrize(
    "code",
    [
        "`[a](b.md)`",
        "``[a](`b.md)``",
        "```\n[a](b.md)\n```\n",
        "````text\n```\n[a](b.md)\n```\n````\n",
        "~~~\n[a](b)\n~~~\n",
    ],
)
def test_a_link_in_code_is_none(code: str) -> None:
    assert seen(f"{code} then [c](d.md)") == ["d.md"]


def test_links_are_replaced_and_nothing_else() -> None:
    page = (
        "# A [title](one.md)\n\n[code `x`](two.md#three), [of\ntwo lines](four.md)\n\n"
        "```\n[no](five.md)\n```\n\n[six](six.md)"
    )

    assert rewritten(page, str.upper) == (
        "# A [title](ONE.MD)\n\n[code `x`](TWO.MD#THREE), [of\ntwo lines](FOUR.MD)\n\n"
        "```\n[no](five.md)\n```\n\n[six](SIX.MD)"
    )


def test_a_page_without_links_remains_as_it_is() -> None:
    page = "a `b` c\n\n```python\nx = y[0](z)\n"
    assert rewritten(page, str.upper) == page


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("protocol.md", ("docs/protocol.md", "")),
        ("../README.md#run", ("README.md", "run")),
        ("./operations/", ("docs/operations", "")),
        ("../../elsewhere", ("../elsewhere", "")),
        ("#here", None),
        ("https://flunq.io/a", None),
        ("mailto:a@b.example", None),
    ],
)
def test_a_link_names_a_path_of_the_repository(link: str, target: tuple[str, str] | None) -> None:
    assert target_of(link, "docs/client.md") == target
