import assert from "node:assert/strict";
import { test } from "node:test";

import * as client from "../../../functions/rest/javascript/eventstore.js";
import { Arrivals, FakeHub, json, problem, recorded, within } from "./hub.mjs";

const { ConnectFailed, Denied, EventStore, Gone, HistoryLost, Invalid } = client;
const URL_OF_HUB = "http://127.0.0.1:8081";

function following(hub, options = {}, more = {}) {
  const store = new EventStore(URL_OF_HUB, hub.options(more));
  const events = new Arrivals();
  const statuses = [];
  const subscription = store.subscribe(
    { onStatus: (status) => statuses.push(status), ...options },
    (event) => events.add(event.id),
  );
  subscription.done.catch(() => {});
  return { subscription, events, statuses };
}

/** A storage as browsers have it. */
class Storage {
  kept = new Map();
  getItem = (key) => this.kept.get(key) ?? null;
  setItem = (key, value) => void this.kept.set(key, value);
  removeItem = (key) => void this.kept.delete(key);
}

test("a subscription sends its filters and receives events in order", async () => {
  const hub = new FakeHub();
  const selection = { type: ["a.*", "b"], stream: ["s"], filterName: "mine" };
  const { subscription, events } = following(hub, { ...selection, from: "start" });
  const socket = await hub.sockets.next();
  assert.equal(socket.url, "ws://127.0.0.1:8081/ws");
  assert.deepEqual(socket.protocols, ["eventstore.v1"]);
  assert.deepEqual(await socket.confirm(), {
    action: "subscribe",
    id: "s",
    request: "s",
    filters: [{ any: [{ prefix: { type: "a." } }, { exact: { type: "b" } }] }],
    filter_name: "mine",
    stream: ["s"],
    from: "start",
  });
  socket.frame(0, 1, [recorded("s", 1), recorded("s", 2)]);
  assert.deepEqual([await events.next(), await events.next()], ["s-1", "s-2"]);
  subscription.close();
  await within(subscription.done, "the end");
});

test("a lost connection is replaced by one that resumes from the newest cursors", async () => {
  const hub = new FakeHub();
  const { subscription, events, statuses } = following(hub, { from: "start" });
  const first = await hub.sockets.next();
  await first.confirm();
  first.frame(0, 1, [recorded("s", 1)]);
  first.frame(1, 1, [recorded("t", 1)]);
  await events.next();
  await events.next();
  first.lose();
  const second = await hub.sockets.next();
  const request = await second.confirm();
  assert.deepEqual(request.cursor, ["start", "p0-1", "p1-1"]);
  assert.equal("from" in request, false);
  second.frame(0, 1, [recorded("s", 2)]);
  assert.equal(await events.next(), "s-2");
  assert.deepEqual(statuses.map(({ state }) => state), ["connected", "retrying", "connected"]);
  subscription.close();
});

test("a frame is handled once, and a missing one is read again", async () => {
  const hub = new FakeHub();
  const { subscription, events } = following(hub);
  const first = await hub.sockets.next();
  await first.confirm();
  first.frame(0, 1, [recorded("s", 1)]);
  first.frame(0, 1, [recorded("s", 1)]);
  first.frame(0, 3, [recorded("s", 3)]);
  assert.equal(await events.next(), "s-1");
  const second = await hub.sockets.next();
  assert.ok(first.isClosed);
  assert.deepEqual((await second.confirm()).cursor, ["start", "p0-1"]);
  second.frame(0, 1, [recorded("s", 2), recorded("s", 3)]);
  assert.deepEqual([await events.next(), await events.next()], ["s-2", "s-3"]);
  subscription.close();
});

test("frames that overtake the confirmation are handled after it", async () => {
  const hub = new FakeHub();
  const { subscription, events, statuses } = following(hub);
  const socket = await hub.sockets.next();
  await socket.sent.next();
  socket.frame(0, 1, [recorded("s", 1)]);
  socket.give({ type: "live", id: "s", partition: 0, frame: 2, cursor: "p0-2" });
  assert.equal(events.size, 0);
  socket.give({ type: "subscribed", id: "s", cursor: "start", recovery: "complete", partitions: [0] });
  assert.equal(await events.next(), "s-1");
  await within(until(() => statuses.some(({ state }) => state === "live")), "live");
  assert.equal(subscription.cursor, "start.p0-2");
  subscription.close();
});

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("the subscription is live when the last partition is", async () => {
  const hub = new FakeHub();
  const { subscription, events, statuses } = following(hub);
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.give({ type: "live", id: "s", partition: 1, frame: 1, cursor: "p1-1" });
  socket.frame(0, 1, [recorded("s", 1)]);
  await events.next();
  assert.deepEqual(statuses.map(({ state }) => state), ["connected"]);
  socket.give({ type: "live", id: "s", partition: 0, frame: 2, cursor: "p0-2" });
  await within(until(() => statuses.at(-1).state === "live"), "live");
  subscription.close();
});

