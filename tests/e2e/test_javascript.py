"""The JavaScript module, as the hub serves it, in Chromium and in Node.js, through cut connections too."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from eventstore_hosting.origins import Origins
from tests.e2e.browser import opened
from tests.e2e.guarded import Guarded, guarded
from tests.relays import relaying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.e2e.browser import Page

pytestmark = pytest.mark.needs("own-hub")

_MODULE = Path(__file__).parents[2] / "functions/rest/javascript/eventstore.js"
_SECONDS = 120.0
_LONGEST = 50_000
"""The most bytes that a connection carries. A frame has up to 100 events, here 35,000 bytes, and must arrive whole."""

# Reports are sent sequentially, so that they arrive in order.
_REPORTING = """
let last = Promise.resolve();
const report = (what) => last = last.then(() => fetch("/", {method: "POST", body: JSON.stringify(what)}));
const reportError = ({name, code, status, message}) => report({error: name, code, status, message});
const options = {firstDelayMs: 5, longestDelayMs: 50, apiKey: KEY};
const onStatus = ({state, error}) => report({state, why: error?.message});
"""

_PUBLISHING = """
const store = new EventStore(undefined, options);
report({url: store.url});
const ending = new AbortController();
store.subscribe({type: "order.*", onStatus, signal: ending.signal}, (event) => {
  report({id: event.id, stream: event.hubstream, data: event.data});
  if (event.id === "2") ending.abort();
}).done.then(() => report({done: true}), reportError);
const event = (id, members) => ({id, source: "/page", type: "order.placed", workflowid: "page", ...members});
const publish = async () => {
  report({results: await store.publish(event("1", {data: {of: "ünï"}}))});
  await store.publish(event("1", {data: "other"})).catch(reportError);
  await store.publish(event("9", {type: "other"}), {stream: "page", expected: 7}).catch(reportError);
  await store.publish([event("9", {data: "x".repeat(3e6)})]).catch(reportError);
  const ids = [];
  for await (const {id} of store.read("page", {limit: 1})) ids.push(id);
  report({read: ids});
  await store.publish([event("8", {type: "other"}), event("2")], {stream: "page", expected: 1});
};
await publish();
"""

# The page does not say when it starts: events are there before it.
_FOLLOWING = """
const store = new EventStore(RELAY, options);
const events = [];
let retries = 0;
const subscription = store.subscribe(
  {from: "start", onStatus: ({state}) => { if (state === "retrying") retries++; }},
  (event) => {
    events.push([event.hubstream, Number(event.hubsequence)]);
    if (events.length === COUNT) setTimeout(() => subscription.close(), 200);
  });
