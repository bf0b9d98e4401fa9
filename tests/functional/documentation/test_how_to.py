"""The how-to pages do what they say."""

from __future__ import annotations

import re
import subprocess
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eventstore_client import EventStore
from eventstore_client.cli.arguments import parser
from tests.walkthroughs.steps import steps
from tests.walkthroughs.walkthrough import Walkthrough

if TYPE_CHECKING:
    from eventstore_testing import EventstoreHub
    from tests.functional.documentation.conftest import ShowPage
    from tests.walkthroughs.walkthrough import Shell

_ROOT = Path(__file__).parents[3]
_PAGES = _ROOT / "docs/how-to"


@pytest.mark.parametrize("name", sorted(path.stem for path in _PAGES.glob("*.md")))
def test_a_page_does_what_it_says(eventstore_hub: EventstoreHub, shell: Shell, tmp_path: Path, name: str) -> None:
    page = (_PAGES / f"{name}.md").read_text()

    assert Walkthrough.with_the_client(eventstore_hub, shell, tmp_path).follow(page) == len(list(steps(page)))


def test_the_page_that_is_shown_adds_and_shows_a_task(eventstore_hub: EventstoreHub, shown: ShowPage) -> None:
    [html] = [step.text for step in steps((_PAGES / "connect-a-page.md").read_text()) if step.name == "index.html"]

    with shown(html, "#tasks") as page, EventStore(eventstore_hub.url) as store:
        assert page.until(lambda report: report["lines"])[-1]["lines"] == ["tasks task.added water the plants"]
        assert [event.data for event in store.read("tasks")] == [{"name": "water the plants"}]


class TestDeployToAws:
    """Nothing is deployed, but all that the page names exists."""

    page = (_PAGES / "deploy-to-aws.md").read_text()
    blocks = tuple(
        textwrap.dedent(block) for block in re.findall(r"^ +```\n(.*?)^ +```$", page, re.DOTALL | re.MULTILINE)
    )

    def test_its_commands_can_be_parsed(self) -> None:
        assert len(self.blocks) == 3
        for block in self.blocks:
            subprocess.run(["bash", "-n"], input=block, text=True, check=True)

    def test_its_calls_of_the_client_are_valid(self) -> None:
        calls = [line for block in self.blocks for line in block.splitlines() if line.startswith("eventstore ")]
        assert len(calls) == 2
        for call in calls:
            words = subprocess.run(
                ["bash", "-c", f"for word in {call}; do printf '%s\\0' \"$word\"; done"],
                capture_output=True,
                text=True,
                check=True,
            )
            parser().parse_args(words.stdout.split("\0")[1:-1])

    def test_the_environments_and_outputs_that_it_names_exist(self) -> None:
        template = (_ROOT / "template.yaml").read_text()
        outputs = re.findall(r"outputs (\w+)", "".join(self.blocks))
        assert outputs == ["RestUrl", "WebSocketUrl"]
        assert all(f"\n  {name}:\n" in template.partition("\nOutputs:")[2] for name in outputs)
        configured = (_ROOT / "samconfig.toml").read_text()
        environments = re.findall(r"make deploy ENV=(\w+)", self.page)
        assert environments == ["trial", "prod"]
        assert all(f"[{name}.deploy.parameters]" in configured for name in environments)
        assert 'stack_name = "flunq-eventstore-trial"' in configured
