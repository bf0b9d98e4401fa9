"""What every `Objects` keeps. An adapter's test inherits this suite and brings `objects`, which are empty."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from eventstore.ports.objects import ObjectChanged, ObjectExists, ObjectKey, ObjectNotFound, ObjectVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.ports.objects import Objects

KEY = ObjectKey("events/p07/0123456789ab/1700000000000.0.0-1700000000009.3.1-00ff.ndjson.gz")
CONTENTS = (b"", b"\0\xff\r\n" * 9, b"x" * 300_000)
_AT_ONCE = 8


def at_once(call: Callable[[int], bool]) -> int:
    """How many of several calls at once succeeded."""
    barrier = Barrier(_AT_ONCE)

    def started_together(number: int) -> bool:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return sum(pool.map(started_together, range(_AT_ONCE)))


class ObjectsContract:
    class TestReading:
        @pytest.mark.parametrize("content", CONTENTS, ids=len)
        def test_an_object_is_read_byte_for_byte_with_the_version_that_its_write_returned(
            self, objects: Objects, content: bytes
        ) -> None:
            version = objects.put_new(KEY, content)
            stored = objects.get(KEY)
            assert (stored.content, stored.version) == (content, version)

        def test_a_key_without_an_object_is_not_found(self, objects: Objects) -> None:
            objects.put_new(ObjectKey("events/other"), b"x")
            with pytest.raises(ObjectNotFound):
                objects.get(KEY)
            with pytest.raises(ObjectNotFound):
                objects.get_range(KEY, first=0, length=1)

        @pytest.mark.parametrize(
            ("first", "length", "part"),
            [(0, 3, b"012"), (2, 3, b"234"), (8, 9, b"89"), (9, 1, b"9"), (10, 1, b""), (99, 9, b""), (3, 0, b"")],
        )
        def test_a_range_is_what_there_is_of_it(self, objects: Objects, first: int, length: int, part: bytes) -> None:
            objects.put_new(KEY, b"0123456789")
            assert objects.get_range(KEY, first=first, length=length) == part

    class TestPuttingNew:
        def test_an_object_that_exists_stays_as_it_is(self, objects: Objects) -> None:
            version = objects.put_new(KEY, b"first")
            for content in (b"second", b"first"):
                with pytest.raises(ObjectExists):
                    objects.put_new(KEY, content)
            assert objects.get(KEY).content == b"first"
            assert objects.get(KEY).version == version

        def test_of_several_at_once_one_succeeds(self, objects: Objects) -> None:
            def put(number: int) -> bool:
                try:
                    objects.put_new(KEY, b"%d" % number)
                except ObjectExists:
                    return False
                return True

            assert at_once(put) == 1

    class TestReplacing:
        def test_an_object_is_replaced_if_it_has_the_version(self, objects: Objects) -> None:
            first = objects.put_new(KEY, b"first")
            second = objects.replace(KEY, b"second", version=first)
            assert second != first
            third = objects.replace(KEY, b"third", version=second)
            stored = objects.get(KEY)
            assert (stored.content, stored.version) == (b"third", third)

        def test_an_object_with_another_version_stays_as_it_is(self, objects: Objects) -> None:
            first = objects.put_new(KEY, b"first")
            objects.replace(KEY, b"second", version=first)
            for version in (first, ObjectVersion('"0"')):
                with pytest.raises(ObjectChanged):
                    objects.replace(KEY, b"third", version=version)
            assert objects.get(KEY).content == b"second"

        def test_an_object_that_does_not_exist_is_not_made(self, objects: Objects) -> None:
            version = objects.put_new(KEY, b"first")
            objects.delete(KEY)
            with pytest.raises(ObjectChanged):
                objects.replace(KEY, b"second", version=version)
            with pytest.raises(ObjectNotFound):
                objects.get(KEY)

        def test_of_several_at_once_one_succeeds(self, objects: Objects) -> None:
            version = objects.put_new(KEY, b"first")

            def replace(number: int) -> bool:
                try:
                    objects.replace(KEY, b"%d" % number, version=version)
                except ObjectChanged:
                    return False
                return True

            assert at_once(replace) == 1

        def test_of_several_that_read_before_they_replace_no_change_is_lost(self, objects: Objects) -> None:
            objects.put_new(KEY, b"")

            def extend(number: int) -> bool:
                while True:
                    stored = objects.get(KEY)
                    try:
                        objects.replace(KEY, stored.content + b"%d" % number, version=stored.version)
                    except ObjectChanged:
                        continue
                    return True

            assert at_once(extend) == _AT_ONCE
            assert sorted(objects.get(KEY).content) == sorted(b"01234567")

    class TestListing:
        def test_the_objects_under_a_prefix_are_listed_in_order(self, objects: Objects) -> None:
            before = time.time() * 1000
            keys = [ObjectKey(f"events/p{number:02}/{name}") for number in (1, 10) for name in ("a/b", "a.b", "a", "c")]
            # Where a key is a folder of another one, files cannot be: no key of the archive is.
            keys = [key for key in keys if not key.endswith("/a")]
            for key in keys:
                objects.put_new(key, b"x" * len(key))
            objects.put_new(ObjectKey("else"), b"")
            listed = list(objects.list("events/p1"))
            assert [one.key for one in listed] == sorted(key for key in keys if key.startswith("events/p1"))
            assert [one.size for one in listed] == [len(one.key) for one in listed]
            # S3 counts whole seconds.
            assert all(before - 1000 <= one.modified <= time.time() * 1000 + 1000 for one in listed)
            assert [one.key for one in objects.list("")] == sorted([*keys, "else"])

        def test_nothing_is_listed_where_nothing_is(self, objects: Objects) -> None:
            assert list(objects.list("events/p01/")) == []

    class TestDeleting:
        def test_a_deleted_object_is_gone_and_its_key_is_free(self, objects: Objects) -> None:
            objects.put_new(KEY, b"first")
            objects.delete(KEY)
            objects.delete(KEY)
            assert list(objects.list("")) == []
            objects.put_new(KEY, b"second")
            assert objects.get(KEY).content == b"second"