test("a refused handshake ends with the reason that the hub gives over REST", async () => {
  const hub = new FakeHub();
  hub.accepts = false;
  hub.answers["GET /api/v1/handshake"] = problem(401, "unauthorized");
  const { subscription, statuses } = following(hub, {}, { apiKey: "key" });
  await assert.rejects(within(subscription.done, "the end"), (error) => {
    assert.ok(error instanceof Denied);
    assert.equal(error.message, "about unauthorized (unauthorized, HTTP 401)");
    return true;
  });
  assert.equal(hub.requests[0].headers["X-Api-Key"], "key");
  assert.deepEqual(statuses.map(({ state, error }) => [state, error?.code]), [["closed", "unauthorized"]]);
});

test("a hub that is away is tried again, with a warning at once and not for every attempt", async () => {
  const hub = new FakeHub();
  hub.accepts = false;
  const { subscription, events, statuses } = following(hub);
  await within(until(() => statuses.length >= 5), "attempts");
  assert.ok(statuses.every(({ state, error }) => state === "retrying" && error instanceof ConnectFailed));
  assert.deepEqual(hub.warnings, ["eventstore: http://127.0.0.1:8081 cannot be reached: fetch failed; retrying"]);
  hub.accepts = true;
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.frame(0, 1, [recorded("s", 1)]);
  assert.equal(await events.next(), "s-1");
  subscription.close();
});

test("a connection that the hub would accept is tried again, and the error names webSocketUrl", async () => {
  const hub = new FakeHub();
  hub.accepts = false;
  hub.answers["GET /api/v1/handshake"] = () => json(200, undefined);
  const { subscription, statuses } = following(hub);
  await within(until(() => statuses.length > 0), "an attempt");
  assert.match(statuses[0].error.message, /webSocketUrl/);
  subscription.close();
});

test("a handshake that fails without a close event is tried again", async () => {
  const hub = new FakeHub();
  hub.accepts = false;
  hub.refuses = (socket) => socket.onerror?.({});
  const { subscription } = following(hub);
  await within(until(() => hub.requests.length > 1), "another attempt");
  hub.accepts = true;
  await (await hub.sockets.next()).confirm();
  subscription.close();
});

test("patience limits how long connecting is retried", async () => {
  const hub = new FakeHub();
  hub.accepts = false;
  hub.answers["GET /api/v1/handshake"] = () => problem(503, "store-unavailable");
  const { subscription } = following(hub, { patienceMs: 20 });
  await assert.rejects(within(subscription.done, "the end"), { code: "store-unavailable" });
});

test("a token is asked for anew for each connection, and is sent as a subprotocol", async () => {
  const hub = new FakeHub();
  const tokens = ["tökén?>", "second"];
  const { subscription } = following(hub, {}, { token: async () => tokens.shift() });
  const first = await hub.sockets.next();
  assert.deepEqual(first.protocols, ["eventstore.v1", "bearer.dMO2a8Opbj8-"]);
  await first.confirm();
  first.lose();
  assert.deepEqual((await hub.sockets.next()).protocols, ["eventstore.v1", "bearer.c2Vjb25k"]);
  subscription.close();
});

test("a token that is not available is asked for again", async () => {
  const hub = new FakeHub();
  let asked = 0;
  const token = () => {
    if (++asked < 3) throw new Error("the issuer is away");
    return "token";
  };
  const { subscription, statuses } = following(hub, {}, { token });
  await hub.sockets.next();
  assert.match(statuses[0].error.message, /the issuer is away/);
  subscription.close();
});

for (const [code, kind] of [["stream-gone", Gone], ["invalid-filter", Invalid], ["forbidden", Denied]]) {
  test(`the error ${code} ends a subscription`, async () => {
    const hub = new FakeHub();
    const { subscription } = following(hub);
    const socket = await hub.sockets.next();
    await socket.sent.next();
    socket.give({ type: "error", code, detail: "why", pointer: "/filters", request: "s", id: "s" });
    await assert.rejects(within(subscription.done, "the end"), (error) => {
      assert.ok(error instanceof kind);
      assert.equal(error.message, `why (at /filters) (${code})`);
      return true;
    });
    assert.ok(socket.isClosed);
  });
}

for (const code of ["going-away", "store-reset", "connection-not-found", "store-unavailable", "internal"]) {
  test(`the error ${code} ends the connection, not the subscription`, async () => {
    const hub = new FakeHub();
    const { subscription, statuses } = following(hub);
    const first = await hub.sockets.next();
    await first.confirm();
    first.give({ type: "error", code, detail: "why" });
    await (await hub.sockets.next()).confirm();
    assert.match(statuses.find(({ state }) => state === "retrying").error.message, new RegExp(code));
    subscription.close();
  });
}

