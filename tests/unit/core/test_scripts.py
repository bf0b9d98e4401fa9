"""The flags of each Lua script: whether it runs when the memory of the server is full."""

from __future__ import annotations

from importlib.resources import files

import pytest

from eventstore.adapters.redis.formats import NEWEST

_FILES = {
    f"{folder.name}/{file.name.removesuffix('.lua')}": file.read_text()
    for folder in (files("eventstore.adapters.redis") / "lua").iterdir()
    for file in folder.iterdir()
}

PARTS = {
    "journal/sizes",
    "log/removals",
    "log/sizes",
    "shared/bell",
    "shared/last_entry",
    "shared/leap",
    "shared/open_partition",
    "shared/server_time",
}
"""Fragments that are included in other scripts; only the first line of a whole script has flags."""

_SCRIPTS = {name: text for name, text in _FILES.items() if name not in PARTS}

ADD = {
    "copy/append": "stores events of another store, which has them until all are copied",
    "journal/check": "comes before a record of the journal, and has the flags of the step that it tries",
    "journal/look": "comes before a record of the journal with events that clients publish",
    "journal/keep_record": "stores a copy, without which readers find events all the same",
    "log/add_block": "stores an index, without which readers find events all the same",
    "log/unless_closed": "has the flags of the step that it does",
    "log/append": "stores events that clients publish",
    "log/create": "stores a stream's settings, when a client makes one",
    "groups/create_definition": "stores a durable subscription, when an operator makes one",
    "filters/create_filter": "stores a named filter, when an operator makes one",
}
"""Scripts that a full store refuses: they store new data, which the client still holds."""

_WRITES = "#!lua flags=allow-oom\n"
_READS = "#!lua flags=no-writes\n"
"""Implies allow-oom (Valkey documentation, "Lua API reference", script flags)."""


@pytest.mark.parametrize("name", sorted(_SCRIPTS))
def test_a_script_runs_on_a_full_store_unless_it_stores_new_data(name: str) -> None:
    assert _SCRIPTS[name].startswith((_WRITES, _READS)) != (name in ADD)


def test_a_new_store_gets_the_newest_format_that_the_program_knows() -> None:
    assert f"local FORMAT = {NEWEST}\n" in _FILES["shared/open_partition"]


@pytest.mark.parametrize("name", ADD)
def test_the_scripts_that_store_new_data_exist(name: str) -> None:
    assert name in _SCRIPTS


@pytest.mark.parametrize("name", PARTS)
def test_a_script_fragment_has_no_first_line_of_flags(name: str) -> None:
    assert not _FILES[name].startswith("#!")
