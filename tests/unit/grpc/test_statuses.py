"""Every error has a code of gRPC, and the reason that programs read is the code that REST has for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc import StatusCode

from eventstore import errors
from eventstore.write.publisher import PartlyPublished, Published
from eventstore_server.grpc.statuses import CODES, SessionClosed, failure_of, response_of, status_of
from functions.rest.problems import InvalidBody
from tests.unit.core.test_error_codes import CONCRETE

if TYPE_CHECKING:
    from google.rpc.status_pb2 import Status


def _info(status: Status) -> ErrorInfo:
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


@pytest.mark.parametrize("kind", [*CONCRETE, InvalidBody], ids=lambda kind: kind.code)
def test_an_error_has_a_code_of_its_own(kind: type[errors.EventstoreError]) -> None:
    assert kind in CODES, "add it to CODES of eventstore_server/grpc/statuses.py, and to the table of docs/grpc.md"


def test_no_code_is_ok_or_unknown() -> None:
    assert {StatusCode.OK, StatusCode.UNKNOWN, StatusCode.INTERNAL}.isdisjoint(CODES.values())


def test_the_status_and_the_failure_of_an_error_say_the_same() -> None:
    error = errors.WrongExpectedVersion("s", expected=3, actual=7)
    status, failure = status_of(error), failure_of(error)
    info = _info(status)
    assert (info.reason, info.domain) == ("wrong-expected-version", "flunq.io")
    assert (failure.code, failure.reason, failure.message) == (status.code, info.reason, status.message)
    assert dict(failure.metadata) == dict(info.metadata) == {"stream": "s", "expected": "3", "actual": "7"}


def test_an_error_of_a_subclass_has_the_code_of_its_base() -> None:
    class Special(errors.StoreUnavailable):
        code = "special"

    status = status_of(Special("out"))
    assert (status.code, _info(status).reason) == (StatusCode.UNAVAILABLE.value[0], "special")


def test_an_error_that_passes_says_when_to_try_again() -> None:
    retry = RetryInfo()
    assert status_of(errors.StoreUnavailable("out")).details[-1].Unpack(retry)
    assert retry.retry_delay.seconds == 1
    assert not any(detail.Is(RetryInfo.DESCRIPTOR) for detail in status_of(errors.Malformed("no JSON")).details)


def test_an_unexpected_error_is_logged_and_reveals_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status = status_of(ValueError("secret"))
    assert (status.code, _info(status).reason) == (StatusCode.INTERNAL.value[0], "internal")
    assert "secret" not in status.message
    assert "secret" in caplog.text


def test_a_publish_that_stored_only_some_events_says_which() -> None:
    error = PartlyPublished([Published("a", 1, "x", False), None])  # type: ignore[arg-type]
    error.__cause__ = errors.StoreUnavailable("out")
    info = _info(status_of(error))
    assert (info.reason, info.metadata["stored"]) == ("store-unavailable", "0")


def test_a_session_that_the_server_closes_ends_with_its_reason() -> None:
    assert response_of(SessionClosed("slow-consumer", "too slow")).code is StatusCode.RESOURCE_EXHAUSTED
    assert response_of(SessionClosed("going-away", "stopped")).code is StatusCode.UNAVAILABLE
    assert response_of(SessionClosed("new-epoch", "reset")).code is StatusCode.FAILED_PRECONDITION


def test_an_error_fits_into_the_metadata_that_clients_accept() -> None:
    places = [(f"/members/{number}/{'x' * 300}", "é" * 3000) for number in range(100)]
    status = response_of(InvalidBody(places))
    size = len(status.details.encode()) * 3 + sum(len(value) for _, value in status.trailing_metadata or ())
    assert size < 8 * 1024


def test_a_surrogate_in_an_error_does_not_hide_the_error() -> None:
    status = status_of(errors.InvalidEvent("wrong: \ud800", pointer="/\ud800"))
    assert status.message == "wrong: ?"
    assert any(detail.Is(BadRequest.DESCRIPTOR) for detail in status.details)
