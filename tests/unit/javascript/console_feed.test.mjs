/** How the timeline reads a stream and follows it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed } from "../../../functions/console/static/timeline/feed.js";

/** A stream in this process; pages hold at most `most` events. */
class Stream {
  events = [];
  /** The first sequence that retention left. */
  firstKept = 1;
  reads = [];
  open = 0;
  mostOpen = 0;

  constructor(count = 0, most = 1000) {
    this.most = most;
    this.publish(count);
  }

  publish(count) {
    for (let left = count; left > 0; left--) this.events.push({ hubsequence: String(this.events.length + 1) });
    for (const event of this.events.slice(this.events.length - count)) this.handler?.(event);
  }

  read = async (query) => {
    this.reads.push(query);
    this.mostOpen = Math.max(this.mostOpen, ++this.open);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
    this.open--;
    const { from = 1, to = Infinity, limit, cursor = Math.max(from, this.firstKept) } = query;
    const found = this.events.slice(cursor - 1, Math.min(to, this.events.length));
    const events = found.slice(0, Math.min(limit, this.most));
    return {
      head: this.events.length,
      events,
      ...(events.length < found.length ? { next: cursor + events.length } : {}),
    };
  };

  follow = (handler, onLive) => {
    this.handler = handler;
    this.connect = onLive;
  };
}

const received = (stream, options = {}) => {
  const sequences = [];
  const source = { read: stream.read, follow: options.follows === false ? null : stream.follow };
  const feed = new Feed(source, (events) => sequences.push(...events.map(({ hubsequence }) => Number(hubsequence))));
  return { feed, sequences };
};
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("a short stream is read by one request", async () => {
  const stream = new Stream(5);
  const { feed, sequences } = received(stream);
  const { first, head } = await feed.open();
  assert.deepEqual([first, head, sequences, stream.reads.length], [1, 5, range(1, 5), 1]);
});

test("an empty stream is waited for", async () => {
  const stream = new Stream();
  const { feed, sequences } = received(stream);
  const { live } = await feed.open();
  stream.connect();
  await live;
  stream.publish(2);
  assert.deepEqual(sequences, [1, 2]);
});

test("a long stream is read by a few requests side by side, and arrives in order", async () => {
  const stream = new Stream(9_500);
  const { feed, sequences } = received(stream);
  await feed.open();
  assert.deepEqual(sequences, range(1, 9_500));
  assert.equal(stream.mostOpen, 4);
});

test("pages that hold fewer events than were asked for leave no gap", async () => {
  const stream = new Stream(3_333, 170);
  const { feed, sequences } = received(stream);
  await feed.open();
  assert.deepEqual(sequences, range(1, 3_333));
});

test("of a very long stream the newest events are read", async () => {
  const stream = new Stream(25_000);
  const { feed, sequences } = received(stream);
  assert.equal((await feed.open()).first, 15_001);
  assert.deepEqual(sequences, range(15_001, 25_000));
});

for (const kept of [500, 3_000, 15_000])
  test(`the ${kept} events that retention left of a very long stream are read, up to 10,000`, async () => {
    const stream = new Stream(20_000);
    stream.firstKept = 20_000 - kept + 1;
    const { feed, sequences } = received(stream);
    await feed.open();
    assert.deepEqual(sequences, range(Math.max(stream.firstKept, 10_001), 20_000));
  });

test("earlier events are read on demand", async () => {
  const stream = new Stream(25_000);
  const { feed, sequences } = received(stream);
  await feed.open(4_000);
  assert.deepEqual(sequences, range(4_000, 25_000));
});

test("what is published while the stream is read arrives once", async () => {
  const stream = new Stream(2_500);
  const { feed, sequences } = received(stream);
  const opening = feed.open();
  stream.publish(3);
  const { live } = await opening;
  stream.publish(4);
  stream.connect();
  stream.publish(5);
  await live;
  stream.publish(6);
  assert.deepEqual(sequences, range(1, 2_518));
});

test("without a subscription the stream is read again", async () => {
  const stream = new Stream(3);
  const { feed, sequences } = received(stream, { follows: false });
  await (
    await feed.open()
  ).live;
  stream.publish(1_200);
  await feed.refresh();
  assert.deepEqual(sequences, range(1, 1_203));
});

test("a read that fails is reported, and no later page is received", async () => {
  const stream = new Stream(5_000);
  const { read } = stream;
  stream.read = async (query) => {
    if (query.from === 3_001) throw new Error("away");
    return read(query);
  };
  const { feed, sequences } = received(stream);
  await assert.rejects(feed.open(), /away/);
  assert.deepEqual(sequences, range(1, 3_000));
});
