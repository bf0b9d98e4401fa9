/** What the operations' view shows of statistics and metrics. */

import { rates } from "../durable/samples.js";
import { h } from "../dom.js";
import { chart } from "../widgets/chart.js";
import { count } from "../widgets/numbers.js";
import { table } from "../widgets/table.js";
import { timeOf } from "../widgets/time.js";
import { quantile, rate } from "./metrics.js";

/** What a backend may promise (docs/backends.md). */
const PROMISES = {
  ordered: "The events of a stream have an order.",
  conditional: "A publish can name the version that a stream must have.",
  once: "An event that is sent again is stored once.",
  replayable: "A cursor continues where it was, with no gap.",
  outlives_cache: "Events, cursors and durable subscriptions outlive the loss of the cache.",
  erases: "Events that were deleted are erased, not only hidden.",
  shared: "Other programs can read the events from the backend itself.",
};

/** Rates and latencies of a server, and the names of their metrics. */
const RATES = [
  ["requests", "Requests over HTTP", "eventstore_http_requests_total"],
  ["events", "Events stored", "eventstore_appended_events_total"],
  ["frames", "Frames sent", "eventstore_frames_total"],
  ["turns", "Turns", "eventstore_turns_total"],
  ["failures", "Turns that failed", "eventstore_turn_failures_total"],
];
const LATENCIES = [
  ["http", "Request to answer", "eventstore_http_request_seconds"],
  ["append", "Append in the store", "eventstore_append_seconds"],
  ["send", "Publish to live frame", "eventstore_publish_to_send_seconds"],
  ["turn", "Turn", "eventstore_turn_seconds"],
];
const GAUGES = [
  ["Connections", "eventstore_connections"],
  ["Ephemeral subscriptions", "eventstore_subscriptions"],
  ["Partitions owned", "eventstore_partitions_owned"],
  ["Instances alive", "eventstore_instances_alive"],
  ["Events that wait for a turn", "eventstore_dispatch_lag_events"],
  ["Partitions diverged", "eventstore_partitions_diverged"],
];

const perSecond = (value) => `${value < 10 ? Math.round(value * 10) / 10 : count(Math.round(value))}/s`;
const milliseconds = (value) => `${value < 10 ? Math.round(value * 10) / 10 : Math.round(value)} ms`;
const figure = (name, ...values) => h("div", {}, h("dt", {}, name), h("dd", {}, values));

/** The backend, and what it promises. */
export function backend({ backend: { name, capabilities, lag }, partitions }, version) {
  return [
    h(
      "dl",
      { class: "attributes" },
      [
        ["version", version],
        ["backend", name],
        ["partitions", String(partitions)],
        lag !== undefined && ["journal", `${count(lag)} records that the index does not have yet`],
      ]
        .filter(Boolean)
        .map(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]),
    ),
    table(
      "Capabilities of the backend",
      ["capability", "kept", "promise"],
      Object.entries(capabilities).map(([label, kept]) => [
        h("code", {}, label),
        h("span", { class: `state ${kept ? "good" : ""}`.trim() }, kept ? "✓ yes" : "✕ no"),
        PROMISES[label] ?? "",
      ]),
    ),
  ];
}

/** Collect statistics, and how long their answer took. */
export function collectStats(samples, { appends, streams, by_partition: parts = [] }, time, took) {
  samples.add("hub", time, { appends, streams, took });
  for (const { partition, appends: each } of parts) samples.add(`hub/${partition}`, time, { appends: each });
}

/** The store, in all. */
export function store({ streams, appends, newest }, samples) {
  return h(
    "dl",
    { class: "figures" },
    figure(
      "appends per second",
      chart(rates(samples.series("hub", "appends")), { label: "Appends", format: perSecond }),
    ),
    figure(
      "answer of the hub, from here",
      chart(samples.series("hub", "took"), { label: "Answer of the hub", format: milliseconds }),
    ),
    streams !== undefined && [
      figure("streams", count(streams)),
      figure("appends that are kept", count(appends)),
      figure("newest event", timeOf(newest)),
    ],
  );
}

/** Each partition. */
export function storePartitions({ by_partition: parts }, samples) {
  if (parts === undefined)
    return h(
      "p",
      { class: "none" },
      "The credential is for some streams alone: counts of the store are not shown to it.",
    );
  return table(
    "Partitions of the store",
    [
      { title: "no.", number: true },
      { title: "streams", number: true },
      { title: "appends", number: true },
      "per second",
      "newest event",
    ],
    parts.map(({ partition, streams, appends, newest }) => [
      String(partition),
      count(streams),
      count(appends),
      chart(rates(samples.series(`hub/${partition}`, "appends")), {
        label: `Appends in partition ${partition}`,
        format: perSecond,
      }),
      timeOf(newest),
    ]),
  );
}

/** Collect what a server measured since the reading before. */
export function collectMetrics(samples, before, now) {
  const values = {};
  for (const [name, , metric] of RATES) values[name] = before && rate(before, now, metric);
  for (const [name, , metric] of LATENCIES)
    for (const part of [0.5, 0.99]) values[`${name} ${part}`] = scaled(quantile(before, now, metric, part));
  samples.add("server", now.time, values);
}

function scaled(seconds) {
  return seconds === undefined ? undefined : seconds * 1000;
}

/** What a server measured. */
export function server(reading, samples) {
  const gauges = GAUGES.map(([title, name]) => [title, reading.sum(name)]).filter(([, value]) => value !== undefined);
  return [
    h(
      "p",
      { class: "hint" },
      `Of the instance ${reading.instance || "that answered"}; where there are several, each answers for itself.`,
    ),
    h(
      "dl",
      { class: "figures" },
      RATES.map(([name, title]) =>
        figure(title, chart(samples.series("server", name), { label: title, format: perSecond })),
      ),
      gauges.map(([title, value]) => figure(title, count(value))),
    ),
    table(
      "Latencies",
      ["latency", "half are faster than", "99 of 100 are faster than"],
      LATENCIES.map(([name, title]) => [
        title,
        ...[0.5, 0.99].map((part) =>
          chart(samples.series("server", `${name} ${part}`), {
            label: `${title}, ${part === 0.5 ? "median" : "99th percentile"}`,
            format: milliseconds,
          }),
        ),
      ]),
    ),
  ];
}
