/** The metrics of a server, as the console reads them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Reading, quantile, rate } from "../../../functions/console/static/operations/metrics.js";

const text = (counts, { instance = "a", turns = 0 } = {}) => `
# HELP eventstore_info 1
eventstore_info{version="0.1.0",instance="${instance}"} 1
turns_total{kind="durable"} ${turns}
turns_total{kind="a \\"b\\" {c}"} 5
${counts.map(([le, count]) => `took_bucket{route="/x",le="${le}"} ${count}`).join("\n")}
${counts.map(([le, count]) => `took_bucket{route="/y",le="${le}"} ${count}`).join("\n")}
took_sum 3.5
`;
const at = (time, counts, options) => Reading.of(text(counts, options), time);

test("labels with quotes and braces are read", () => {
  const reading = at(0, []);
  assert.deepEqual(reading.metrics.get("turns_total")[1], { labels: { kind: 'a "b" {c}' }, value: 5 });
  assert.deepEqual([reading.instance, reading.sum("turns_total"), reading.sum("none")], ["a", 5, undefined]);
});

test("a rate is that of all labels, between two readings", () => {
  assert.equal(rate(at(0, [], { turns: 10 }), at(4000, [], { turns: 30 }), "turns_total"), 5);
});

test("readings of two instances, and of one that was restarted, give no rate", () => {
  const before = at(0, [], { turns: 10 });
  assert.equal(rate(before, at(1000, [], { turns: 30, instance: "b" }), "turns_total"), undefined);
  assert.equal(rate(before, at(1000, [], { turns: 3 }), "turns_total"), undefined);
});

test("a quantile is interpolated in its bucket", () => {
  const now = at(0, [
    ["0.1", 50],
    ["0.2", 100],
    ["+Inf", 100],
  ]);
  assert.equal(quantile(undefined, now, "took", 0.5), 0.1);
  assert.ok(Math.abs(quantile(undefined, now, "took", 0.75) - 0.15) < 1e-9);
});

test("a quantile is that of what came since the reading before", () => {
  const before = at(0, [
    ["0.1", 50],
    ["0.2", 50],
    ["+Inf", 50],
  ]);
  const now = at(1000, [
    ["0.1", 50],
    ["0.2", 60],
    ["+Inf", 60],
  ]);
  assert.ok(quantile(before, now, "took", 0.5) > 0.1);
  assert.equal(quantile(before, before, "took", 0.5), undefined);
});

test("above the last bound, a quantile is that bound", () => {
  assert.equal(
    quantile(
      undefined,
      at(0, [
        ["0.1", 1],
        ["+Inf", 10],
      ]),
      "took",
      0.99,
    ),
    0.1,
  );
});
