from __future__ import annotations

import pytest

from eventstore_client import Loss, Missing


@pytest.mark.parametrize(
    ("loss", "line"),
    [
        (Loss(missing=(Missing("a", 5, 9),)), "events were removed before they were received: a 5 to 9"),
        (
            Loss(missing=(Missing("a", 5, 5), Missing("b", 1, 2)), more=True),
            "events were removed before they were received: a 5, b 1 to 2, others",
        ),
        (
            Loss(missing=tuple(Missing("a", n, n) for n in range(1, 9))),
            "events were removed before they were received: a 1, a 2, a 3, others",
        ),
        (Loss(), "events were removed before they were received: the hub does not report which"),
        (Loss(gone=("a", "b")), "streams were deleted permanently: a, b"),
        (Loss(gone=tuple("abcde")), "streams were deleted permanently: a, b, c, others"),
        (Loss(renewed=(3, 4)), "the store was reset in partitions 3, 4"),
        (
            Loss(missing=(Missing("a", 1, 2),), renewed=(3,)),
            "events were removed before they were received: a 1 to 2; the store was reset in partitions 3",
        ),
    ],
)
def test_a_loss_is_described_in_one_line(loss: Loss, line: str) -> None:
    assert str(loss) == line
