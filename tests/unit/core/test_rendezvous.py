from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.live.rendezvous import partition_owner
from eventstore.ports import InstanceId

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARTITIONS = 256
instance_lists = st.lists(st.text().map(InstanceId), min_size=2, max_size=6, unique=True)


def owners(instances: Sequence[InstanceId]) -> Mapping[int, InstanceId]:
    return {partition: partition_owner(partition, instances) for partition in range(PARTITIONS)}


def named(count: int) -> list[InstanceId]:
    return [InstanceId(f"{number:024x}") for number in range(count)]


def test_instances_of_other_versions_come_to_the_same_owners() -> None:
    instances = named(3)
    found = [instances.index(partition_owner(partition, instances)) for partition in range(16)]
    assert found == [2, 1, 0, 2, 2, 0, 1, 1, 2, 0, 2, 2, 0, 2, 0, 0]


def test_a_single_instance_owns_everything() -> None:
    assert set(owners(named(1)).values()) == set(named(1))


def test_without_instances_there_is_no_owner() -> None:
    with pytest.raises(ValueError, match="empty"):
        partition_owner(0, [])


@given(instance_lists.flatmap(lambda instances: st.tuples(st.just(instances), st.permutations(instances))))
def test_the_order_of_instances_does_not_matter(lists: tuple[list[InstanceId], list[InstanceId]]) -> None:
    first, second = lists
    assert owners(first) == owners(second)


@given(instance_lists)
def test_only_the_partitions_of_an_instance_that_leaves_move(instances: list[InstanceId]) -> None:
    *staying, leaving = instances
    before, after = owners(instances), owners(staying)
    assert {partition for partition, owner in before.items() if owner != after[partition]} == {
        partition for partition, owner in before.items() if owner == leaving
    }


@pytest.mark.parametrize("count", [2, 3, 5, 8])
def test_each_instance_owns_about_as_many_partitions(count: int) -> None:
    shares = Counter(owners(named(count)).values())
    fair = PARTITIONS / count
    assert len(shares) == count
    assert all(fair / 2 < share < fair * 2 for share in shares.values())
