from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from eventstore.adapters.aws.s3_objects import S3Objects
from eventstore.adapters.aws.service_calls import ServiceCalls
from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import ObjectChanged, ObjectNotFound, ObjectVersion
from tests.contract.aws import NOBODY, Answer, Api, environment
from tests.contract.endpoints import moto_server
from tests.contract.objects import KEY, ObjectsContract

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


def objects_at(url: str, *, prefix: str = "", bucket: str = "archive", attempts: int = 1) -> S3Objects:
    calls = ServiceCalls("s3", environment(), endpoint=url, seconds=20, attempts=attempts, pause=lambda _: None)
    return S3Objects(calls, bucket=bucket, prefix=prefix)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def bucket(moto: str) -> Iterator[str]:
    client = boto3.client(
        "s3",
        endpoint_url=moto,
        region_name="us-east-1",
        aws_access_key_id="AKID",
        aws_secret_access_key="secret",  # noqa: S106 - no one's
    )
    client.create_bucket(Bucket="archive")
    yield moto
    for entry in client.list_objects_v2(Bucket="archive").get("Contents", []):
        client.delete_object(Bucket="archive", Key=entry["Key"])
    client.delete_bucket(Bucket="archive")
    client.close()


class TestS3ObjectsInMoto(ObjectsContract):
    @pytest.fixture
    def objects(self, bucket: str) -> Iterator[S3Objects]:
        objects = objects_at(bucket, prefix="a/prefix/")
        yield objects
        objects.close()


class TestS3ObjectsWithoutAPrefix(ObjectsContract):
    @pytest.fixture
    def objects(self, bucket: str) -> Iterator[S3Objects]:
        objects = objects_at(bucket)
        yield objects
        objects.close()


def test_a_bucket_that_does_not_exist_is_no_absent_object(bucket: str) -> None:
    objects = objects_at(bucket, bucket="another")
    with pytest.raises(ArchiveUnavailable, match="s3://another/: S3 refused GetObject: NoSuchBucket"):
        objects.get(KEY)
    with pytest.raises(ArchiveUnavailable, match="NoSuchBucket"):
        objects.put_new(KEY, b"")
    with pytest.raises(ArchiveUnavailable, match="NoSuchBucket"):
        list(objects.list(""))
    objects.close()


def page(keys: Iterable[str], *, following: str = "") -> bytes:
    """A page of a listing, with what the next one continues from."""
    entries = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-11-30T20:00:00.000Z</LastModified><Size>7</Size></Contents>"
        for key in keys
    )
    more = f"<NextContinuationToken>{following}</NextContinuationToken>" if following else ""
    return (
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{str(bool(following)).lower()}</IsTruncated>{entries}{more}</ListBucketResult>"
    ).encode()


def one_after_the_other(*answers: tuple[int, bytes]) -> Callable[[bytes], Answer]:
    left = iter(answers)
    return lambda _: Answer(*next(left), {"ETag": '"7"'})


class TestAnswers:
    """What moto does not answer, or not at once, as the API Reference has it."""

    def test_a_listing_of_several_pages_is_listed_to_its_end(self, api: Api) -> None:
        api.respond = one_after_the_other((200, page(["p/a", "p/b"], following="to+ken=")), (200, page(["p/c"])))
        listed = list(objects_at(api.url, prefix="p/").list(""))
        assert [(one.key, one.size) for one in listed] == [("a", 7), ("b", 7), ("c", 7)]
        assert {one.modified for one in listed} == {1_796_068_800_000}
        assert [path for _, path, _ in api.requests] == [
            "/archive?list-type=2&prefix=p%2F",
            "/archive?continuation-token=to%2Bken%3D&list-type=2&prefix=p%2F",
        ]

    def test_a_refused_role_is_named_by_the_code_alone(self, api: Api) -> None:
        api.answers = [(403, b"<Error><Code>AccessDenied</Code><Message>arn:aws:iam::1:role/x</Message></Error>")]
        with pytest.raises(ArchiveUnavailable, match=r"^s3://archive/: S3 refused GetObject: AccessDenied$"):
            objects_at(api.url).get(KEY)

    def test_a_write_that_conflicts_with_another_one_is_tried_again(self, api: Api) -> None:
        conflict = 409, b"<Error><Code>ConditionalRequestConflict</Code></Error>"
        api.respond = one_after_the_other(conflict, conflict, (200, b""))
        assert objects_at(api.url).put_new(KEY, b"x") == '"7"'
        assert [headers["If-None-Match"] for headers in api.headers] == ["*"] * 3

    def test_a_write_that_conflicts_again_and_again_is_unavailable(self, api: Api) -> None:
        api.answers = [(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")]
        with pytest.raises(ArchiveUnavailable, match="ConditionalRequestConflict"):
            objects_at(api.url).replace(KEY, b"x", version=ObjectVersion('"7"'))
        assert len(api.requests) == 3

    def test_throttling_is_tried_again(self, api: Api) -> None:
        slow = 503, b"<Error><Code>SlowDown</Code></Error>"
        api.respond = one_after_the_other(slow, slow, (200, b"content"))
        assert objects_at(api.url, attempts=3).get(KEY).content == b"content"

    def test_a_replacement_of_an_absent_object_has_changed(self, api: Api) -> None:
        api.answers = [(404, b"<Error><Code>NoSuchKey</Code></Error>")]
        with pytest.raises(ObjectChanged):
            objects_at(api.url).replace(KEY, b"x", version=ObjectVersion('"7"'))
        with pytest.raises(ObjectNotFound):
            objects_at(api.url).get(KEY)

    def test_nobody_that_answers_is_unavailable(self) -> None:
        with pytest.raises(ArchiveUnavailable, match="GetObject failed: EndpointConnectionError"):
            objects_at(NOBODY).get(KEY)
