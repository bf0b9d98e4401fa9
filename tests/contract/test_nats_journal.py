from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from itertools import count
from typing import TYPE_CHECKING

import pytest

from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.client import NatsClient
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.errors import SettingsError, StoreUnavailable
from tests.contract.journal import JournalContract, records
from tests.nats_server import NatsServer
from tests.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMES = count()


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with NatsServer.started() as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[NatsServer]:
    with NatsServer.started() as server:
        yield server


Opens = Callable[..., NatsJournal]
"""Opens a journal that is closed after the test: of a server or a URL, under a name of its own unless one is given."""


@pytest.fixture
def opens() -> Iterator[Opens]:
    with ExitStack() as stack:

        def opened(where: NatsServer | str, *, name: str = "", seconds: float = 10, replicas: int = 1) -> NatsJournal:
            url = NatsUrl.parse(where if isinstance(where, str) else where.url)
            client = stack.enter_context(closing(NatsClient(url, seconds=seconds)))
            return NatsJournal(url, name=name or f"test{next(_NAMES)}", replicas=replicas, client=client)

        yield opened


class TestNatsJournal(JournalContract):
    @pytest.fixture
    def journal(self, server: NatsServer, opens: Opens) -> NatsJournal:
        return opens(server)


@pytest.fixture
def client(server: NatsServer) -> Iterator[NatsClient]:
    with closing(NatsClient(NatsUrl.parse(server.url))) as client:
        yield client


def test_what_was_acknowledged_is_there_after_the_server_was_killed(own_server: NatsServer, opens: Opens) -> None:
    journal = opens(own_server, name="j", seconds=30)
    stored: dict[int, bytes] = {}
    for round_ in range(3):
        enough = threading.Event()

        def publish(number: int = round_, enough: threading.Event = enough) -> None:
            for each in range(40):
                content = b"%d-%d" % (number, each)
                stored[journal.append(0, content)] = content
                if each == 10:
                    enough.set()

        publisher = threading.Thread(target=publish)
        publisher.start()
        assert enough.wait(20)
        own_server.kill()
        own_server.start()
        publisher.join(30)
        assert not publisher.is_alive()
    found = dict(records(opens(own_server, name="j"), count=1000))
    assert list(found) == list(range(1, len(found) + 1))
    assert {position: found[position] for position in stored} == stored
    # A record whose answer was lost may be there twice; none is there that nobody appended.
    assert {*found.values()} == {*stored.values()}
    assert len(stored) == 120


def test_a_server_that_is_away_is_tried_for_a_time_and_named(own_server: NatsServer, opens: Opens) -> None:
    journal = opens(own_server, seconds=0.3)
    journal.append(0, b"1")
    own_server.kill()
    with pytest.raises(StoreUnavailable, match="NATS does not answer"):
        journal.append(0, b"2")
    own_server.start()
    assert journal.append(0, b"3") in {2, 3}


def test_another_server_of_the_url_is_asked_if_one_is_away(
    own_server: NatsServer, server: NatsServer, opens: Opens
) -> None:
    own_server.kill()
    journal = opens(f"nats://127.0.0.1:{own_server.port},127.0.0.1:{server.port}")
    assert journal.append(0, b"1") == 1


def test_a_journal_that_was_made_anew_has_another_identity(
    server: NatsServer, client: NatsClient, opens: Opens
) -> None:
    before = opens(server, name="anew").end(0)
    client.api("STREAM.DELETE.anew-0")
    assert opens(server, name="anew").end(0).identity != before.identity


def test_a_stream_that_would_lose_records_is_refused_with_the_setting(
    server: NatsServer, client: NatsClient, opens: Opens
) -> None:
    client.api("STREAM.CREATE.old-0", name="old-0", subjects=["old.0"], storage="file", max_msgs=5, allow_direct=True)
    with pytest.raises(SettingsError, match=r"the stream old-0 of NATS has max_msgs 5; the hub needs -1"):
        opens(server, name="old").append(0, b"1")


def test_more_replicas_than_there_are_servers_are_refused(server: NatsServer, opens: Opens) -> None:
    with pytest.raises(SettingsError, match="NATS does not make the stream many-0"):
        opens(server, name="many", replicas=3).append(0, b"1")


_USERS = """
authorization { users = [
  { user: hub, password: "p@ss:word" }
  { user: reader, password: r, permissions: { publish: ["$JS.API.STREAM.INFO.>", "$JS.API.STREAM.CREATE.>"] } }
] }
"""


