from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import InvalidStream
from eventstore.streams import partition_of, stream_name, stream_of
from tests.examples import event


@pytest.mark.parametrize(
    ("attributes", "stream"),
    [
        ({"tenantid": "acme", "workflowid": "order-1", "partitionkey": "p"}, "acme:order-1"),
        ({"workflowid": "order-1", "partitionkey": "p"}, "order-1"),
        ({"tenantid": "acme", "partitionkey": "p"}, "p"),
        ({"tenantid": "acme"}, "default"),
        ({}, "default"),
    ],
)
def test_an_event_says_where_it_belongs(attributes: dict[str, str], stream: str) -> None:
    assert stream_of(event(**attributes)) == stream


@pytest.mark.parametrize("name", ["a", "A.b_c:d~e-9", "x" * 200])
def test_names_are_made_of_these_characters(name: str) -> None:
    assert stream_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 201, "a b", "a/b", "{p1}", "a\n", "ü", "a*"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidStream, match="1 to 200"):
        stream_name(name)


def test_a_workflow_id_that_makes_no_name_is_refused_where_it_stands() -> None:
    with pytest.raises(InvalidStream) as caught:
        stream_of(event(workflowid="a b"))
    assert caught.value.pointer == "/workflowid"


@given(st.from_regex(r"[A-Za-z0-9._:~-]{1,200}", fullmatch=True), st.integers(1, 500))
def test_a_stream_belongs_to_one_partition(name: str, partitions: int) -> None:
    assert 0 <= partition_of(name, partitions) < partitions


def test_partitions_are_those_of_redis_clusters_checksum() -> None:
    # The check value of CRC-16/XMODEM.
    assert partition_of("123456789", 1 << 16) == 0x31C3
