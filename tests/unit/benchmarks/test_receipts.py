from __future__ import annotations

import asyncio

import pytest

from tests.benchmarks.receipts import Receipts, ninety_ninth


def test_every_receipt_has_its_time_from_the_beginning() -> None:
    async def received() -> list[float]:
        receipts = Receipts()
        receipts.begin(3)
        receipts.take()
        receipts.take(2)
        return await receipts.all()

    first, second, third = asyncio.run(received())
    assert 0 <= first <= second == third


def test_receipts_of_one_publishing_do_not_count_for_the_next() -> None:
    async def received() -> list[float]:
        receipts = Receipts()
        for _ in range(2):
            receipts.begin(1)
            receipts.take()
        return await receipts.all()

    assert len(asyncio.run(received())) == 1


def test_a_duplicate_receipt_invalidates_the_measurement() -> None:
    async def received() -> None:
        receipts = Receipts()
        receipts.begin(1)
        receipts.take(2)
        await receipts.all()

    with pytest.raises(AssertionError, match=r"2 receipts .* 1 were due"):
        asyncio.run(received())


def test_ninety_nine_of_a_hundred_do_not_exceed_the_ninety_ninth() -> None:
    seconds = [float(number) for number in range(1, 101)]
    limit = ninety_ninth(seconds)
    assert sum(duration <= limit for duration in seconds) == 99