subscription.done.then(() => report({events, retries}), reportError);
"""

_RELOADING = """
const subscription = new EventStore(RELAY, options).subscribe({from: "start", keep: "mine"});
let handled = 0;
for await (const event of subscription) {
  await report({stream: event.hubstream, sequence: Number(event.hubsequence)});
  subscription.handled();
  if (++handled === 7) {
    location.reload();
    await new Promise(() => {});
  }
}
"""

_SUBSCRIBING = """
const store = new EventStore(RELAY, options);
store.subscribe({onStatus}, (event) => report({id: event.id})).done.catch(reportError);
"""

_IN_NODE = """
const { EventStore } = await import(MODULE);
const store = new EventStore(RELAY, {apiKey: KEY, firstDelayMs: 5, longestDelayMs: 50, log: null});
const events = [];
let retries = 0;
const onStatus = ({state}) => { if (state === "retrying") retries++; };
for await (const event of store.subscribe({from: "start", onStatus})) {
  events.push([event.hubstream, Number(event.hubsequence)]);
  if (events.length === COUNT) break;
}
console.log(JSON.stringify({events, retries}));
"""


@pytest.fixture(scope="module")
def shared_hub(listed_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    origins = Origins.parse(f"http://app.test:{listed_port}")
    with guarded("key", tmp_path_factory.mktemp("javascript"), origins=origins) as hub:
        yield hub


@pytest.fixture
def hub(shared_hub: Guarded) -> Guarded:
    """A hub without streams."""
    caller = shared_hub.caller()
    for stream in caller.call("GET", "/api/v1/streams").json()["streams"]:
        assert caller.call("DELETE", f"/api/v1/streams/{stream['id']}").status in {200, 204}
    return shared_hub


def html(hub: Guarded, script: str, *, key: str, relay: int = 0, module: str = "", count: int = 0) -> str:
    values = {"KEY": key, "RELAY": f"http://127.0.0.1:{relay}" if relay else hub.url, "COUNT": count}
    source = json.dumps(module or f"{hub.url}/api/v1/eventstore.js")
    whole = f"import {{ EventStore }} from {source};{constants(values)}{_REPORTING}{script}"
    return f"<!doctype html><title>page</title><script type=module>{whole}</script>"


def constants(values: Mapping[str, object]) -> str:
    """The values as a script has them."""
    return "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())


def port_of(hub: Guarded) -> int:
    return urlsplit(hub.url).port or 0


def published(hub: Guarded, *, count: int, streams: int) -> list[tuple[str, int]]:
    """Publish events to streams in turn; return their positions."""
    caller = hub.caller()
    events = [
        {"specversion": "1.0", "id": str(n), "source": "/js", "type": "t", "workflowid": f"wf-{n % streams}"}
        for n in range(count)
    ]
    results = []
    for start in range(0, count, 50):
        answer = caller.publish(*events[start : start + 50])
        assert answer.status == 201, answer.data
        results += answer.json()["results"]
    return [(result["stream"], result["sequence"]) for result in results]


def assert_once_in_order(received: Sequence[tuple[str, int]], expected: Sequence[tuple[str, int]]) -> None:
    assert len(received) == len(expected)
    for stream in {name for name, _ in expected}:
        of_stream = [sequence for name, sequence in received if name == stream]
        assert of_stream == [sequence for name, sequence in expected if name == stream]


def cutting(seed: int, *, longest: int) -> Callable[[], int]:
    drawn = random.Random(seed)
    return lambda: drawn.randint(1, longest)


def state(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda report: report.get("state") == name


def reports(page: Page, last: str) -> list[dict[str, Any]]:
    return page.until(lambda report: last in report or "error" in report)


def test_a_page_that_imports_the_module_from_the_hub_publishes_reads_and_follows(
    hub: Guarded, chromium: str, tmp_path: Path
) -> None:
    key = hub.credential("publish read subscribe", streams=["page"])
    with opened(html(hub, _PUBLISHING, key=key), program=chromium, profile=tmp_path) as page:
        received = page.until(lambda report: "done" in report)
    assert received[0] == {"url": hub.url}
    assert [(report["error"], report["status"], report["code"]) for report in received if "error" in report] == [
        ("EventConflict", 409, "event-conflict"),
        ("WrongExpectedVersion", 412, "wrong-expected-version"),
        ("TooLarge", 413, "too-large"),
    ]
    assert [report["results"] for report in received if "results" in report] == [
        [{"stream": "page", "sequence": 1, "id": "1", "duplicate": False}]
    ]
    assert [report["read"] for report in received if "read" in report] == [["1"]]
    followed = [(report["id"], report["stream"], report.get("data")) for report in received if "id" in report]
    assert followed[-1] == ("2", "page", None)
    assert followed[:-1] in ([], [("1", "page", {"of": "ünï"})])


def test_a_page_receives_every_event_once_in_order_through_cut_connections(
    hub: Guarded, chromium: str, seed: int, tmp_path: Path
) -> None:
    key = hub.credential("read subscribe")
    with relaying(port_of(hub), cut_after=cutting(seed, longest=_LONGEST)) as relay:
        shown = html(hub, _FOLLOWING, key=key, relay=relay, count=3000)
        with opened(shown, program=chromium, profile=tmp_path) as page:
            expected = published(hub, count=3000, streams=7)
            [*_, last] = reports(page, "events")
    assert_once_in_order([tuple(event) for event in last["events"]], expected)
    assert last["retries"] >= 5, f"{last['retries']} cuts, seed {seed}"


def test_a_page_that_is_reloaded_goes_on_where_it_was(hub: Guarded, chromium: str, seed: int, tmp_path: Path) -> None:
    key = hub.credential("read subscribe")
    expected = published(hub, count=60, streams=3)
    with relaying(port_of(hub), cut_after=cutting(seed, longest=_LONGEST)) as relay:
        shown = html(hub, _RELOADING, key=key, relay=relay)
        with opened(shown, program=chromium, profile=tmp_path) as page:
            received = [page.report() for _ in expected]
    assert_once_in_order([(report["stream"], report["sequence"]) for report in received], expected)


@pytest.mark.parametrize(
    ("scopes", "reason"), [("", (401, "unauthorized")), ("read", (403, "forbidden"))], ids=["unknown", "no-scope"]
)
def test_a_page_learns_why_a_handshake_was_refused(
    hub: Guarded, chromium: str, tmp_path: Path, scopes: str, reason: tuple[int, str]
) -> None:
    key = hub.credential(scopes) if scopes else "nobodys"
    with opened(html(hub, _SUBSCRIBING, key=key), program=chromium, profile=tmp_path) as page:
        closed, error = page.report(), page.report()
    assert (error["error"], error["status"], error["code"]) == ("Denied", *reason)
    assert closed["state"] == "closed"
    assert closed["why"] == error["message"]
    assert key not in error["message"]


def test_a_refused_page_of_an_unlisted_origin_learns_of_the_setting(
    hub: Guarded, chromium: str, tmp_path: Path
) -> None:
    shown = html(hub, _SUBSCRIBING, key="nobodys", module="/module.js")
    content = _MODULE.read_bytes()
    with opened(shown, program=chromium, profile=tmp_path, host="evil.test", module=content) as page:
        report = page.report()
    assert report["state"] == "retrying"
    assert "pages of http://evil.test" in report["why"]
    assert "ALLOWED_ORIGINS" in report["why"]


def test_a_page_of_a_listed_origin_imports_the_module_and_follows(
    hub: Guarded, chromium: str, listed_port: int, tmp_path: Path
) -> None:
    shown = html(hub, _SUBSCRIBING, key=hub.credential("subscribe"))
    with opened(shown, program=chromium, profile=tmp_path, host="app.test", port=listed_port) as page:
        page.until(state("live"))
        published(hub, count=1, streams=1)
        assert page.report() == {"id": "0"}


def test_a_page_goes_on_after_the_hub_was_away(hub: Guarded, chromium: str, tmp_path: Path) -> None:
    key = hub.credential("read subscribe")
    with ExitStack() as relays:
        port = relays.enter_context(relaying(port_of(hub)))
        shown = html(hub, _SUBSCRIBING, key=key, relay=port)
        with opened(shown, program=chromium, profile=tmp_path) as page:
            page.until(state("live"))
            relays.close()
            reasons = [page.until(state("retrying"))[-1]["why"] for _ in range(10)]
            published(hub, count=1, streams=1)
            with relaying(port_of(hub), at=port):
                assert page.until(lambda report: "id" in report)[-1] == {"id": "0"}
    assert "the connection was lost (1006)" in reasons[0]
    assert f"http://127.0.0.1:{port} cannot be reached" in reasons[-1]


def test_node_receives_every_event_once_in_order_through_cut_connections(
    hub: Guarded, seed: int, tmp_path: Path
) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not here: install Node.js 20 or later")
    expected = published(hub, count=3000, streams=7)
    with relaying(port_of(hub), cut_after=cutting(seed, longest=_LONGEST)) as relay:
        values = {
            "MODULE": _MODULE.as_uri(),
            "RELAY": f"http://127.0.0.1:{relay}",
            "KEY": hub.credential("read subscribe"),
            "COUNT": len(expected),
        }
        script = tmp_path / "following.mjs"
        script.write_text(constants(values) + _IN_NODE)
        done = subprocess.run(
            [node, "--experimental-websocket", "--no-warnings", script],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert_once_in_order([tuple(event) for event in found["events"]], expected)
    assert found["retries"] >= 5, f"{found['retries']} cuts, seed {seed}"
