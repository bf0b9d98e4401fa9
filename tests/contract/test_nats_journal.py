from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from eventstore.adapters.nats.address import NatsUrl
from eventstore.adapters.nats.client import NatsClient
from eventstore.adapters.nats.connection import Connection
from eventstore.adapters.nats.errors import NatsError
from eventstore.adapters.nats.incoming import Incoming
from eventstore.adapters.nats.journal import NatsJournal
from eventstore.adapters.nats.messages import Message, sequence_of
from eventstore.errors import SettingsError, StoreFull, StoreUnavailable
from tests.contract.journal import JournalContract, records
from tests.nats_server import NatsCluster, NatsServer
from tests.nats_users import Nkey, Operator
from tests.tls import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from eventstore.adapters.nats.messages import Request
    from tests.ports import ReservedPort

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
        own_server.restart()
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
    own_server.restart()
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


@pytest.mark.parametrize(("setting", "value"), [("max_msg_size", 100), ("deny_delete", True)])
def test_a_stream_that_would_refuse_what_the_hub_does_is_refused(
    server: NatsServer, client: NatsClient, opens: Opens, setting: str, value: object
) -> None:
    name = f"strict{setting}"
    keeps = {"storage": "file", "allow_direct": True, setting: value}
    client.api(f"STREAM.CREATE.{name}-0", name=f"{name}-0", subjects=[f"{name}.0"], **keeps)
    with pytest.raises(SettingsError, match=f"has {setting} {value}; the hub needs"):
        opens(server, name=name).end(0)


@pytest.mark.parametrize(
    "call",
    [
        lambda journal: journal.append(0, b"x"),
        lambda journal: journal.read(0, after=0, count=10),
        lambda journal: journal.fetch(0, [1]),
        lambda journal: journal.end(0),
        lambda journal: journal.erase(0, 1),
    ],
    ids=["append", "read", "fetch", "end", "erase"],
)
def test_a_stream_that_was_deleted_is_named_and_not_made_again_by_who_used_it(
    server: NatsServer, client: NatsClient, opens: Opens, call: Callable[[NatsJournal], object]
) -> None:
    name = f"deleted{next(_NAMES)}"
    journal = opens(server, name=name, seconds=0.3)
    journal.append(0, b"1")
    client.api(f"STREAM.DELETE.{name}-0")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match=f"the stream {name}-0 of NATS was deleted, and with it a partition"):
            call(journal)
    with pytest.raises(NatsError, match="stream not found"):
        client.api(f"STREAM.INFO.{name}-0")
    # Other partitions, and the instance that an operator starts then, are not concerned.
    assert journal.append(1, b"1") == 1
    assert opens(server, name=name).end(0).position == 0


_ACCOUNTS = """
accounts {
  SMALL: { jetstream: { max_file: 1MB, max_memory: 0 }, users: [ { user: small, password: s } ] }
  NONE: { users: [ { user: none, password: n } ] }
}
"""


@pytest.mark.parametrize(
    ("jetstream", "accounts", "who", "answer"),
    [
        ("max_file_store: 1MB", "", "", "insufficient resources"),
        ("max_file_store: 1GB", _ACCOUNTS, "small:s@", "resource limits exceeded for account"),
    ],
    ids=["of the server", "of the account"],
)
def test_a_full_journal_refuses_and_accepts_again_after_records_were_erased(
    opens: Opens, jetstream: str, accounts: str, who: str, answer: str
) -> None:
    content = b"x" * 100_000
    with NatsServer.started(jetstream=jetstream, configuration=accounts) as server:
        journal = opens(f"nats://{who}127.0.0.1:{server.port}", seconds=1)

        def fill() -> None:
            for _ in range(20):
                journal.append(0, content)

        with pytest.raises(StoreFull, match=f"the journal is full, and accepts no events: NATS answers {answer}"):
            fill()
        end = journal.end(0).position
        assert 5 < end < 12
        assert dict(journal.read(0, after=0, count=20)) == dict.fromkeys(range(1, end + 1), content)
        for position in (1, 2, 3):
            journal.erase(0, position)
        assert journal.append(0, content) == end + 1
        assert [record.content for record in journal.fetch(0, [1, 4, end + 1])] == [None, content, content]


def test_an_account_without_jetstream_is_named(opens: Opens) -> None:
    with (
        NatsServer.started(configuration=_ACCOUNTS) as server,
        pytest.raises((SettingsError, StoreUnavailable), match=r"JetStream"),
    ):
        opens(f"nats://none:n@127.0.0.1:{server.port}", seconds=0.3).append(0, b"1")


