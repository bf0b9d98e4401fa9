from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from eventstore.adapters.aws.s3_objects import S3Objects
from eventstore.adapters.aws.service_calls import ServiceCalls
from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import ObjectChanged, ObjectKey, ObjectNotFound, ObjectVersion
from tests.contract.aws import NOBODY, Answer, Api, environment
from tests.contract.endpoints import moto_server
from tests.contract.objects import KEY, ObjectsContract

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        "s3", endpoint_url=moto, region_name="us-east-1", aws_access_key_id="AKID", aws_secret_access_key="secret"
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


def test_a_listing_of_several_pages_is_listed_to_its_end(bucket: str) -> None:
    # S3 lists 1,000 objects a page.
    objects = objects_at(bucket)
    keys = [ObjectKey(f"events/{number:04}") for number in range(1003)]
    for key in keys:
        objects.put_new(key, b"")
    assert [listed.key for listed in objects.list("events/")] == keys
    for key in keys:
        objects.delete(key)
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


class TestRefusals:
    """Answers that moto does not give, as the API Reference has them."""

    @pytest.fixture
    def api(self) -> Iterator[Api]:
        with Api.serving() as api:
            yield api

    def test_a_refused_role_is_named_by_the_code_alone(self, api: Api) -> None:
        api.answers = [(403, b"<Error><Code>AccessDenied</Code><Message>arn:aws:iam::1:role/x</Message></Error>")]
        with pytest.raises(ArchiveUnavailable, match=r"^s3://archive/: S3 refused GetObject: AccessDenied$"):
            objects_at(api.url).get(KEY)

    def test_a_write_that_conflicts_with_another_one_is_tried_again(self, api: Api) -> None:
        conflict = 409, b"<Error><Code>ConditionalRequestConflict</Code></Error>"
        api.respond = iter_answers([conflict, conflict, (200, b"")], headers={"ETag": '"7"'})
        assert objects_at(api.url).put_new(KEY, b"x") == '"7"'
        assert [headers["If-None-Match"] for headers in api.headers] == ["*"] * 3

    def test_a_write_that_conflicts_again_and_again_is_unavailable(self, api: Api) -> None:
        api.answers = [(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")]
        with pytest.raises(ArchiveUnavailable, match="ConditionalRequestConflict"):
            objects_at(api.url).replace(KEY, b"x", version=ObjectVersion('"7"'))
        assert len(api.requests) == 3

    def test_throttling_is_tried_again(self, api: Api) -> None:
        slow = 503, b"<Error><Code>SlowDown</Code></Error>"
        api.respond = iter_answers([slow, slow, (200, b"content")], headers={"ETag": '"7"'})
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


def iter_answers(answers: list[tuple[int, bytes]], *, headers: dict[str, str]):  # noqa: ANN201
    left = iter(answers)
    return lambda _: Answer(*next(left), headers)
