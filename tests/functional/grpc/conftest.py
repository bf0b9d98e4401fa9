from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.functional.grpc.served import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventstore_hosting.valkey import ValkeyServer


@pytest.fixture
def served(valkey: ValkeyServer) -> Iterator[Served]:
    """A door without credentials on an empty store."""
    served = Served(valkey.url)
    yield served
    served.close()
