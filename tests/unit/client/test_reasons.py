from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from eventstore_client import ConnectFailed, Park, Retry
from eventstore_client.reasons import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable


def reason(handler: Callable[[], object]) -> str:
    try:
        handler()
    except Exception as error:  # noqa: BLE001 - whatever a handler raises
        return reason_of(error)
    raise AssertionError


def fail(error: Exception) -> None:
    raise error


def test_the_file_and_line_of_what_failed_are_in_the_reason() -> None:
    line = fail.__code__.co_firstlineno + 1
    assert reason(lambda: fail(NameError("name 'x' is not defined"))) == (
        f"NameError: name 'x' is not defined (test_reasons.py:{line})"
    )


def test_a_failure_within_a_library_is_placed_where_the_handler_called_it() -> None:
    here = re.fullmatch(r"JSONDecodeError: .* \(test_reasons\.py:\d+\)", reason(lambda: json.loads("{")))
    assert here


def test_lines_of_a_handler_installed_as_a_library_are_given_as_the_place() -> None:
    def handler() -> None:
        json.JSONDecoder().raw_decode("x")

    # As if it were in the folder of libraries, beside that decoder.
    handler.__code__ = handler.__code__.replace(co_filename=json.__file__.replace("__init__", "shipping"))
    with pytest.raises(ValueError, match="Expecting value") as raised:
        handler()
    error = raised.value
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    assert re.search(r"\(decoder\.py:\d+\)$", reason_of(error))


def test_a_long_message_is_cut_and_the_place_is_kept() -> None:
    text = reason(lambda: fail(ValueError("x" * 999)))
    assert (len(text), text.startswith("ValueError: xxx")) == (300, True)
    assert re.search(r"x \(test_reasons\.py:\d+\)$", text)


@pytest.mark.parametrize("verdict", [Retry("busy"), Park("busy")])
def test_the_reason_of_a_verdict_is_its_text(verdict: Exception) -> None:
    assert reason(lambda: fail(verdict)) == "busy"


def test_lines_of_the_client_are_not_given_as_the_place() -> None:
    error = ConnectFailed("away")
    assert reason_of(error) == "ConnectFailed: away"
