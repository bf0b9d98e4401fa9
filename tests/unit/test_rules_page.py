"""The example of docs/rules.md verifies what the hub signs."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventstore.adapters.http.signing import signature_headers
from eventstore.ports.secrets import signing_keys
from tests.conformance.test_standard_webhooks import MESSAGE, OTHER, PAYLOAD, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

_PAGE = Path(__file__).parents[2] / "docs/rules.md"


@pytest.fixture(scope="module")
def is_signed() -> Callable[[dict[str, str], bytes, str], bool]:
    [example] = [text for text in re.findall(r"```python\n(.*?)```", _PAGE.read_text(), re.DOTALL) if "webhook" in text]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own page
    verify: Callable[[dict[str, str], bytes, str], bool] = names["is_signed"]
    return verify


def headers(*, age: int = 0, secrets: str = SECRET) -> dict[str, str]:
    seconds = int(time.time()) - age
    return dict(signature_headers(MESSAGE, PAYLOAD, seconds=seconds, keys=signing_keys("s", secrets)))


def test_it_accepts_what_the_hub_signs(is_signed: Callable[[dict[str, str], bytes, str], bool]) -> None:
    assert is_signed(headers(), PAYLOAD, SECRET)
    assert is_signed(headers(secrets=f"{OTHER} {SECRET}"), PAYLOAD, SECRET)


def test_it_refuses_all_else(is_signed: Callable[[dict[str, str], bytes, str], bool]) -> None:
    assert not is_signed(headers(), PAYLOAD + b" ", SECRET)
    assert not is_signed(headers(), PAYLOAD, OTHER)
    assert not is_signed({**headers(), "webhook-id": "msg_other"}, PAYLOAD, SECRET)
    assert not is_signed(headers(age=400), PAYLOAD, SECRET)
