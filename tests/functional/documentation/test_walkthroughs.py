"""A page that does not do what it says fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.walkthroughs.walkthrough import SHELLS, Walkthrough

if TYPE_CHECKING:
    from pathlib import Path

    from eventstore_testing import EventstoreHub


@pytest.fixture
def reader(eventstore_hub: EventstoreHub, tmp_path: Path) -> Walkthrough:
    return Walkthrough.with_the_client(eventstore_hub, SHELLS[0], tmp_path)


_SERVICE = """Create `count.py`:

```python
import time

print("one", flush=True)
print("two", flush=True)
while True:
    time.sleep(1)
```

Run it in another terminal:

```
python count.py
```

In some order, `count.py` prints:

```text
LINES
```
"""


@pytest.mark.parametrize(
    "page",
    [
        "```\necho a\n```\n\n```text\na\n```\n",
        "```\nmkdir b\ncd b\n```\n\n```\npwd\n```\n\n```text\n…/b\n```\n",
        "```\necho aXYb\n```\n\n```text\na…b\n```\n",
        _SERVICE.replace("LINES", "two\none"),
    ],
)
def test_a_page_that_is_right_is_followed(reader: Walkthrough, page: str) -> None:
    assert reader.follow(page) >= 2


@pytest.mark.parametrize(
    "page",
    [
        "```\necho a\n```\n\n```text\nb\n```\n",
        "```\necho a\necho b\n```\n\n```text\na\n```\n",
        "```\nfalse\n```\n",
        "```\nfalse\ntrue\n```\n",
        "```\nnot-a-command\n```\n",
        "```python\nx = (\n```\n",
        _SERVICE.replace("LINES", "one\nthree"),
        _SERVICE.replace("LINES", "one\ntwo") + "\nStop `count.py` with Ctrl-C.",  # It ends with a traceback.
    ],
)
def test_a_page_that_is_wrong_is_not(reader: Walkthrough, page: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((AssertionError, SyntaxError)):
        reader.follow(page)
    capfd.readouterr()
