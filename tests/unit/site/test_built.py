from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore_site.built import BuiltSite

if TYPE_CHECKING:
    from pathlib import Path


def faults(folder: Path, **pages: str) -> list[str]:
    for name, text in pages.items():
        path = folder / f"{name.replace('__', '/')}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(BuiltSite(folder).faults())


def test_a_site_whose_links_lead_somewhere_has_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    pages = {
        "index": '<p id="x"><a href="#x">1</a><a href="b/c.html#y%20z">2</a><a href="b/">3</a><a href="a.json">4</a>',
        "b__c": '<a name="y z" href="../index.html#x">5</a><a href="https://flunq.io#z">6</a><a href="tel:1">7</a>',
        "b__index": '<script src="../a.json"></script><link rel="canonical" href="https://flunq.io/b">',
    }
    assert faults(tmp_path, **pages) == []


@pytest.mark.parametrize(
    ("html", "missing"),
    [
        ('<a href="none.html">', "none.html"),
        ('<a href="none.json">', "none.json"),
        ('<a href="#none">', "#none in index.html"),
        ('<a href="other.html#none">', "#none in other.html"),
        ('<img src="none.png">', "none.png"),
        ('<a href="../outside.html">', "../outside.html"),
    ],
)
def test_a_link_to_nothing_is_a_fault(tmp_path: Path, html: str, missing: str) -> None:
    [fault] = faults(tmp_path, index=html, other='<p id="here">')
    assert fault.startswith("index.html links to ")
    assert fault.endswith(f": there is no {missing}")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        '<link rel="preconnect" href="https://fonts.example">',
        '<img src="https://cdn.example/a.png">',
    ],
)
def test_an_address_elsewhere_that_a_page_loads_is_a_fault(tmp_path: Path, html: str) -> None:
    [fault] = faults(tmp_path, index=html)
    assert fault.startswith("index.html loads ")
