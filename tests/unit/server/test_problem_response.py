from __future__ import annotations

import json

from eventstore.errors import Unauthorized
from eventstore_server.problem_response import problem_response


def test_a_request_without_a_valid_credential_is_answered_as_by_the_gateway() -> None:
    response = problem_response(Unauthorized("the key is unknown"))
    assert response.status == 401
    assert response.content_type == "application/problem+json"
    assert isinstance(response.body, bytes)
    problem = json.loads(response.body)
    assert (problem["code"], problem["title"]) == ("unauthorized", "No valid credential")


def test_a_problem_can_be_read_by_pages_only_where_they_may() -> None:
    header = "Access-Control-Allow-Origin"
    assert header not in problem_response(Unauthorized("x")).headers
    assert problem_response(Unauthorized("x"), open_to_pages=True).headers[header] == "*"
