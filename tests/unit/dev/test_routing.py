from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore_dev.rest.routing import Router
from eventstore_dev.template import RestApi, Route


def router(*routes: tuple[str, str]) -> Router:
    return Router([RestApi("A", "s", (), tuple(Route(method, path, "F") for method, path in routes))])


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/a", "/a", {}),
        ("/a/", "/a", {}),
        ("/b", "/{one}", {"one": "b"}),
        ("/a/b", "/a/b", {}),
        ("/a/c", "/a/{two}", {"two": "c"}),
        ("/x/b", "/{one}/b", {"one": "x"}),
        ("/x/y", "/{rest+}", {"rest": "x/y"}),
        ("/a/b/c/d", "/a/{rest+}", {"rest": "b/c/d"}),
        ("/x/y/z", "/{rest+}", {"rest": "x/y/z"}),
    ],
)
def test_the_most_specific_resource_wins(path: str, resource: str, parameters: dict[str, str]) -> None:
    resources = ("/{rest+}", "/{one}", "/a/{rest+}", "/a/{two}", "/{one}/b", "/a/b", "/a", "/")
    match = router(*(("GET", each) for each in resources)).match("GET", path)
    assert match is not None
    assert (match.route.path, match.parameters) == (resource, parameters)


def test_an_unknown_path_has_no_route() -> None:
    assert router(("GET", "/a/{b}")).match("GET", "/a") is None


def test_a_greedy_parameter_needs_something_to_take() -> None:
    assert router(("GET", "/a/{rest+}")).match("GET", "/a/") is None


def test_a_resource_without_the_method_hides_a_less_specific_one() -> None:
    assert router(("POST", "/a"), ("GET", "/{rest+}")).match("GET", "/a") is None


def test_a_declared_method_wins_over_any() -> None:
    routes = (Route("ANY", "/a", "Other"), Route("GET", "/a", "Mine"))
    match = Router([RestApi("A", "s", (), routes)]).match("GET", "/a")
    assert match is not None
    assert match.route.function == "Mine"


def test_the_first_api_that_knows_the_path_serves_it() -> None:
    apis = [RestApi(name, name, (), (Route("GET", path, "F"),)) for name, path in (("A", "/a"), ("B", "/{any}"))]
    matches = [Router(apis).match("GET", path) for path in ("/a", "/b")]
    assert [match and match.api.name for match in matches] == ["A", "B"]


@given(st.text(min_size=1))
def test_any_text_survives_as_a_path_parameter_that_the_function_decodes(text: str) -> None:
    encoded = quote(text, safe="", errors="surrogatepass")
    match = router(("GET", "/a/{id}")).match("GET", f"/a/{encoded}")
    assert match is not None
    assert match.parameters == {"id": encoded}
