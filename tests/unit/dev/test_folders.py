"""Who may look into the folder of the data."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from eventstore_dev.folders import FolderError, private

if TYPE_CHECKING:
    from pathlib import Path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"
    private(folder)
    assert (mode(folder), mode(folder / "valkey")) == (0o700, 0o700)


def test_one_that_is_there_becomes_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / ".eventstore"
    (folder / "valkey").mkdir(parents=True)
    (folder / "notes.txt").touch()
    folder.chmod(0o755)
    private(folder)
    assert (mode(folder), mode(folder / "valkey")) == (0o700, 0o700)


def test_one_that_is_for_other_things_too_stays_open_and_the_data_does_not(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    tmp_path.chmod(0o755)
    private(tmp_path)
    assert (mode(tmp_path), mode(tmp_path / "valkey")) == (0o755, 0o700)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match="Choose another folder: FOLDER="):
        private(tmp_path / "file")
