"""The credentials that the client sends, over REST and WebSocket, to hubs that check them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeAlias

import pytest
from botocore.credentials import Credentials as Keys
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError

from eventstore_client import (
    Anonymous,
    ApiKey,
    AwsIam,
    Backoff,
    Bearer,
    ConnectFailed,
    Denied,
    EventStore,
    NoCredentials,
    Unencrypted,
)
from tests.functional.client.signatures import KEYS, Signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eventstore_client import Credentials
    from tests.functional.client.fake_hub import FakeHub, ReceivedRequest
    from tests.functional.client.fake_websocket_hub import FakeWebSocketHub

Open: TypeAlias = "Callable[[Credentials | None], EventStore]"
EVENT = {"specversion": "1.0", "id": "é 1", "source": "/tests?a=b+c", "type": "t"}
BLOCKING = pytest.mark.parametrize("open_store", ["blocking"], indirect=True)
BACKOFF = Backoff(first=0.001, longest=0.01, patience=5.0)


class Session:
    """A session like boto3's, whose keys the test changes."""

    region_name = "eu-west-1"

    def __init__(self, keys: Keys | None = KEYS) -> None:
        self.keys = keys

    def get_credentials(self) -> Keys | None:
        return self.keys


def wants(name: str, *values: str) -> Callable[[ReceivedRequest], tuple[int, str] | None]:
    return lambda arrived: None if arrived.headers.get(name) in values else (401, "Unauthorized")


