from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from eventstore_dev.queues.lanes import Lanes


@dataclass(eq=False)
class Parcel:
    lane: str
    number: int
    visible_at: float = 0
    delayed_until: float = 0


def always(_: Parcel) -> bool:
    return True


def lanes_with(*parcels: Parcel) -> Lanes[Parcel]:
    lanes: Lanes[Parcel] = Lanes()
    for parcel in parcels:
        lanes.add(parcel.lane, parcel, now=0)
    return lanes


def take(lanes: Lanes[Parcel], most: int, now: float = 0) -> list[str]:
    """Take items, and hold them for a second."""
    lanes.settle(now)
    taken = lanes.take(most, now=now, keep=always)
    for parcel in taken:
        lanes.hold(parcel, now + 1, now=now)
    return [f"{parcel.lane}{parcel.number}" for parcel in taken]


def test_as_many_of_a_lane_as_possible_come_before_the_next() -> None:
    lanes = lanes_with(Parcel("a", 1), Parcel("b", 1), Parcel("a", 2))
    assert take(lanes, 10) == ["a1", "a2", "b1"]


def test_a_lane_with_an_item_out_is_closed() -> None:
    lanes = lanes_with(Parcel("a", 1), Parcel("a", 2), Parcel("b", 1))
    assert take(lanes, 1) == ["a1"]
    assert take(lanes, 10) == ["b1"]


def test_an_item_visible_again_comes_before_later_ones() -> None:
    lanes = lanes_with(Parcel("a", 1), Parcel("a", 2))
    take(lanes, 1)
    assert take(lanes, 10, now=0.5) == []
    assert take(lanes, 10, now=1) == ["a1", "a2"]


def test_a_lane_opens_when_the_item_out_is_removed() -> None:
    first = Parcel("a", 1)
    lanes = lanes_with(first, Parcel("a", 2))
    take(lanes, 1)
    lanes.remove("a", first, now=0)
    assert take(lanes, 10) == ["a2"]


def test_a_lane_waits_for_its_delayed_first() -> None:
    lanes = lanes_with(Parcel("a", 1, delayed_until=5), Parcel("a", 2))
    assert take(lanes, 10, now=4) == []
    assert lanes.next_alarm == 5
    assert take(lanes, 10, now=5) == ["a1", "a2"]


def test_a_longer_hold_overtakes_the_first_alarm() -> None:
    first = Parcel("a", 1)
    lanes = lanes_with(first)
    take(lanes, 1)
    lanes.hold(first, 9, now=0)
    assert take(lanes, 1, now=2) == []
    assert take(lanes, 1, now=9) == ["a1"]


def test_a_busy_lane_lets_others_have_their_turn() -> None:
    busy = [Parcel("a", number) for number in range(1, 4)]
    lanes = lanes_with(*busy, Parcel("b", 1))
    take(lanes, 1)
    lanes.remove("a", busy[0], now=0)
    assert take(lanes, 1) == ["b1"]


class Delivery(RuleBasedStateMachine):
    """Each lane's items are taken in order, and none while another item of the lane is out."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: Lanes[Parcel] = Lanes()
        self.now = 0.0
        self.waiting: dict[str, list[Parcel]] = {"a": [], "b": [], "c": []}
        self.count = 0

    @rule(lane=st.sampled_from("abc"), delay=st.sampled_from([0, 0, 3]))
    def add(self, lane: str, delay: float) -> None:
        self.count += 1
        parcel = Parcel(lane, self.count, delayed_until=self.now + delay)
        self.waiting[lane].append(parcel)
        self.lanes.add(lane, parcel, now=self.now)

    @rule(most=st.integers(1, 4), seconds=st.integers(0, 5))
    def take(self, most: int, seconds: float) -> None:
        self.lanes.settle(self.now)
        expected_lanes = {name for name in self.waiting if self.is_open(name)}
        taken = self.lanes.take(most, now=self.now, keep=always)
        assert {parcel.lane for parcel in taken} <= expected_lanes
        assert bool(taken) == bool(expected_lanes)
        for name in {parcel.lane for parcel in taken}:
            mine = [parcel for parcel in taken if parcel.lane == name]
            assert mine == self.waiting[name][: len(mine)]
        for parcel in taken:
            self.lanes.hold(parcel, self.now + seconds, now=self.now)

    @rule(data=st.data(), seconds=st.integers(0, 5))
    def change(self, data: st.DataObject, seconds: float) -> None:
        self.lanes.settle(self.now)
        if out := self.out():
            self.lanes.hold(data.draw(st.sampled_from(out)), self.now + seconds, now=self.now)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.lanes.settle(self.now)
        if everything := [parcel for parcels in self.waiting.values() for parcel in parcels]:
            parcel = data.draw(st.sampled_from(everything))
            self.waiting[parcel.lane].remove(parcel)
            self.lanes.remove(parcel.lane, parcel, now=self.now)

    @rule(seconds=st.integers(1, 6))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def what_is_closed_will_open(self) -> None:
        self.lanes.settle(self.now)
        if any(self.waiting.values()) and not self.lanes.any_open:
            assert self.lanes.next_alarm is not None

    def out(self) -> list[Parcel]:
        return [parcel for parcels in self.waiting.values() for parcel in parcels if self.lanes.is_out(parcel)]

    def is_open(self, name: str) -> bool:
        lane = self.waiting[name]
        return bool(lane) and lane[0].delayed_until <= self.now and not any(map(self.lanes.is_out, lane))


TestDelivery = Delivery.TestCase