test("a loss ends a subscription without onLoss, and names the cursor behind it", async () => {
  const hub = new FakeHub();
  const { subscription } = following(hub);
  const socket = await hub.sockets.next();
  await socket.confirm();
  const missing = [{ stream: "s", first: 1, last: 4 }];
  socket.give({ type: "truncated", id: "s", partition: 0, frame: 1, cursor: "p0-1", missing });
  await assert.rejects(within(subscription.done, "the end"), (error) => {
    assert.ok(error instanceof HistoryLost);
    assert.deepEqual(error.loss, { missing, more: false, gone: [], renewed: [] });
    assert.equal(error.cursor, "start.p0-1");
    return true;
  });
  assert.equal(subscription.cursor, "start");
});

test("a loss that is accepted is reported before the events that follow it", async () => {
  const hub = new FakeHub();
  const losses = [];
  const { subscription, events } = following(hub, { onLoss: (loss) => losses.push(loss) });
  const socket = await hub.sockets.next();
  await socket.confirm({ recovery: "new-epoch", renewed: [1] });
  socket.give({ type: "truncated", id: "s", partition: 0, frame: 1, cursor: "p0-1", missing: [], gone: ["t"] });
  socket.frame(0, 2, [recorded("s", 5)]);
  assert.equal(await events.next(), "s-5");
  assert.deepEqual(losses, [
    { missing: [], more: false, gone: [], renewed: [1] },
    { missing: [], more: false, gone: ["t"], renewed: [] },
  ]);
  subscription.close();
});

test("an iteration counts an event as handled when the next one is requested", async () => {
  const hub = new FakeHub();
  const subscription = new EventStore(URL_OF_HUB, hub.options()).subscribe();
  const received = subscription.next();
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.frame(0, 1, [recorded("s", 1)]);
  socket.frame(0, 2, [recorded("s", 2)]);
  assert.equal((await received).value.id, "s-1");
  assert.equal(subscription.cursor, "start");
  assert.equal((await subscription.next()).value.id, "s-2");
  assert.equal(subscription.cursor, "start.p0-1");
  subscription.handled();
  assert.equal(subscription.cursor, "start.p0-2");
  subscription.close();
  assert.deepEqual(await subscription.next(), { done: true, value: undefined });
});

test("a signal ends an iteration that waits", async () => {
  const hub = new FakeHub();
  const ending = new AbortController();
  const subscription = new EventStore(URL_OF_HUB, hub.options()).subscribe({ signal: ending.signal });
  const seen = [];
  const iterated = (async () => {
    for await (const event of subscription) seen.push(event.id);
  })();
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.frame(0, 1, [recorded("s", 1)]);
  await until(() => seen.length === 1);
  ending.abort();
  await within(iterated, "the end of the iteration");
  await within(subscription.done, "the end");
  assert.ok(socket.isClosed);
});

test("a subscription that is closed while it waits to reconnect ends", async () => {
  const hub = new FakeHub();
  hub.accepts = false;
  const { subscription, statuses } = following(hub, {}, { firstDelayMs: 1e9, longestDelayMs: 1e9 });
  await within(until(() => statuses.length === 1), "an attempt");
  subscription.close();
  await within(subscription.done, "the end");
});

test("an error of the handler ends the subscription, and its event is not handled", async () => {
  const hub = new FakeHub();
  const store = new EventStore(URL_OF_HUB, hub.options());
  const subscription = store.subscribe({}, async () => {
    throw new RangeError("mine");
  });
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.frame(0, 1, [recorded("s", 1)]);
  await assert.rejects(within(subscription.done, "the end"), RangeError);
  assert.equal(subscription.cursor, "start");
});

test("a handler that is slower than the hub loses nothing", async () => {
  const hub = new FakeHub();
  const received = [];
  let free = () => {};
  const busy = new Promise((resolve) => (free = resolve));
  const subscription = new EventStore(URL_OF_HUB, hub.options()).subscribe({}, async (event) => {
    await busy;
    received.push(event.id);
  });
  const first = await hub.sockets.next();
  await first.confirm();
  let frame = 0;
  while (!first.isClosed) first.frame(0, ++frame, [recorded("s", frame)]);
  assert.ok(frame > 100 && frame < 1000, String(frame));
  free();
  const second = await hub.sockets.next();
  assert.deepEqual((await second.confirm()).cursor, ["start", `p0-${frame}`]);
  second.frame(0, 1, [recorded("s", frame + 1)]);
  await within(until(() => received.length === frame + 1), "all events");
  assert.deepEqual(received, Array.from({ length: frame + 1 }, (_, index) => `s-${index + 1}`));
  subscription.close();
});

