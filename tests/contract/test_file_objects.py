from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.files.objects import FileObjects
from eventstore.errors import ArchiveUnavailable
from tests.contract.objects import KEY, ObjectsContract

if TYPE_CHECKING:
    from pathlib import Path


class TestFileObjects(ObjectsContract):
    @pytest.fixture
    def objects(self, tmp_path: Path) -> FileObjects:
        return FileObjects(tmp_path / "archive")


def test_two_adapters_of_one_folder_see_each_other(tmp_path: Path) -> None:
    version = FileObjects(tmp_path).put_new(KEY, b"first")
    assert FileObjects(tmp_path).replace(KEY, b"second", version=version) == FileObjects(tmp_path).get(KEY).version


def test_files_that_are_not_written_to_their_end_are_neither_listed_nor_read(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path)
    objects.put_new(KEY, b"whole")
    (tmp_path / ".writing" / "of-a-dead-process").write_bytes(b"half")
    assert [listed.key for listed in objects.list("")] == [KEY]


def test_nothing_is_left_of_writes_that_were_refused(tmp_path: Path) -> None:
    objects = FileObjects(tmp_path)
    objects.put_new(KEY, b"first")
    with pytest.raises(Exception, match="events"):
        objects.put_new(KEY, b"second")
    assert list((tmp_path / ".writing").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveUnavailable, match="Not a directory"):
        FileObjects(tmp_path / "file" / "archive").put_new(KEY, b"")
