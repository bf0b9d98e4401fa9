import assert from "node:assert/strict";
import { test } from "node:test";

import * as client from "../../../functions/rest/javascript/eventstore.js";
import { FakeHub, json, problem, recorded, within } from "./hub.mjs";

const { EventStore } = client;
const EVENTS = "/api/v1/events";

function storeOf(hub, more) {
  return new EventStore("http://127.0.0.1:8081/", hub.options(more));
}

const results = (...ids) =>
  json(201, { results: ids.map((id, at) => ({ stream: "s", sequence: at + 1, id, duplicate: false })) });

test("one event is published in structured mode, and several as a batch", async () => {
  const hub = new FakeHub();
  hub.answers[`POST ${EVENTS}`] = (call) => results(...[JSON.parse(call.body)].flat().map((event) => event.id));
  const store = storeOf(hub);
  const [published] = await store.publish({ id: "1", source: "/a", type: "t", data: { amount: 1 } }, { stream: "a b" });
  assert.deepEqual(published, { stream: "s", sequence: 1, id: "1", duplicate: false });
  const events = [{ id: "2", source: "/a", type: "t" }, { id: "3", source: "/a", type: "t" }];
  assert.equal((await store.publish(events, { expected: 7 })).length, 2);
  await store.publish(events, { expected: 0 });
  const [one, many, first] = hub.requests;
  assert.equal(one.path, `${EVENTS}?stream=a+b`);
  assert.equal(one.headers["Content-Type"], "application/cloudevents+json");
  assert.deepEqual(JSON.parse(one.body), { specversion: "1.0", id: "1", source: "/a", type: "t", data: { amount: 1 } });
  assert.equal(many.headers["Content-Type"], "application/cloudevents-batch+json");
  assert.equal(many.headers["If-Match"], '"7"');
  assert.equal(first.headers["If-None-Match"], "*");
});

test("an event without an id gets one, which a retry repeats", async () => {
  const hub = new FakeHub();
  hub.answers[`POST ${EVENTS}`] = [problem(503, "store-unavailable"), problem(502, undefined), results("any")];
  await storeOf(hub).publish({ source: "/a", type: "t" });
  const ids = hub.requests.map((request) => JSON.parse(request.body).id);
  assert.match(ids[0], /^[0-9a-f]{32}$/);
  assert.deepEqual(ids, [ids[0], ids[0], ids[0]]);
});

for (const [status, code, kind, members] of [
  [409, "event-conflict", client.EventConflict, {}],
  [412, "wrong-expected-version", client.WrongExpectedVersion, { actual: 9 }],
  [413, "too-large", client.TooLarge, {}],
  [422, "invalid-event", client.Invalid, {}],
  [404, "stream-not-found", client.NotFound, {}],
  [410, "new-epoch", client.Gone, {}],
  [403, "forbidden", client.Denied, {}],
]) {
  test(`${status} is ${kind.name}, at once`, async () => {
    const hub = new FakeHub();
    hub.answers[`POST ${EVENTS}`] = () => problem(status, code, members);
    await assert.rejects(storeOf(hub).publish({ source: "/a", type: "t" }), (error) => {
      assert.ok(error instanceof kind);
      assert.ok(error instanceof client.ProblemError && error instanceof client.EventStoreError);
      assert.deepEqual([error.name, error.status, error.code, error.actual], [kind.name, status, code, members.actual]);
      return true;
    });
    assert.equal(hub.requests.length, 1);
  });
}

for (const status of [408, 429, 500, 502, 503, 504]) {
  test(`${status} is retried until the patience ends`, async () => {
    const hub = new FakeHub();
    hub.answers[`POST ${EVENTS}`] = () => json(status, { message: "busy" });
    const published = storeOf(hub).publish({ source: "/a", type: "t" }, { patienceMs: 30 });
    await assert.rejects(within(published, "the end"), (error) => {
      assert.ok(error instanceof client.Unavailable);
      assert.equal(error.message, `busy (http-${status}, HTTP ${status})`);
      return true;
    });
    assert.ok(hub.requests.length > 1);
  });
}

test("a hub that cannot be reached is tried again", async () => {
  const hub = new FakeHub();
  let failures = 2;
  hub.answers[`POST ${EVENTS}`] = () => (failures-- > 0 ? undefined : results("1"));
  assert.equal((await storeOf(hub).publish({ id: "1", source: "/a", type: "t" })).length, 1);
  hub.answers[`POST ${EVENTS}`] = () => undefined;
  const published = storeOf(hub, { patienceMs: 5 }).publish({ source: "/a", type: "t" });
  await assert.rejects(published, client.ConnectFailed);
});