test("a page that is loaded again goes on behind the last event that was handled", async () => {
  const hub = new FakeHub();
  const storage = new Storage();
  const first = following(hub, { keep: "mine", storage, from: "start" });
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.frame(0, 1, [recorded("s", 1)]);
  socket.frame(0, 2, [recorded("s", 2), recorded("t", 1), recorded("s", 3), recorded("s", 4)]);
  for (let count = 0; count < 4; count++) await first.events.next();
  // The page ends with one event of the frame left, so nothing of it closes the subscription.
  await until(() => JSON.parse(storage.getItem(`eventstore:${URL_OF_HUB}:mine`)).before.s === 3);
  const kept = new Map(storage.kept);
  first.subscription.close();

  storage.kept = kept;
  const second = following(hub, { keep: "mine", storage, from: "start" });
  const again = await hub.sockets.next();
  assert.deepEqual((await again.confirm()).cursor, ["start", "p0-1"]);
  again.frame(0, 1, [recorded("s", 2), recorded("t", 1)]);
  again.frame(0, 2, [recorded("s", 3), recorded("s", 4), recorded("s", 5), recorded("t", 2)]);
  const received = [await second.events.next(), await second.events.next(), await second.events.next()];
  assert.deepEqual(received, ["s-4", "s-5", "t-2"]);
  second.subscription.forget();
  assert.equal(storage.kept.size, 0);
});

test("a kept position that the hub rejects is forgotten", async () => {
  const hub = new FakeHub();
  const storage = new Storage();
  storage.setItem(`eventstore:${URL_OF_HUB}:mine`, '{"start":"of another hub","newest":{},"before":{}}');
  const { subscription } = following(hub, { keep: "mine", storage });
  const socket = await hub.sockets.next();
  assert.deepEqual((await socket.sent.next()).cursor, ["of another hub"]);
  socket.give({ type: "error", code: "invalid-cursor", detail: "why", request: "s" });
  await assert.rejects(within(subscription.done, "the end"), Invalid);
  assert.equal(storage.kept.size, 0);
});

test("a storage that refuses costs a warning, not the subscription", async () => {
  const hub = new FakeHub();
  const storage = { getItem: () => "{", setItem: () => assert.fail("full"), removeItem: () => {} };
  const { subscription, events } = following(hub, { keep: "mine", storage });
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.frame(0, 1, [recorded("s", 1)]);
  socket.frame(0, 2, [recorded("s", 2)]);
  assert.deepEqual([await events.next(), await events.next()], ["s-1", "s-2"]);
  assert.equal(hub.warnings.length, 1);
  subscription.close();
});

test("the data of an event that is too large for a frame are fetched from the hub, and from nowhere else", async () => {
  const hub = new FakeHub();
  const path = "/api/v1/events/s-1?source=%2Ftest&stream=s";
  hub.answers["GET /api/v1/events/s-1"] = json(200, recorded("s", 1, { data: "large" }));
  const store = new EventStore(URL_OF_HUB, hub.options());
  const subscription = store.subscribe();
  const next = () => within(subscription.next(), "an event");
  const received = next();
  const socket = await hub.sockets.next();
  await socket.confirm();
  socket.frame(0, 1, [
    recorded("s", 1, { dataref: path }),
    recorded("s", 2, { dataref: "https://elsewhere.example/api/v1/events/s-2?source=%2Ftest&stream=s" }),
  ]);
  assert.equal((await received).value.data, "large");
  assert.equal((await next()).value.data, undefined);
  assert.deepEqual(hub.requests.map((request) => request.path), [path]);
  subscription.close();
});

test("a connection that does not answer a ping is replaced", async () => {
  const hub = new FakeHub();
  const { subscription, statuses } = following(hub, {}, { pingEveryMs: 5, timeoutMs: 20 });
  const socket = await hub.sockets.next();
  await socket.confirm();
  await (await hub.sockets.next("another connection")).confirm();
  assert.ok(socket.isClosed);
  assert.match(statuses.find(({ state }) => state === "retrying").error.message, /a ping within 20 ms/);
  subscription.close();
});

test("an idle connection is probed", async () => {
  const hub = new FakeHub();
  const { subscription, events } = following(hub, {}, { pingEveryMs: 10 });
  const socket = await hub.sockets.next();
  await socket.confirm();
  assert.deepEqual(await socket.sent.next("a ping"), { action: "ping" });
  socket.give({ type: "pong" });
  assert.deepEqual(await socket.sent.next("another ping"), { action: "ping" });
  socket.frame(0, 1, [recorded("s", 1)]);
  assert.equal(await events.next(), "s-1");
  subscription.close();
});
