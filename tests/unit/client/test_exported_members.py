from __future__ import annotations

import eventstore_client
from eventstore_client import errors


def test_everything_exported_is_there_and_sorted() -> None:
    assert eventstore_client.__all__ == sorted(eventstore_client.__all__)
    assert all(hasattr(eventstore_client, name) for name in eventstore_client.__all__)


def test_nothing_public_is_forgotten() -> None:
    here = {
        name
        for name, value in vars(eventstore_client).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("eventstore_client.")
    }

    assert here - set(eventstore_client.__all__) == set()


def test_every_error_can_be_caught_by_its_name_from_the_package() -> None:
    named = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}

    assert named <= set(eventstore_client.__all__)


def test_the_tree_drawn_is_the_tree_there_is() -> None:
    drawn = {line.split("──")[-1].split()[0] for line in (errors.__doc__ or "").splitlines() if "──" in line}

    assert drawn | {"ClientError"} == {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
