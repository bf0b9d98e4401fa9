"""Every error that a client may receive has a status over REST, or a place in the table of the WebSocket protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventstore import errors
from eventstore_client.errors import Unavailable, problem_error, refusal
from functions.rest.problems import CODES

_TABLE = (Path(__file__).parents[3] / "docs/protocol.md").read_text().partition("| code | what to do |")[2]
_ROWS = [line for line in _TABLE.partition("\n\n")[0].splitlines() if line.startswith("| `")]
_WEBSOCKET_ONLY = {
    errors.InvalidRequest,
    errors.SubscriptionHasTarget,
    errors.TooManySubscriptions,
    errors.UnknownAction,
}
_OF_EVERY_REQUEST = (
    errors.PartitionMismatch,
    errors.ShardMismatch,
    errors.FormatMismatch,
    errors.StoreFull,
    errors.StoreUnavailable,
)
_INTERNAL = {errors.ArchiveMismatch, errors.ArchiveUnavailable, errors.PartitionLeased, errors.TurnLost}
"""Errors of functions that no client calls."""


def _concrete(kind: type[errors.EventstoreError]) -> set[type[errors.EventstoreError]]:
    """The errors that are raised: those that are not only there to be caught, and exported by the package."""
    concrete = {kind} if kind.__name__ in vars(errors) and (not kind.__subclasses__() or kind in _RAISED) else set()
    return concrete.union(*map(_concrete, kind.__subclasses__()))


_RAISED = {errors.StoreUnavailable, errors.TurnLost}
"""Errors that are raised although they have subclasses."""

CONCRETE = sorted(_concrete(errors.EventstoreError), key=lambda kind: kind.code)


def _named_in_the_table(code: str) -> bool:
    return any(f"`{code}`" in row for row in _ROWS)


@pytest.mark.parametrize("kind", CONCRETE, ids=lambda kind: kind.code)
def test_an_error_has_a_status_over_rest_or_is_one_of_the_websocket_protocol_alone(
    kind: type[errors.EventstoreError],
) -> None:
    assert (kind.code in CODES) != (kind in _WEBSOCKET_ONLY | _INTERNAL), (
        "add it to `_KINDS` of functions/rest/problems.py, or here"
    )


@pytest.mark.parametrize("kind", [*sorted(_WEBSOCKET_ONLY, key=lambda kind: kind.code), *_OF_EVERY_REQUEST])
def test_the_websocket_protocol_says_what_to_do_about_an_error(kind: type[errors.EventstoreError]) -> None:
    assert _named_in_the_table(kind.code), "add it to the table of docs/protocol.md"


def test_no_two_errors_have_one_code() -> None:
    assert len({kind.code for kind in CONCRETE}) == len(CONCRETE)


@pytest.mark.parametrize(
    "kind", [kind for kind in CONCRETE if issubclass(kind, errors.Unavailable) and kind not in _INTERNAL]
)
def test_the_sdk_sends_again_what_cannot_be_served_now_over_both_protocols(
    kind: type[errors.EventstoreError],
) -> None:
    assert isinstance(refusal({"type": "error", "code": kind.code}), Unavailable)
    assert isinstance(problem_error(503, f'{{"code": "{kind.code}"}}'.encode()), Unavailable)
