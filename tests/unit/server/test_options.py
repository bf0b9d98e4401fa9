"""The options of the server."""

from __future__ import annotations

import pytest

from eventstore.errors import SettingsError
from eventstore_server.options import read_options


def test_a_server_that_nobody_checks_signatures_for_refuses_iam() -> None:
    with pytest.raises(SettingsError, match="API Gateway"):
        read_options([], {"AUTH": "iam"})


def test_a_store_that_is_named_needs_no_folder_for_a_valkey() -> None:
    assert read_options([], {"DATA": "/data"}).data is not None
    assert read_options([], {"DATA": "/data", "REDIS_URL": "redis://valkey:6379"}).data is None
