/** The timeline's axis. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Scale, elapsed, wholeOf } from "../../../functions/console/static/timeline/scale.js";

const HOUR = { from: 1_000_000, to: 4_600_000 };

test("the whole fills the width", () => {
  const scale = new Scale("time", HOUR, undefined, 800);
  assert.deepEqual([scale.x({ time: HOUR.from, index: 0 }), scale.x({ time: HOUR.to, index: 9 })], [0, 800]);
  assert.ok(scale.isWhole);
});

test("by order, each event has the same place", () => {
  const scale = new Scale("order", { from: 0, to: 10 }, undefined, 100);
  assert.equal(scale.x({ time: 5e12, index: 5 }), 50);
});

test("zooming keeps what is below the pointer", () => {
  const scale = new Scale("time", HOUR, undefined, 800);
  const value = scale.valueAt(200);
  const zoomed = scale.zoomed(0.25, 200);
  assert.ok(Math.abs(zoomed.at(value) - 200) < 1e-6);
  assert.equal(Math.round(zoomed.range.to - zoomed.range.from), 900_000);
});

test("nothing outside of the whole can be seen", () => {
  const scale = new Scale("time", HOUR, undefined, 800);
  assert.deepEqual(scale.zoomed(4).range, HOUR);
  const last = scale.zoomed(0.5).moved(9);
  assert.deepEqual(last.range, { from: 2_800_000, to: 4_600_000 });
  assert.deepEqual(new Scale("time", HOUR, { from: NaN, to: 3 }).range, HOUR);
});

test("a moment has a width", () => {
  const scale = new Scale("time", { from: 5, to: 5 }, undefined, 100);
  assert.ok(Number.isFinite(scale.x({ time: 5, index: 0 })));
});

test("ticks are round distances from the beginning", () => {
  const scale = new Scale("time", HOUR, undefined, 800);
  assert.deepEqual(
    scale.ticks().map(({ label }) => label),
    ["0 ms", "10 min", "20 min", "30 min", "40 min", "50 min", "1 h"],
  );
  for (const factor of [1, 0.3, 0.01, 0.0001]) {
    const ticks = scale.zoomed(factor).ticks();
    assert.ok(ticks.length >= 1 && ticks.length <= 9, `${factor}: ${ticks.length}`);
  }
});

test("durations have two units", () => {
  const cases = [
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [1_234, "1.23 s"],
    [59_990, "60 s"],
    [61_000, "1 min 1 s"],
    [3_600_000, "1 h"],
    [90_000_000, "1 d 1 h"],
    [-1_500, "−1.5 s"],
  ];
  assert.deepEqual(
    cases.map(([ms]) => elapsed(ms)),
    cases.map(([, text]) => text),
  );
});

const run = (begun, last, ended, state = "running") => ({
  begun: { time: begun, index: 3 },
  last: { time: last, index: 9 },
  ended,
  state,
});

test("what is open is seen up to now, unless it was left long ago", () => {
  assert.deepEqual(wholeOf([run(0, 1000, null)], "time", 5000), { from: 0, to: 5000 });
  assert.deepEqual(wholeOf([run(0, 1000, null)], "time", 5e9), { from: 0, to: 1000 });
  assert.deepEqual(wholeOf([run(0, 1000, { time: 1000, index: 9 })], "time", 5000), { from: 0, to: 1000 });
  assert.deepEqual(wholeOf([run(0, 1000, null), run(9, 1000, null)], "order", 5000), { from: 3, to: 10 });
  assert.ok(new Scale("time", wholeOf([], "time", 5)).isWhole);
});
