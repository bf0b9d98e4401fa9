from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from eventstore.live.instance_connections import instance_of, new_connection_id
from eventstore.ports import InstanceId
from eventstore.subscriptions import ConnectionId


def test_the_id_of_a_connection_of_the_server_names_its_instance() -> None:
    instance = InstanceId("0a1b2c3d")
    first, second = new_connection_id(instance), new_connection_id(instance)
    assert first != second
    assert instance_of(first) == instance_of(second) == instance


@given(st.binary(min_size=1, max_size=40), st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))
def test_no_id_of_api_gateway_names_an_instance(drawn: bytes, encode: object) -> None:
    assert callable(encode)
    assert instance_of(ConnectionId(encode(drawn).decode())) is None