test("an attempt that is not answered in time is given up", async () => {
  const hub = new FakeHub();
  hub.answers[`POST ${EVENTS}`] = (_, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const published = storeOf(hub, { patienceMs: 0, timeoutMs: 10 }).publish({ source: "/a", type: "t" });
  await assert.rejects(within(published, "the end"), /no answer after 10 ms/);
});

test("a signal ends a request with its reason, also while it waits", async () => {
  const hub = new FakeHub();
  hub.answers[`POST ${EVENTS}`] = () => problem(503, "store-unavailable");
  const ending = new AbortController();
  const store = storeOf(hub, { firstDelayMs: 1e9, longestDelayMs: 1e9, patienceMs: 1e12 });
  const published = store.publish({ source: "/a", type: "t" }, { signal: ending.signal });
  setTimeout(() => ending.abort(new RangeError("mine")), 5);
  await assert.rejects(within(published, "the end"), RangeError);
  await assert.rejects(store.publish({ source: "/a", type: "t" }, { signal: ending.signal }), RangeError);
});

test("a rejected token is replaced once, and a rejected key is not tried again", async () => {
  const hub = new FakeHub();
  const tokens = ["old", "new"];
  hub.answers[`GET ${EVENTS}`] = (call) =>
    call.headers.Authorization === "Bearer new" ? json(200, { events: [] }) : problem(401, "unauthorized");
  await storeOf(hub, { token: () => tokens.shift() }).searchPage();
  assert.equal(hub.requests.length, 2);
  await assert.rejects(storeOf(hub, { apiKey: "key" }).searchPage(), client.Denied);
  await assert.rejects(storeOf(hub).searchPage(), /the request had no credentials: pass token or apiKey/);
  assert.equal(hub.requests.length, 4);
});

test("a read follows its pages, with the same parameters", async () => {
  const hub = new FakeHub();
  const path = "/api/v1/streams/a%2Fb/events";
  hub.answers[`GET ${path}`] = [
    json(200, { events: [recorded("s", 1), recorded("s", 2)], next: "c1" }),
    json(200, { events: [recorded("s", 3)] }),
  ];
  const ids = [];
  for await (const event of storeOf(hub).read("a/b", { from: 1, limit: 2, type: ["t", "u"], filterName: "mine" })) {
    ids.push(event.id);
  }
  assert.deepEqual(ids, ["s-1", "s-2", "s-3"]);
  const query = "from=1&limit=2&type=t&type=u&filter_name=mine";
  assert.deepEqual(hub.requests.map((request) => request.path), [
    `${path}?${query}`,
    `${path}?from=1&limit=2&type=t&type=u&cursor=c1&filter_name=mine`,
  ]);
});

test("a search reports what was removed, or fails", async () => {
  const hub = new FakeHub();
  const missing = [{ stream: "s", first: 1, last: 2 }];
  hub.answers[`GET ${EVENTS}`] = () => json(200, { events: [recorded("s", 3)], missing, missing_more: true });
  await assert.rejects(storeOf(hub).search().next(), client.HistoryLost);
  const losses = [];
  assert.equal((await storeOf(hub).search({ onLoss: (loss) => losses.push(loss) }).next()).value.id, "s-3");
  assert.deepEqual(losses, [{ missing, more: true, gone: [], renewed: [] }]);
});

test("one event is read by its id", async () => {
  const hub = new FakeHub();
  hub.answers["GET /api/v1/events/a%2Fb"] = json(200, recorded("s", 1));
  assert.equal((await storeOf(hub).get("a/b", { source: "/x" })).id, "s-1");
  assert.equal(hub.requests[0].path, "/api/v1/events/a%2Fb?source=%2Fx");
});

test("a response that no hub sends is an error that names the address", async () => {
  const hub = new FakeHub();
  hub.answers[`GET ${EVENTS}`] = () => new Response("<html>");
  await assert.rejects(storeOf(hub).searchPage(), (error) => {
    assert.ok(error instanceof client.UnexpectedAnswer);
    assert.match(error.message, /http:\/\/127.0.0.1:8081: <html>; is it a hub\?/);
    return true;
  });
});

const subscribed = (options) => new EventStore("https://hub.example", options).subscribe();
const sockets = () => new EventStore("http://localhost", { WebSocket: class {} });

for (const [name, make, message] of [
  ["an address that is no URL of a hub", () => new EventStore("ws://127.0.0.1"), /such as http:/],
  ["no address, where no hub served the module", () => new EventStore(), /pass the hub's address/],
  ["two credentials", () => new EventStore("http://localhost", { token: "a", apiKey: "b" }), /not both/],
  ["an empty credential", () => new EventStore("http://localhost", { token: "" }), /is empty/],
  ["a credential over http", () => new EventStore("http://hub.example", { apiKey: "a" }), /unencrypted/],
  ["a credential over ws", () => subscribed({ apiKey: "a", webSocketUrl: "ws://hub.example/ws" }), /unencrypted/],
  ["no WebSocket address behind a gateway", () => new EventStore("https://hub.example/v1").subscribe(), /webSocketUrl/],
  ["a WebSocket address with a query", () => subscribed({ webSocketUrl: "wss://a/ws?b" }), /webSocketUrl/],
  ["from and cursor", () => sockets().subscribe({ from: "now", cursor: "c" }), /not both/],
  ["keep without a storage", () => sockets().subscribe({ keep: "a" }), /storage/],
]) {
  test(`${name}: the error says so`, () => {
    assert.throws(make, (error) => error instanceof TypeError && message.test(error.message));
  });
}

test("without a WebSocket, as in Node.js 20, the error says what is needed, and requests work", async () => {
  const here = Object.getOwnPropertyDescriptor(globalThis, "WebSocket");
  delete globalThis.WebSocket;
  try {
    const store = new EventStore("http://localhost");
    assert.throws(() => store.subscribe(), (error) => {
      assert.ok(error instanceof TypeError);
      assert.match(error.message, /Node.js 22, run node --experimental-websocket, or .* the option WebSocket/);
      return true;
    });
    const hub = new FakeHub();
    hub.answers[`POST ${EVENTS}`] = () => results("1");
    assert.equal((await storeOf(hub).publish({ source: "/a", type: "t" })).length, 1);
  } finally {
    if (here) Object.defineProperty(globalThis, "WebSocket", here);
  }
});

test("an event that is no object, and an expected version that is none, are errors", async () => {
  const store = storeOf(new FakeHub());
  await assert.rejects(store.publish("text"), /an event must be an object/);
  await assert.rejects(store.publish({ source: "/a", type: "t" }, { expected: -1 }), /expected must be/);
});
