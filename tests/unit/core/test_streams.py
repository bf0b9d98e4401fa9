from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.errors import InvalidStream
from eventstore.streams import is_fork, named_for, partition_of, stream_name, stream_of
from tests.examples import event

if TYPE_CHECKING:
    from eventstore.cloudevents.event import AttributeValue

_IDS = st.text("a:T", max_size=3)


@pytest.mark.parametrize(
    ("attributes", "stream"),
    [
        ({"tenantid": "acme", "workflowid": "order-1", "partitionkey": "p"}, "acme:order-1"),
        ({"workflowid": "order-1", "partitionkey": "p"}, "order-1"),
        ({"tenantid": "acme", "partitionkey": "p"}, "p"),
        ({"tenantid": "acme"}, "default"),
        ({"tenantid": True, "workflowid": False}, "true:false"),
        ({"tenantid": 7, "workflowid": -7}, "7:-7"),
        ({"workflowid": True}, "true"),
        ({"partitionkey": True}, "true"),
        ({"tenantid": "acme", "workflowid": "a:b:c"}, "acme:a:b:c"),
        ({}, "default"),
    ],
)
def test_an_event_names_its_stream_by_its_attributes(attributes: dict[str, AttributeValue], stream: str) -> None:
    assert stream_of(event(**attributes)) == stream


@pytest.mark.parametrize("name", ["a", "A.b_c:d~e-9", "x" * 200])
def test_valid_names_are_accepted(name: str) -> None:
    assert stream_name(name) == name


@pytest.mark.parametrize("name", ["", "x" * 201, "a b", "a/b", "{p1}", "a\n", "ü", "a*"])
def test_invalid_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidStream, match="1 to 200"):
        stream_name(name)


@pytest.mark.parametrize(
    ("attributes", "stream"),
    [
        ({"workflowid": "order 7"}, "order~207"),
        ({"tenantid": "acme", "workflowid": "order 7"}, "acme:order~207"),
        ({"partitionkey": "a/b ü~"}, "a~2Fb~20~C3~BC~7E"),
        ({"workflowid": "wf:2026-02-13T03:14:00Z~1"}, "wf:2026-02-13T03:14:00Z~1"),
    ],
)
def test_an_id_that_is_not_a_valid_name_is_escaped_consistently(
    attributes: dict[str, AttributeValue], stream: str
) -> None:
    assert stream_of(event(**attributes)) == stream


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=2, max_size=2, unique=True))
def test_ids_that_need_escaping_have_different_names(ids: list[str]) -> None:
    first, second = (stream_name(named_for("/" + name, prefix="acme:")) for name in ids)

    assert first != second


@pytest.mark.parametrize("prefix", ["", "acme:"])
def test_long_ids_that_end_differently_have_different_streams(prefix: str) -> None:
    first, second = (stream_name(named_for("x" * 300 + end, prefix=prefix)) for end in "ab")

    assert first != second
    assert len(first) == 200
    assert first.startswith(prefix)


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({"tenantid": "a b", "workflowid": "order-1"}, "/tenantid"),
        ({"tenantid": "t" * 199, "workflowid": "x" * 20}, "/workflowid"),
    ],
)
def test_a_tenant_is_never_escaped_or_cut(attributes: dict[str, AttributeValue], pointer: str) -> None:
    with pytest.raises(InvalidStream) as caught:
        stream_of(event(**attributes))
    assert caught.value.pointer == pointer


@given(_IDS, _IDS, _IDS, _IDS)
def test_no_two_tenants_share_a_stream(tenant: str, workflow: str, other_tenant: str, other_workflow: str) -> None:
    def stream(**attributes: str) -> str | None:
        try:
            return stream_of(event(**attributes))
        except InvalidStream:
            return None

    names = stream(tenantid=tenant, workflowid=workflow), stream(tenantid=other_tenant, workflowid=other_workflow)
    assert names[0] != names[1] or names[0] is None or (tenant, workflow) == (other_tenant, other_workflow)


@given(
    st.sampled_from(["", "acme:"]),
    st.lists(st.sampled_from(["~fork", "~", "fork", "a", " ", "ä", ":", "x" * 190]), min_size=1, max_size=4).map(
        "".join
    ),
)
def test_no_id_of_a_workflow_results_in_the_name_of_a_fork(prefix: str, workflow: str) -> None:
    assert not is_fork(named_for(workflow, prefix=prefix))


def test_an_id_of_a_workflow_that_looks_like_a_fork_is_escaped() -> None:
    assert named_for("a~fork", prefix="acme:") == "acme:a~7Efork"


def test_a_tenant_that_looks_like_a_fork_is_refused() -> None:
    with pytest.raises(InvalidStream, match="contains '~fork'") as error:
        stream_of(event(tenantid="a~fork", workflowid="wf"))
    assert error.value.pointer == "/tenantid"


def test_a_tenant_with_a_colon_is_refused_by_pointer_unless_the_stream_is_named() -> None:
    with pytest.raises(InvalidStream, match=r"name the stream with \?stream=") as caught:
        stream_of(event(tenantid="acme:eu", workflowid="order-1"))
    assert caught.value.pointer == "/tenantid"
    assert stream_of(event(tenantid="acme:eu", partitionkey="p")) == "p"


@pytest.mark.parametrize(("value", "header"), [(True, "true"), (False, "false"), (7, "7")])
def test_an_event_has_the_same_stream_in_binary_and_structured_mode(value: AttributeValue, header: str) -> None:
    assert stream_of(event(tenantid=value, workflowid=value)) == stream_of(event(tenantid=header, workflowid=header))


@given(st.from_regex(r"[A-Za-z0-9._:~-]{1,200}", fullmatch=True), st.integers(1, 500))
def test_a_stream_belongs_to_one_partition(name: str, partitions: int) -> None:
    assert 0 <= partition_of(name, partitions) < partitions


def test_partitions_follow_the_checksum_of_redis_cluster() -> None:
    # The check value of CRC-16/XMODEM.
    assert partition_of("123456789", 1 << 16) == 0x31C3
