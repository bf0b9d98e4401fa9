"""The contracts again, as in production: over TLS, as a user who may do what docs/operations.md says and no more."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.redis.connection import Client, connect
from eventstore.adapters.redis.log import RedisLog
from eventstore.adapters.redis.turns import RedisTurns
from eventstore.errors import StoreUnavailable
from eventstore_hosting.valkey import ValkeyCluster
from tests.caches import RULE, Cache, caching, enter
from tests.contract.log import LogContract
from tests.contract.test_redis_instances import OnRedis as InstancesOnRedis
from tests.contract.test_redis_leases import OnRedis as LeasesOnRedis
from tests.contract.test_redis_log import emptied
from tests.contract.test_redis_registry import OnRedis
from tests.examples import FakeClock, event, events
from tests.functional.core.live import Live
from tests.functional.core.test_groups import Group
from tests.ports import ReservedPort
from tests.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def running_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cache]:
    with caching(tmp_path_factory.mktemp("cache")) as cache:
        yield cache


@pytest.fixture
def cache(running_cache: Cache) -> Cache:
    emptied(running_cache.server)
    enter(running_cache.server)
    return running_cache


@pytest.fixture
def client(cache: Cache) -> Iterator[Client]:
    with closing(connect(cache.url())) as client:
        yield client


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cache]:
    folder = tmp_path_factory.mktemp("cluster")
    with (
        ReservedPort() as port,
        caching(folder, cluster_enabled="yes", cluster_port=str(port.number)) as cache,
        cache.admin() as admin,
    ):
        admin.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        # Clients learn of a node by what it announces: the port that speaks TLS.
        admin.execute_command("CONFIG", "SET", "cluster-announce-port", cache.port)
        ValkeyCluster([cache.server]).await_ok()
        yield cache


class TestLog(LogContract):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def log(self, client: Client, clock: FakeClock) -> RedisLog:
        return RedisLog(client, clock=clock)

    @pytest.fixture
    def turns(self, client: Client, clock: FakeClock) -> RedisTurns:
        return RedisTurns(client, clock=clock)


class TestRegistry(OnRedis):
    pass


class TestInstances(InstancesOnRedis):
    pass


class TestLeases(LeasesOnRedis):
    pass


class TestTheRule:
    def test_it_is_enough_from_publishing_to_posting(self, client: Client) -> None:
        live = Live(client)
        live.subscribe("c")
        live.settle()
        live.store.publish(events(3), stream="wf")
        live.settle()
        frames = [message for message in live.received()["c"] if message["type"] == "events"]
        assert [entry["id"] for frame in frames for entry in frame["events"]] == ["1", "2", "3"]

    def test_it_is_enough_for_members_of_a_group(self, client: Client) -> None:
        group = Group.of(client)
        group.join("a")
        group.publish("wf", 2)
        group.ack("a", group.take("a")[-1])
        group.nack("a", "wf", 2, park=True)
        group.leave("a")
        assert group.live.durables.names(prefix="", after="", count=9) == [group.durable.name]
        group.live.durables.delete(group.durable.name)

    def test_it_is_enough_for_what_operators_ask(self, client: Client) -> None:
        log = RedisLog(client, partitions=1)
        log.append("wf", events(2))
        log.ping()
        assert [stats.streams for stats in log.stats()] == [1]

    def test_it_has_no_command_that_the_adapters_do_not_use(self) -> None:
        folder = Path(__file__).parents[2] / "layers/eventstore/eventstore/adapters/redis"
        used = "\n".join(path.read_text() for path in [*folder.glob("*.py"), *folder.glob("lua/*/*.lua")])
        # What redis-py sends by itself.
        used += " command asking cluster sscan"
        allowed_commands = [word[1:].partition("|")[0] for word in RULE if word.startswith("+")]
        assert [command for command in allowed_commands if not re.search(rf"\b{command}\b", used, re.IGNORECASE)] == []

    def test_it_keeps_the_hub_out_of_all_else(self, client: Client) -> None:
        for command in (["FLUSHALL"], ["CONFIG", "GET", "*"], ["KEYS", "*"], ["GET", "other"], ["HGET", "other", "f"]):
            with pytest.raises(Exception, match=r"(?i)no permissions"):
                client.execute_command(*command)

    def test_a_user_who_lacks_a_permission_is_distinguished_from_a_store_that_is_away(
        self, cache: Cache, client: Client
    ) -> None:
        enter(cache.server, rule=[word for word in RULE if word != "+xadd"])
        with pytest.raises(StoreUnavailable, match="forbids the user of REDIS_URL a command"):
            RedisLog(client).append("wf", events(1))


class TestACluster:
    def test_its_nodes_are_entered_over_tls_by_the_same_user(self, clustered: Cache) -> None:
        with closing(connect(clustered.url(options="&cluster=true"))) as client:
            log = RedisLog(client)
            partition = log.append("wf", events(3)).partition
            assert len(log.read("wf", start=1, stop=9, count=9).events) == 3
            assert client.execute_command("HGET", f"{{p{partition}}}:state:wf", "head") == b"3"

    def test_what_keeps_a_client_out_is_reported_as_it_connects(self, clustered: Cache) -> None:
        with pytest.raises(StoreUnavailable, match="refuses the user"):
            connect(clustered.url(password="wrong", options="&cluster=true"))  # noqa: S106 - invented


class TestRefusals:
    """Each says what is wrong, at once, and never a password."""

    def refusal(self, url: str, caplog: pytest.LogCaptureFixture) -> str:
        caplog.set_level("DEBUG")
        with closing(connect(url)) as client, pytest.raises(StoreUnavailable) as refused:
            RedisLog(client).ping()
        causes: list[BaseException] = []
        cause: BaseException | None = refused.value
        while cause:
            causes.append(cause)
            cause = cause.__cause__ or cause.__context__
        shown = " ".join(map(repr, causes)) + repr(client) + caplog.text
        assert "s3cret" not in shown
        assert "hidden" not in shown
        return refused.value.detail

    def test_a_wrong_password(self, cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
        assert "the password is wrong" in self.refusal(cache.url(password="hidden"), caplog)  # noqa: S106 - invented

    def test_an_authority_that_is_not_trusted(
        self, cache: Cache, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        other = Authority.make(tmp_path / "other")
        assert "certificate is not accepted" in self.refusal(cache.url(trusting=other.certificate), caplog)

    def test_a_certificate_for_another_host(self, cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
        url = cache.url().replace("127.0.0.1", "localhost")
        assert "certificate is not accepted (Hostname mismatch" in self.refusal(url, caplog)

    def test_a_port_without_tls(
        self, cache: Cache, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # For so long a server without TLS waits for the end of a line.
        monkeypatch.setattr("eventstore.adapters.redis.connection.SOCKET_SECONDS", 0.5)
        url = cache.url().replace(str(cache.port), str(cache.server.port))
        assert "TLS with the cache fails" in self.refusal(url, caplog)

    def test_an_authority_that_is_no_file(self, cache: Cache, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        assert "TLS is not there" in self.refusal(cache.url(trusting=tmp_path / "none.pem"), caplog)


class TestIam:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> FakeClock:
        """The time of the hub and of botocore, and credentials in the environment."""
        clock = FakeClock()

        def now() -> datetime:
            return datetime.fromtimestamp(clock.now() / 1000, UTC)

        monkeypatch.setattr("botocore.auth.get_current_datetime", now)
        monkeypatch.setattr("eventstore.adapters.redis.connection.SystemClock", lambda: clock)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret-key")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "the-session-token")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        return clock

    def accept(self, cache: Cache, clock: FakeClock) -> None:
        """Take the token that is made now, and none else: this is all that Valkey can know of IAM."""
        from eventstore.adapters.redis.elasticache_iam import IamTokens  # noqa: PLC0415 - after the environment is set
        from eventstore.adapters.redis.url import IamUser  # noqa: PLC0415 - with it

        user = IamUser("hub", "orders", serverless=False)
        enter(cache.server, password=IamTokens.of_session(user, clock=clock).get_credentials()[1])

    def test_a_token_opens_the_cache(self, cache: Cache, clock: FakeClock) -> None:
        self.accept(cache, clock)
        with closing(connect(cache.iam_url())) as client:
            log = RedisLog(client)
            log.append("wf", events(2))
            assert log.describe("wf").head == 2

    def test_a_connection_that_the_cache_ends_is_made_anew_with_a_new_token(
        self, cache: Cache, clock: FakeClock
    ) -> None:
        self.accept(cache, clock)
        with closing(connect(cache.iam_url())) as client, cache.admin() as admin:
            log = RedisLog(client)
            log.append("wf", events(1))
            clock.pass_seconds(12 * 3600)
            self.accept(cache, clock)
            admin.execute_command("CLIENT", "KILL", "USER", "hub")
            assert list(log.append("wf", [event("2")]).sequences) == [2]

    def test_a_token_that_has_expired_is_refused(
        self, cache: Cache, clock: FakeClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        clock.pass_seconds(901)
        self.accept(cache, clock)
        clock.pass_seconds(-901)
        with closing(connect(cache.iam_url())) as client, pytest.raises(StoreUnavailable) as refused:
            RedisLog(client).ping()
        assert "the token has expired" in refused.value.detail
        assert not re.search("Signature=[0-9a-f]|the-session-token", f"{refused.value.__cause__!r}{caplog.text}")

    def test_without_credentials_the_hub_says_so(self, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        with closing(connect(cache.iam_url())) as client, pytest.raises(StoreUnavailable, match="no AWS credentials"):
            RedisLog(client).ping()