def test_anonymous_is_sent_none_of_the_environment(
    opened: Open, hub: FakeHub, live_hub: FakeWebSocketHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTSTORE_TOKEN", "secret")
    handshakes: list[ReceivedRequest] = []
    live_hub.guard = handshakes.append
    store = opened(Anonymous())

    store.publish([EVENT])
    store.subscribe().close()

    for arrived in (hub.received[0], handshakes[0]):
        assert not {"authorization", "x-api-key"} & {name.lower() for name in arrived.headers}


def test_anonymous_may_use_an_address_without_encryption(
    open_store: Callable[..., EventStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTSTORE_TOKEN", "secret")
    with pytest.raises(Unencrypted):
        open_store("http://hub.example.com")

    with open_store("http://hub.example.com", credentials=Anonymous()) as store:
        assert str(store.credentials) == "no credentials"


def test_a_refusal_of_anonymous_says_how_credentials_are_given(opened: Open, hub: FakeHub) -> None:
    hub.guard = wants("Authorization", "Bearer t")

    with pytest.raises(Denied, match="the request was sent with no credentials: pass credentials="):
        opened(Anonymous()).publish([EVENT])


def tokens(*texts: str) -> Callable[[], str]:
    left = iter(texts)
    return lambda: next(left)


@pytest.fixture
def opened(
    hub: FakeHub, live_hub: FakeWebSocketHub, open_store: Callable[..., EventStore]
) -> Iterator[Callable[[Credentials | None], EventStore]]:
    stores: list[EventStore] = []

    def open_with(credentials: Credentials | None) -> EventStore:
        stores.append(open_store(hub.url, websocket_url=live_hub.url, backoff=BACKOFF, credentials=credentials))
        return stores[-1]

    yield open_with
    for store in stores:
        store.close()


class TestTokens:
    @pytest.mark.parametrize(
        ("credentials", "name", "value"),
        [
            (Bearer("a.b-c_d"), "Authorization", "Bearer a.b-c_d"),
            (Bearer(lambda: "a.b.c"), "Authorization", "Bearer a.b.c"),
            (ApiKey("key-1"), "X-Api-Key", "key-1"),
        ],
    )
    def test_a_credential_is_accepted_over_rest_and_websocket(
        self, hub: FakeHub, live_hub: FakeWebSocketHub, opened: Open, *, credentials: Credentials, name: str, value: str
    ) -> None:
        hub.guard = live_hub.guard = wants(name, value)
        store = opened(credentials)

        assert store.publish([EVENT], stream="s")[0].sequence == 1
        assert [event.id for event in store.read("s")] == [EVENT["id"]]
        with store.subscribe() as subscription:
            assert subscription.cursor

    def test_a_token_is_requested_once_for_many_requests(self, hub: FakeHub, opened: Open) -> None:
        hub.guard = wants("Authorization", "Bearer first")
        store = opened(Bearer(tokens("first")))

        assert [store.health()["status"] for _ in range(3)] == ["ok"] * 3

    def test_a_token_that_expired_is_replaced_and_the_request_sent_again(self, hub: FakeHub, opened: Open) -> None:
        hub.guard = wants("Authorization", "Bearer first")
        store = opened(Bearer(tokens("first", "second")))
        store.publish([EVENT], stream="s")
        hub.guard = wants("Authorization", "Bearer second")

        assert store.publish([EVENT], stream="s")[0].duplicate

    def test_a_second_token_that_is_refused_is_an_error(self, hub: FakeHub, opened: Open) -> None:
        hub.guard = wants("Authorization", "Bearer third")

        with pytest.raises(Denied, match="Unauthorized; the request was sent with the bearer token"):
            opened(Bearer(tokens("first", "second", "third"))).health()
        assert len(hub.received) == 2

    def test_a_refused_static_token_is_not_sent_again(self, hub: FakeHub, opened: Open) -> None:
        hub.guard = wants("Authorization", "another")

        with pytest.raises(Denied):
            opened(Bearer("first")).health()
        assert len(hub.received) == 1

    def test_each_connection_sends_a_fresh_token(self, live_hub: FakeWebSocketHub, opened: Open) -> None:
        live_hub.guard = wants("Authorization", "Bearer first")
        with opened(Bearer(tokens("first", "second"))).subscribe(start="start") as subscription:
            live_hub.guard = wants("Authorization", "Bearer second")
            live_hub.disconnect()
            live_hub.publish("a")

            assert next(subscription).stream == "a"
        assert live_hub.connected == 2

    def test_a_subscription_with_a_refused_credential_fails_instead_of_retrying(
        self, live_hub: FakeWebSocketHub, opened: Open
    ) -> None:
        with opened(Bearer("first")).subscribe() as subscription:
            live_hub.guard = wants("Authorization", "Bearer second")
            live_hub.disconnect()

            with pytest.raises(
                Denied, match=r"Unauthorized; the request was sent with the bearer token \(http-401, HTTP 401\)"
            ):
                next(subscription)

    @BLOCKING
    def test_a_worker_with_a_refused_credential_fails(self, live_hub: FakeWebSocketHub, opened: Open) -> None:
        live_hub.guard = wants("X-Api-Key", "other")

        with (
            opened(ApiKey("key")).work("workers") as worker,
            pytest.raises(Denied, match="the request was sent with the API key"),
        ):
            worker.run(print)

    def test_a_token_source_may_fail_temporarily(self, live_hub: FakeWebSocketHub, opened: Open) -> None:
        given = iter(["first", ConnectFailed("not now"), "second"])

        def token() -> str:
            token = next(given)
            if isinstance(token, Exception):
                raise token
            return token

        with opened(Bearer(token)).subscribe(start="start") as subscription:
            live_hub.disconnect()
            live_hub.publish("a")

            assert next(subscription).stream == "a"

    def test_without_a_credential_the_refusal_explains_how_to_pass_one(self, hub: FakeHub, opened: Open) -> None:
        hub.guard = wants("Authorization", "any")

        with pytest.raises(Denied, match="Unauthorized; the request was sent with no credentials: pass"):
            opened(None).health()

    @pytest.mark.parametrize(
        "credentials", [Bearer("a\r\nX-Other: b"), Bearer(""), Bearer(lambda: "a b"), ApiKey("\n")]
    )
    def test_a_credential_that_breaks_a_header_is_neither_sent_nor_shown(
        self, hub: FakeHub, opened: Open, credentials: Credentials
    ) -> None:
        with pytest.raises(NoCredentials) as raised:
            opened(credentials).health()

        assert hub.received == []
        assert "X-Other" not in str(raised.value)


class TestTheEnvironment:
    @pytest.mark.parametrize(
        ("variable", "name", "value"),
        [("EVENTSTORE_TOKEN", "Authorization", "Bearer v"), ("EVENTSTORE_API_KEY", "X-Api-Key", "v")],
    )
    def test_the_environment_may_contain_the_credential(
        self, hub: FakeHub, opened: Open, monkeypatch: pytest.MonkeyPatch, *, variable: str, name: str, value: str
    ) -> None:
        monkeypatch.setenv(variable, "v")

        opened(None).health()

        assert hub.received[0].headers[name] == value

    def test_an_argument_counts_before_it(self, hub: FakeHub, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVENTSTORE_TOKEN", "v")

        opened(ApiKey("key")).health()

        assert hub.received[0].headers["X-Api-Key"] == "key"
        assert "Authorization" not in hub.received[0].headers

    def test_two_credentials_are_an_error(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EVENTSTORE_TOKEN", "v")
        monkeypatch.setenv("EVENTSTORE_API_KEY", "v")

        with pytest.raises(NoCredentials, match="both set"):
            opened(None)


class TestRedirections:
    def test_a_redirected_request_is_not_followed(self, hub: FakeHub, opened: Open) -> None:
        hub.guard = lambda _: (307, "elsewhere")

        assert opened(Bearer("token")).health() == {"message": "elsewhere"}
        assert len(hub.received) == 1

    def test_a_redirected_connection_is_not_followed(self, live_hub: FakeWebSocketHub, opened: Open) -> None:
        live_hub.elsewhere = "ws://127.0.0.1:9/ws"

        with pytest.raises(Exception, match="HTTP 302"):
            opened(ApiKey("key")).subscribe()
        assert live_hub.connected == 0


class TestSignatures:
    @pytest.fixture(autouse=True)
    def guarded(self, hub: FakeHub, live_hub: FakeWebSocketHub) -> None:
        hub.guard = live_hub.guard = Signed()

    def test_every_request_is_signed(self, hub: FakeHub, opened: Open) -> None:
        store = opened(AwsIam(session=Session()))

        assert store.publish([EVENT], stream="acme:order~7", expected=0)[0].sequence == 1
        assert store.publish([EVENT], stream="acme:order~7", expected=0)[0].duplicate
        assert [event.id for event in store.read("acme:order~7", page=1)] == [EVENT["id"]]
        assert store.stream("acme:order~7")["head"] == 1
        assert "X-Amz-Security-Token" in hub.received[0].headers

    def test_the_condition_headers_of_a_publish_are_signed(self, hub: FakeHub, opened: Open) -> None:
        opened(AwsIam(session=Session())).publish([EVENT], stream="s", expected=0)

        assert "SignedHeaders=content-type;host;if-none-match;x-amz-date" in hub.received[0].headers["Authorization"]

    def test_a_websocket_is_opened_with_a_signature_and_again_with_a_fresh_one(
        self, live_hub: FakeWebSocketHub, opened: Open
    ) -> None:
        session = Session()
        with opened(AwsIam(session=session)).subscribe(start="start") as subscription:
            session.keys = Keys("AKIDOTHER", "another-secret", "another-session")
            live_hub.guard = Signed(session.keys)
            live_hub.disconnect()
            live_hub.publish("a")

            assert next(subscription).stream == "a"

    @BLOCKING
    def test_a_worker_signs_as_well(self, live_hub: FakeWebSocketHub, opened: Open) -> None:
        live_hub.answers.append({"type": "error", "code": "subscription-not-found", "detail": "none"})

        with opened(AwsIam(session=Session())).work("w") as worker, pytest.raises(Exception, match="not-found"):
            worker.run(print)

    @pytest.mark.parametrize(
        ("credentials", "reason"),
        [
            (AwsIam(session=Session(Keys("AKIDEXAMPLE", "wrong", "session-token"))), "does not match"),
            (AwsIam(session=Session(), region="us-east-1"), "valid region: us-east-1"),
            (None, "Missing Authentication Token"),
        ],
    )
    def test_a_wrong_signature_is_reported_with_the_reason(
        self, opened: Open, credentials: Credentials | None, reason: str
    ) -> None:
        store = opened(credentials)

        with pytest.raises(Denied, match=reason):
            store.publish([EVENT])
        with pytest.raises(Denied, match=reason):
            store.subscribe()

    def test_the_machine_s_own_credentials_are_found(self, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS.secret_key)
        monkeypatch.setenv("AWS_SESSION_TOKEN", str(KEYS.token))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

        assert opened(AwsIam()).health() == {"status": "ok"}

    def test_without_credentials_the_error_names_their_sources(self, opened: Open) -> None:
        with pytest.raises(NoCredentials, match="AWS_PROFILE"):
            opened(AwsIam(session=Session(None))).health()

    def test_without_botocore_the_error_names_what_to_install(
        self, opened: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "botocore.auth", None)

        with pytest.raises(NoCredentials, match="pip install boto3"):
            opened(AwsIam(session=Session())).health()

    def test_a_temporary_failure_of_aws_is_retried(self, opened: Open) -> None:
        session = Session()
        failures = iter([ConnectTimeoutError(endpoint_url="https://sts.example")])

        def get_keys() -> Keys | None:
            for failure in failures:
                raise failure
            return KEYS

        session.get_credentials = get_keys  # type: ignore[method-assign]
        assert opened(AwsIam(session=session)).publish([EVENT], stream="s")[0].sequence == 1

    def test_unavailable_credentials_are_not_requested_again(self, opened: Open) -> None:
        session = Session()

        def get_keys() -> Keys | None:
            raise NoCredentialsError

        session.get_credentials = get_keys  # type: ignore[method-assign]
        with pytest.raises(NoCredentials, match="cannot get AWS credentials"):
            opened(AwsIam(session=session)).publish([EVENT])
