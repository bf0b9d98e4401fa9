from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eventstore_site.pages import BrokenLink, Pages

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).parents[3]
_DOCUMENTS = [_ROOT / "README.md", _ROOT / "CONTRIBUTING.md", *sorted((_ROOT / "docs").rglob("*.md"))]


def repository(folder: Path, **files: str) -> Pages:
    """A repository; `__` in a name is a slash, and `_` a dot."""
    for name, text in ({"README_md": "# R"} | files).items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Pages(folder)


def test_pictures_have_a_path_on_the_site_to_which_pages_link(tmp_path: Path) -> None:
    pages = repository(tmp_path, docs__a_md="![p](images/p.png)")
    (tmp_path / "docs/images").mkdir()
    (tmp_path / "docs/images/p.png").write_bytes(b"\x89PNG")
    assert pages.texts() == {"index.md": "# R", "a.md": "![p](images/p.png)"}
    assert pages.pictures() == {"images/p.png": tmp_path / "docs/images/p.png"}


def test_a_link_to_a_page_leads_to_its_place_on_the_site(tmp_path: Path) -> None:
    pages = repository(tmp_path, docs__a_md="[r](../README.md#run) [b](x/b.md)", docs__x__b_md="[a](../a.md)")

    texts = pages.texts()

    assert texts["a.md"] == "[r](index.md#run) [b](x/b.md)"
    assert texts["x/b.md"] == "[a](../a.md)"


def test_a_readme_is_the_index_of_its_folder(tmp_path: Path) -> None:
    texts = repository(tmp_path, README_md="[d](docs/x)", docs__x__README_md="[r](../../README.md)").texts()

    assert texts == {"index.md": "[d](x/index.md)", "x/index.md": "[r](../index.md)"}


def test_a_file_that_a_page_links_to_is_a_page_with_its_text(tmp_path: Path) -> None:
    texts = repository(tmp_path, README_md="[f](a/f.py#L1)", a__f_py='"""```x```"""\n').texts()

    assert texts["index.md"] == "[f](files/a/f.py.md)"
    assert texts["files/a/f.py.md"] == '# a/f.py\n\n````python\n"""```x```"""\n````\n'


def test_a_folder_that_a_page_links_to_is_a_page_with_its_files(tmp_path: Path) -> None:
    texts = repository(tmp_path, README_md="[f](a)", a__f_py="1", a__g_yaml="b: 2").texts()

    assert "## a/f.py\n\n```python\n1\n```" in texts["files/a.md"]
    assert "## a/g.yaml\n\n```yaml\nb: 2\n```" in texts["files/a.md"]


def test_pages_outside_of_docs_are_followed_too(tmp_path: Path) -> None:
    texts = repository(tmp_path, README_md="[p](a/P.md)", a__P_md="[r](../README.md) [q](q.sh)", a__q_sh="ls").texts()

    assert texts["files/a/P.md"] == "[r](../../index.md) [q](q.sh.md)"
    assert "files/a/q.sh.md" in texts


@pytest.mark.parametrize("link", ["nothing.md", "../outside.md", "docs/none/"])
def test_a_link_to_nothing_is_named_with_its_page(tmp_path: Path, link: str) -> None:
    with pytest.raises(BrokenLink, match=re.escape(f"README.md links to {link}, and there is no ")):
        repository(tmp_path, README_md=f"[x]({link})").texts()


def titles(navigation: object) -> Iterator[str]:
    """The pages that a part of the navigation names."""
    if isinstance(navigation, str):
        yield navigation
    for part in (
        navigation.values() if isinstance(navigation, dict) else navigation if isinstance(navigation, list) else ()
    ):
        yield from titles(part)


def test_each_page_has_one_place_in_the_navigation() -> None:
    configuration = tomllib.loads((_ROOT / "infra/site/zensical.toml").read_text())
    named = list(titles(configuration["project"]["nav"]))
    of_the_repository = {name for name in Pages(_ROOT).texts() if not name.startswith(("files/", "decisions/0"))}
    generated = {f"reference/{name}.md" for name in ("python", "command-line", "rest", "websocket")}

    assert sorted(named) == sorted(of_the_repository | generated)


@pytest.mark.parametrize("path", _DOCUMENTS, ids=lambda path: path.relative_to(_ROOT).as_posix())
def test_commands_of_a_page_have_no_comments(path: Path) -> None:
    # An interactive zsh treats a comment as a command or as arguments.
    blocks = re.findall(r"^ *```(\w*)\n(.*?)^ *```", path.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for language, block in blocks if language in {"", "sh", "bash"} for line in block.splitlines()]

    assert [line for line in lines if re.search(r"(^|\s)#(\s|$)", line)] == []