def test_a_user_with_a_password_may_append_and_others_are_refused(opens: Opens) -> None:
    with NatsServer.started(configuration=_USERS) as server:
        address = f"127.0.0.1:{server.port}"
        hub = opens(f"nats://hub:p%40ss%3Aword@{address}", name="j")
        assert hub.append(0, b"1") == 1
        for who in ("", "hub:wrong@", "nobody:x@", "token@"):
            with pytest.raises(SettingsError, match="NATS refuses the hub: Authorization Violation") as refused:
                opens(f"nats://{who}{address}", name="j").append(0, b"2")
            assert "wrong" not in str(refused.value)
        with pytest.raises(SettingsError, match=r'NATS refuses the hub: Permissions Violation for Publish to "j\.0"'):
            opens(f"nats://reader:r@{address}", name="j").append(0, b"2")
        assert hub.end(0).position == 1


def test_a_token_is_accepted(opens: Opens) -> None:
    with NatsServer.started(configuration='authorization { token: "s3cret" }') as server:
        assert opens(f"nats://s3cret@127.0.0.1:{server.port}").append(0, b"1") == 1


def test_what_is_no_nats_server_is_named(opens: Opens) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example ESMTP\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(SettingsError, match="what answers at the address is no NATS server; look at NATS_URL"):
            opens(f"nats://127.0.0.1:{listener.getsockname()[1]}").end(0)
        answering.join(20)


class TestOnAClusterOfThree:
    @pytest.fixture
    def servers(self) -> Iterator[list[NatsServer]]:
        with NatsServer.cluster() as servers:
            yield servers

    def test_what_was_acknowledged_is_there_after_the_leader_was_killed(
        self, servers: list[NatsServer], opens: Opens
    ) -> None:
        url = "nats://" + ",".join(server.url.removeprefix("nats://") for server in servers)
        journal = opens(url, name="j", seconds=60, replicas=3)
        before = journal.end(0)
        stored: dict[int, bytes] = {}
        leaders: list[str] = []
        with closing(NatsClient(NatsUrl.parse(url), seconds=60)) as client:
            for round_ in range(2):
                leaders.append(client.api("STREAM.INFO.j-0")["cluster"]["leader"])
                servers[int(leaders[-1][1:])].kill()
                for number in range(20):
                    content = b"%d-%d" % (round_, number)
                    stored[journal.append(0, content)] = content
                servers[int(leaders[-1][1:])].start()
            found = dict(records(journal, count=7))
            assert client.api("STREAM.INFO.j-0")["cluster"]["leader"] != leaders[-1]
        assert {position: found.get(position) for position in stored} == stored
        assert list(found) == list(range(1, journal.end(0).position + 1))
        assert {*found.values()} == {*stored.values()}
        assert journal.end(0).identity == before.identity


class TestOverTls:
    @pytest.fixture
    def authority(self, tmp_path: Path) -> Authority:
        return Authority.make(tmp_path / "tls")

    @pytest.fixture
    def encrypted(self, authority: Authority) -> Iterator[str]:
        """Host and port of a server that requires TLS."""
        pair = authority.certificate.parent / "server.pem"
        with NatsServer.started(configuration=f'tls {{ cert_file: "{pair}", key_file: "{pair}" }}') as server:
            yield server.url.removeprefix("nats://")

    @pytest.mark.parametrize("scheme", ["tls", "nats"])
    def test_records_go_over_an_encrypted_connection(
        self, encrypted: str, authority: Authority, opens: Opens, scheme: str
    ) -> None:
        journal = opens(f"{scheme}://{encrypted}?tls_ca={authority.certificate}")
        content = b"x" * 100_000
        assert [journal.append(0, content) for _ in range(3)] == [1, 2, 3]
        assert records(journal) == [(1, content), (2, content), (3, content)]

    def test_a_certificate_of_an_unknown_authority_is_refused(self, encrypted: str, opens: Opens) -> None:
        with pytest.raises(SettingsError, match="the certificate of the server is not valid: unable to get"):
            opens(f"tls://{encrypted}").end(0)

    def test_a_file_of_an_authority_that_is_not_there_is_named_by_its_option(
        self, encrypted: str, opens: Opens
    ) -> None:
        with pytest.raises(SettingsError, match="the file of tls_ca is not there"):
            opens(f"tls://{encrypted}?tls_ca=/nowhere/ca.pem").end(0)
