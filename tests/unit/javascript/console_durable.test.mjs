/** Figures over time, and what confirmations say. */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  ofChange,
  ofDeletion,
  ofRedrive,
  ofReplay,
  targetName,
} from "../../../functions/console/static/durable/consequences.js";
import { Samples, rates } from "../../../functions/console/static/durable/samples.js";

const STANDING = {
  id: "workers",
  in_flight: 2,
  held: 1,
  parked: 3,
  lag: 40,
  lag_more: true,
  members: [{}, {}],
  ack_deadline: 30,
  max_attempts: 5,
};

test("the newest samples are kept, and gaps are left out", () => {
  const samples = new Samples({ most: 3 });
  for (let time = 1; time <= 5; time++) samples.add("workers", time, { lag: time, age: time === 2 ? 7 : null });
  assert.deepEqual(
    samples.series("workers", "lag").map(({ value }) => value),
    [3, 4, 5],
  );
  assert.deepEqual(samples.series("workers", "age"), [{ time: 2, value: 7 }]);
  assert.deepEqual(samples.series("others", "lag"), []);
});

test("a number becomes a rate, which is not negative if something was removed", () => {
  const counter = [
    [0, 10],
    [1000, 30],
    [3000, 40],
    [4000, 8],
  ].map(([time, value]) => ({ time, value }));
  assert.deepEqual(
    rates(counter).map(({ value }) => value),
    [20, 5, 0],
  );
});

test("a replay from the start says what is sent again, and what is discarded", () => {
  const said = ofReplay(STANDING, { from: "start" }).join(" ");
  assert.match(said, /Every matching event that is kept is sent to its 2 members again/);
  assert.match(said, /2 events in flight, 1 stream held for another attempt, 3 parked streams with their dead letters/);
});

test("a replay from now says what is never sent", () => {
  const said = ofReplay(STANDING, { from: "now" }).join(" ");
  assert.match(said, /40 events or more that it has yet to come to will never be sent to its 2 members/);
});

test("a replay of a rule names its target", () => {
  const said = ofReplay(
    { ...STANDING, in_flight: 0, held: 0, parked: 0, target: { http: "https://shop/hook" } },
    { since: "2026-01-05T09:00:00Z" },
  ).join(" ");
  assert.match(said, /stored at or after 2026-01-05T09:00:00Z is sent to the target https:\/\/shop\/hook again/);
  assert.match(said, /Nothing is in flight, held or parked/);
});

test("a change says what was and what will be", () => {
  const said = ofChange(STANDING, { ack_deadline: 60, filters: [] }).join(" ");
  assert.match(said, /becomes 60 s \(now 30 s\)/);
  assert.match(said, /keeps its position/);
  assert.match(said, /a replay does that/);
  assert.doesNotMatch(said, /attempts/);
});

test("a deletion says who is concerned", () => {
  assert.match(ofDeletion(STANDING).join(" "), /Its 2 members will be notified.*3 parked streams will be discarded/);
});

test("each way of a redrive says what becomes of the event and of what waits", () => {
  const about = { subscription: "workers", stream: "order-7", sequence: 4, behind: 12 };
  assert.match(
    ofRedrive(about, "start")[0],
    /goes on with event 4, which failed, and then with those of the 12 events behind it that match/,
  );
  assert.match(
    ofRedrive(about, "skip")[0],
    /goes on behind event 4.*will not be sent again; it continues with those of the 12 events behind it/,
  );
  assert.match(
    ofRedrive(about, "drop")[0],
    /Event 4, which failed, and those of the 12 events behind it that match, will never be sent to workers/,
  );
  assert.match(ofRedrive({ ...about, behind: 0 }, "drop")[0], /Event 4, which failed will never be sent to workers/);
  assert.match(ofRedrive({ subscription: "workers", streams: 3 }, "drop")[0], /^3 parked streams of workers go on/);
});

test("targets have the name of their kind", () => {
  assert.deepEqual(
    [{ lambda: "f" }, { sqs: "https://q" }, { http: "https://h" }, { eventbridge: "b" }, {}].map(targetName),
    ["lambda f", "sqs https://q", "https://h", "eventbridge b", "unknown"],
  );
});
