"""The permissions of the data folder."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.folders import FolderError, private

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_accessible_to_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"
    private(folder, servers=["valkey"])
    assert (mode(folder), mode(folder / "valkey")) == (0o700, 0o700)


def test_an_existing_data_folder_becomes_accessible_to_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / ".eventstore"
    (folder / "valkey").mkdir(parents=True)
    (folder / "notes.txt").touch()
    folder.chmod(0o755)
    private(folder, servers=["valkey"])
    assert (mode(folder), mode(folder / "valkey")) == (0o700, 0o700)


def test_a_shared_folder_keeps_its_permissions_and_the_data_is_private(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    tmp_path.chmod(0o755)
    private(tmp_path, servers=["valkey"])
    assert (mode(tmp_path), mode(tmp_path / "valkey")) == (0o755, 0o700)


def test_only_servers_that_are_started_have_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / ".eventstore"
    private(folder, servers=["valkey"])
    assert {entry.name for entry in folder.iterdir()} == {"valkey"}
    private(folder, servers=["valkey", "nats"])
    assert {entry.name: mode(entry) for entry in folder.iterdir()} == {"valkey": 0o700, "nats": 0o700}


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="Choose another folder: FOLDER="):
        private(tmp_path / "file", servers=["valkey"])