def test_a_replica_that_is_late_hides_nothing(
    server: NatsServer, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opens(server)
    for number in range(1, 31):
        journal.append(0, b"%d" % number)
    for position in (3, 12, 13, 14, 30):
        journal.erase(0, position)
    send = Connection.pipeline

    def late(connection: Connection, requests: Sequence[Request]) -> list[list[Message]]:
        """Answer as a replica that has no more than ten records."""
        answers = send(connection, requests)
        return [
            [each for each in answer if not each.status and sequence_of(each.head) <= 10] or [Message(404, b"", b"")]
            if "DIRECT" in request.subject
            else answer
            for request, answer in zip(requests, answers, strict=True)
        ]

    monkeypatch.setattr(Connection, "pipeline", late)
    expected = [(position, None if position in {3, 12, 13, 14, 30} else b"%d" % position) for position in range(1, 31)]
    assert list(journal.fetch(0, range(1, 31))) == expected
    assert list(journal.fetch(0, range(2, 31, 2))) == expected[1::2]
    for at_once in (1, 2, 7, 100):
        assert records(journal, count=at_once) == expected


class TestConnections:
    @pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
    @pytest.mark.parametrize("received", range(1, 5))
    def test_a_call_after_one_that_was_interrupted_within_an_answer_gets_its_own(
        self,
        server: NatsServer,
        opens: Opens,
        monkeypatch: pytest.MonkeyPatch,
        received: int,
        error: type[BaseException],
    ) -> None:
        journal = opens(server)
        # An error of the server to who reads on within it.
        contents = [b"\r\n-ERR 'Authorization Violation'\r\n" * 25_000, b"2", b"3"]
        for content in contents:
            journal.append(0, content)
        receive, left = Incoming._receive, iter(range(received, 0, -1))

        def interrupted(incoming: Incoming, size: int) -> None:
            receive(incoming, size)
            if next(left, 0) == 1:
                raise error

        monkeypatch.setattr(Incoming, "_receive", interrupted)
        with pytest.raises(error):
            journal.fetch(0, [1, 2, 3])
        assert list(journal.fetch(0, [2])) == [(2, b"2")]
        assert [record.content for record in journal.read(0, after=0, count=3)] == contents
        assert journal.append(0, b"4") == 4

    def test_the_connection_of_a_thread_is_closed_when_the_thread_ends(
        self, opens: Opens, reserved_port: ReservedPort
    ) -> None:
        with NatsServer.started(configuration=f"http: 127.0.0.1:{reserved_port.number}") as server:
            journal = opens(server)
            journal.append(0, b"1")

            def connections() -> int:
                with urlopen(f"http://127.0.0.1:{reserved_port.number}/connz") as answer:
                    return int(json.load(answer)["num_connections"])

            inside, leave = threading.Barrier(6), threading.Event()

            def use() -> None:
                journal.append(0, b"x")
                inside.wait(20)
                leave.wait(20)

            threads = [threading.Thread(target=use) for _ in range(5)]
            for thread in threads:
                thread.start()
            inside.wait(20)
            assert connections() == 6
            leave.set()
            for thread in threads:
                thread.join(20)
            until = time.monotonic() + 10
            while connections() > 1 and time.monotonic() < until:
                time.sleep(0.01)
            assert connections() == 1
            assert journal.append(0, b"2") == 7

    def test_a_partition_whose_stream_is_slow_to_make_delays_no_other(
        self, server: NatsServer, opens: Opens, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        journal = opens(server)
        waiting, go_on = threading.Event(), threading.Event()
        ask = NatsClient.api

        def slow(client: NatsClient, subject: str, **body: object) -> dict[str, object]:
            if subject.startswith("STREAM.CREATE") and subject.endswith("-0"):
                waiting.set()
                assert go_on.wait(20)
            return ask(client, subject, **body)

        monkeypatch.setattr(NatsClient, "api", slow)
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(journal.append, 0, b"0")
            assert waiting.wait(20)
            assert journal.append(1, b"1") == 1
            go_on.set()
            assert first.result(20) == 1


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


class TestUsersWithAKey:
    def test_an_nkey_is_accepted_and_another_is_refused(self, opens: Opens, tmp_path: Path) -> None:
        known, other = Nkey("user"), Nkey("user")
        (tmp_path / "known.nk").write_text(f"{known.seed}\n")
        (tmp_path / "other.nk").write_text(f"# of nobody\n{other.seed}")
        users = f"authorization {{ users = [ {{ nkey: {known.public} }} ] }}"
        with NatsServer.started(configuration=users) as server:
            journal = opens(f"{server.url}?nkey={tmp_path / 'known.nk'}", name="j")
            assert journal.append(0, b"1") == 1
            with pytest.raises(SettingsError, match="NATS refuses the hub: Authorization Violation"):
                opens(f"{server.url}?nkey={tmp_path / 'other.nk'}", name="j").append(0, b"2")
            server.kill()
            server.restart()
            assert journal.append(0, b"2") == 2

    @pytest.fixture
    def operator(self) -> Operator:
        return Operator.new()

    @pytest.fixture
    def trusting(self, operator: Operator) -> Iterator[NatsServer]:
        with NatsServer.started(configuration=operator.configuration) as server:
            yield server

    @pytest.fixture
    def trusted(self, trusting: NatsServer, opens: Opens) -> Callable[[str], NatsJournal]:
        """Opens a journal with an option of the URL."""
        return lambda option: opens(f"{trusting.url}?{option}", seconds=1)

    def test_credentials_of_the_operator_are_accepted_and_of_another_refused(
        self, trusted: Callable[[str], NatsJournal], operator: Operator, tmp_path: Path
    ) -> None:
        for name, who in (("known", operator), ("other", Operator.new())):
            who.write_credentials(tmp_path / f"{name}.creds")
        assert trusted(f"creds={tmp_path / 'known.creds'}").append(0, b"1") == 1
        with pytest.raises(SettingsError, match="NATS refuses the hub: Authorization Violation"):
            trusted(f"creds={tmp_path / 'other.creds'}").append(0, b"1")

    def test_credentials_that_expired_can_be_replaced(
        self, trusting: NatsServer, operator: Operator, opens: Opens, tmp_path: Path
    ) -> None:
        file = tmp_path / "short.creds"
        operator.write_credentials(file, expires=int(time.time()) + 2)
        # In the second in which they expire, the server takes them and ends each connection at once.
        journal = opens(f"{trusting.url}?creds={file}", seconds=10)
        assert journal.append(0, b"1") == 1
        until = time.monotonic() + 20

        def read_on() -> None:
            while time.monotonic() < until:
                journal.end(0)

        with pytest.raises(SettingsError, match="NATS refuses the hub: Authorization Violation"):
            read_on()
        operator.write_credentials(file)
        assert journal.append(0, b"2") == 2

    @pytest.mark.parametrize(
        ("option", "text", "why"),
        [
            ("creds", None, "the file of creds cannot be read: No such file or directory"),
            ("nkey", b"", "the file of nkey has no valid seed of a user"),
            ("nkey", b"\xff\xfe", "the file of nkey cannot be read: it is not text"),
            ("nkey", Nkey("account").seed.encode(), "the file of nkey has no valid seed of a user"),
            ("nkey", b"SU" + b"A" * 56, "the file of nkey has no valid seed of a user"),
            ("creds", Nkey("user").seed.encode(), "the file of creds has no token"),
        ],
    )
    def test_a_file_that_has_no_key_or_token_is_named_by_its_option_and_not_quoted(
        self, trusted: Callable[[str], NatsJournal], tmp_path: Path, option: str, text: bytes | None, why: str
    ) -> None:
        file = tmp_path / "file"
        if text is not None:
            file.write_bytes(text)
        with pytest.raises(SettingsError, match=f"NATS refuses the hub: {why}") as refused:
            trusted(f"{option}={file}").end(0)
        assert not text or text.decode(errors="replace") not in str(refused.value)

    def test_a_server_that_asks_for_no_signature_is_named(
        self, server: NatsServer, operator: Operator, opens: Opens, tmp_path: Path
    ) -> None:
        operator.write_credentials(tmp_path / "some.creds")
        with pytest.raises(SettingsError, match="the server does not know users by creds or nkey"):
            opens(f"{server.url}?creds={tmp_path / 'some.creds'}").end(0)


@pytest.mark.parametrize("option", ["creds", "nkey"])
def test_a_key_needs_cryptography_which_functions_do_not_have(
    server: NatsServer, opens: Opens, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.delitem(sys.modules, "eventstore.adapters.nats.nkeys", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    assert opens(server.url).append(0, b"1") == 1
    with pytest.raises(SettingsError, match="need the package cryptography, which is not installed"):
        opens(f"{server.url}?{option}=some").end(0)


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


def test_an_end_that_no_leader_reports_is_not_believed(
    server: NatsServer, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opens(server)
    for content in (b"1", b"2"):
        journal.append(0, content)
    request, reported = Connection.request, []

    def leaderless(connection: Connection, subject: str, content: bytes) -> Message:
        message = request(connection, subject, content)
        if "STREAM.INFO" not in subject or reported:
            return message
        info = json.loads(message.content)
        # As a replica answers while a leader is elected.
        info["cluster"] = {"name": "tests", "replicas": []}
        info["state"]["last_seq"] = 1
        reported.append(info)
        return message._replace(content=json.dumps(info).encode())

    monkeypatch.setattr(Connection, "request", leaderless)
    assert journal.end(0).position == 2
    assert reported


class TestOnAClusterOfThree:
    def test_what_was_acknowledged_is_there_after_the_leader_was_killed(self, opens: Opens) -> None:
        with NatsCluster.started() as cluster:
            journal = opens(cluster.url, name="j", seconds=60, replicas=3)
            before = journal.end(0)
            stored: dict[int, bytes] = {}
            for round_ in range(2):
                leader = cluster.leader("j-0")
                leader.kill()
                for number in range(20):
                    content = b"%d-%d" % (round_, number)
                    stored[journal.append(0, content)] = content
                leader.restart()
            found = dict(records(journal, count=7))
            assert cluster.leader("j-0") is not leader
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
