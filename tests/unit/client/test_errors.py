from __future__ import annotations

import json

import pytest

from eventstore_client.errors import (
    ClientError,
    Conflict,
    EventConflict,
    Gone,
    Invalid,
    NotFound,
    ProblemError,
    TooLarge,
    Unavailable,
    UnexpectedAnswer,
    WrongExpectedVersion,
    problem_error,
)


def problem(status: int, code: str, **members: object) -> ClientError:
    return problem_error(status, json.dumps({"status": status, "code": code, "detail": "so it is", **members}).encode())


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "malformed", Invalid),
        (404, "stream-not-found", NotFound),
        (409, "event-conflict", EventConflict),
        (409, "stream-conflict", Conflict),
        (410, "stream-gone", Gone),
        (412, "wrong-expected-version", WrongExpectedVersion),
        (413, "too-large", TooLarge),
        (422, "invalid-event", Invalid),
        (503, "store-unavailable", Unavailable),
    ],
)
def test_a_problem_raises_the_error_of_its_code_and_status(status: int, code: str, kind: type[ProblemError]) -> None:
    error = problem(status, code)

    assert type(error) is kind
    assert str(error) == f"so it is ({code}, HTTP {status})"


def test_an_unknown_code_is_mapped_by_its_status() -> None:
    assert type(problem(409, "of-a-later-version")) is Conflict


def test_the_rules_broken_are_listed_with_their_places() -> None:
    error = problem(422, "invalid-event", errors=[{"pointer": "/3/source", "detail": "missing"}, "nonsense"])

    assert isinstance(error, Invalid)
    assert error.errors == [{"pointer": "/3/source", "detail": "missing"}]


def test_a_response_of_the_gateway_is_mapped_by_its_status() -> None:
    error = problem_error(502, b'{"message": "Internal server error"}')

    assert type(error) is Unavailable
    assert str(error) == "Internal server error (http-502, HTTP 502)"


@pytest.mark.parametrize("body", [b"", b"<html>\n  <b>no</b>", b"[1]", b"\xff\xfe"])
def test_a_response_that_is_not_a_problem_is_described_in_one_line(body: bytes) -> None:
    assert "\n" not in str(problem_error(500, body))


def test_a_response_below_400_is_not_a_refusal() -> None:
    assert type(problem_error(302, b"")) is UnexpectedAnswer
