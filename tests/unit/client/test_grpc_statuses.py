"""Errors of calls of gRPC are those that the client raises over REST for the same code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from eventstore import errors
from eventstore_client import ConnectFailed, Denied, ProblemError, TooLarge, UnexpectedAnswer, WrongExpectedVersion
from eventstore_client.errors import problem_error, refusal
from eventstore_client.grpc.statuses import error_of
from eventstore_server.grpc.statuses import CODES, SessionClosed, response_of
from functions.rest.problems import CODES as REST
from functions.rest.problems import InvalidBody, of
from tests.unit.core.test_error_codes import CONCRETE

if TYPE_CHECKING:
    from collections.abc import Sequence

_URL = "grpc://127.0.0.1:9001"


class _Failed(grpc.RpcError):
    """A call that failed."""

    def __init__(
        self, code: grpc.StatusCode, details: str, metadata: Sequence[tuple[str, str | bytes]] | None = None
    ) -> None:
        self._code, self._details, self._metadata = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Any:  # noqa: ANN401 - the stubs of the library name no class
        return self._metadata


def failed(error: Exception) -> _Failed:
    """A call that the server ends because of an error."""
    status: Any = response_of(error)
    return _Failed(status.code, status.details, status.trailing_metadata)


def instance(kind: type[errors.EventstoreError]) -> errors.EventstoreError:
    """An error of a class, whatever its constructor takes."""
    error = kind.__new__(kind)
    Exception.__init__(error)
    members = ("pointer", "position", "name", "stream", "subscription", "expected", "actual", "sequence", "index")
    for name, value in {**dict.fromkeys(members), "detail": "why", "candidates": [], "places": []}.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize("kind", [*CONCRETE, InvalidBody], ids=lambda kind: kind.code)
def test_an_error_has_the_class_that_it_has_over_rest(kind: type[errors.EventstoreError]) -> None:
    assert kind in CODES
    error = instance(kind)
    raised = error_of(failed(error), _URL)
    assert isinstance(raised, ProblemError)
    assert (raised.code, raised.status) == (kind.code, None)
    if kind.code not in REST:
        assert isinstance(raised, type(refusal({"code": kind.code})))
        return
    answer = of(error)
    body = answer.body if isinstance(answer.body, bytes) else answer.body.encode()
    assert type(raised) is type(problem_error(answer.status_code, body))
    assert raised.detail.startswith(json.loads(body)["detail"])


@pytest.mark.parametrize("kind", [errors.InvalidEvent, errors.InvalidStream])
def test_a_problem_has_the_text_that_it_has_over_rest(kind: type[errors.Invalid]) -> None:
    error = kind("why", pointer="/events/1")
    answer = of(error)
    body = answer.body if isinstance(answer.body, bytes) else answer.body.encode()

    over_rest, over_grpc = problem_error(answer.status_code, body), error_of(failed(error), _URL)

    assert "why (at /events/1)" in str(over_rest)
    assert str(over_grpc) == str(over_rest).replace(f", HTTP {answer.status_code})", ")")


def test_metadata_are_the_members_of_the_problem() -> None:
    error = error_of(failed(errors.WrongExpectedVersion("s", expected=3, actual=7)), _URL)

    assert isinstance(error, WrongExpectedVersion)
    assert (error.actual, error.problem["expected"], error.problem["stream"]) == (7, 3, "s")


def test_several_events_of_an_id_are_the_candidates() -> None:
    ambiguous = errors.AmbiguousEvent("1", candidates=[("s", "/a"), ("s", "/b c")])

    error = error_of(failed(ambiguous), _URL)

    assert isinstance(error, ProblemError)
    assert error.problem["candidates"] == [{"stream": "s", "source": "/a"}, {"stream": "s", "source": "/b c"}]


def test_places_are_within_the_request_as_over_rest() -> None:
    error = error_of(failed(errors.InvalidEvent("no", pointer="/events/3/id")), _URL, pointer="/events")

    assert isinstance(error, ProblemError)
    assert error.errors == [{"pointer": "/3/id", "detail": "no"}]


@pytest.mark.parametrize("code", ["slow-consumer", "going-away"])
def test_a_session_that_the_hub_ends_is_resumed(code: str) -> None:
    error = error_of(failed(SessionClosed(code, "why")), _URL)

    assert isinstance(error, ConnectFailed) or type(error).__name__ == "Unavailable"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.UNAVAILABLE, ConnectFailed),
        (grpc.StatusCode.DEADLINE_EXCEEDED, ConnectFailed),
        (grpc.StatusCode.CANCELLED, ConnectFailed),
        (grpc.StatusCode.INTERNAL, ConnectFailed),
        (grpc.StatusCode.UNIMPLEMENTED, UnexpectedAnswer),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TooLarge),
        (grpc.StatusCode.UNAUTHENTICATED, Denied),
    ],
)
def test_a_status_that_is_not_of_a_hub_says_whether_to_try_again(code: grpc.StatusCode, kind: type[Exception]) -> None:
    error = error_of(_Failed(code, "two\nlines"), _URL)

    assert type(error) is kind
    assert "two lines" in str(error)


def test_a_refusal_names_the_kind_of_credentials() -> None:
    error = error_of(failed(errors.Unauthorized("no")), _URL, credentials="the API key")

    assert isinstance(error, Denied)
    assert "the request was sent with the API key" in str(error)
