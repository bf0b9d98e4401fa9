"""The JavaScript module, as the function serves it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.functional.rest.api import Api

_PATH = "/api/v1/eventstore.js"
_FILE = Path(__file__).parents[3] / "functions/rest/javascript/eventstore.js"


def test_the_module_is_served_as_javascript(api: Api) -> None:
    reply = api.get(_PATH)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.body == _FILE.read_bytes()


def test_a_reader_that_has_the_module_is_not_sent_it_again(api: Api) -> None:
    first = api.get(_PATH)
    for condition in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = api.get(_PATH, If_None_Match=condition)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["cache-control"] == first.headers["cache-control"] == "public, max-age=300"
    assert api.get(_PATH, If_None_Match='"other"').status == 200
