/** How a durable subscription stands, on the screen. */

import { h } from "../dom.js";
import { State } from "../state.js";
import { chart } from "../widgets/chart.js";
import { count } from "../widgets/numbers.js";
import { table } from "../widgets/table.js";
import { duration, timeOf } from "../widgets/time.js";
import { targetName } from "./consequences.js";

const seconds = (value) => duration(value * 1000);

/** Collect the figures of a standing, in all and per partition. */
export function collect(samples, standing, time) {
  const figures = ({ lag, log_lag, oldest_age, in_flight, held, parked }) => ({
    // Nothing that waits has no age.
    lag: lag ?? log_lag,
    oldest_age: oldest_age ?? 0,
    in_flight,
    held,
    parked,
  });
  samples.add(standing.id, time, figures(standing));
  for (const part of standing.partitions ?? []) samples.add(`${standing.id}/${part.partition}`, time, figures(part));
}

/** The charts of a subscription, or of one partition (`key`). */
export function charts(samples, key, about) {
  return {
    lag: chart(samples.series(key, "lag"), { label: `Lag ${about}`, format: count }),
    age: chart(samples.series(key, "oldest_age"), { label: `Age of the oldest event ${about}`, format: seconds }),
  };
}

/** Whether it is well, in words. */
export function health(standing) {
  const { parked, held, full, open_circuits, members, target, lag, log_lag } = standing;
  const has = Array.isArray(members) ? members.length > 0 : members > 0;
  if (full) return pill("bad", "✕ full");
  if (open_circuits > 0) return pill("bad", `✕ ${open_circuits} open ${open_circuits === 1 ? "circuit" : "circuits"}`);
  if (parked > 0) return pill("bad", `✕ ${parked} parked`);
  if (!target && open_circuits === undefined && !has && (lag ?? log_lag ?? 0) > 0)
    return pill("warning", "! nobody works");
  if (held > 0) return pill("warning", `! ${held} held`);
  return pill("good", "✓ well");
}

export function pill(kind, text) {
  return h("span", { class: `state ${kind}`.trim() }, text);
}

/** A link to what is parked, if the reader may see that. */
export function parkedLink({ id, parked }, hub) {
  if (!(parked > 0)) return "0";
  return hub.can("admin")
    ? h(
        "a",
        { href: new State("dead-letters", [id]).href, "aria-label": `${parked} parked, dead letters of ${id}` },
        count(parked),
      )
    : count(parked);
}

/** Lag as text; a part of it may not be counted. */
export function lagText({ lag, lag_more, log_lag }) {
  if (lag !== undefined) return `${count(lag)}${lag_more ? " or more" : ""}`;
  return log_lag === undefined ? "not shown to this credential" : `at most ${count(log_lag)}`;
}

/** The state of a target's circuit. */
export function circuitOf(circuit) {
  const { state, reason, next_try: next } = circuit;
  const kind = { closed: "good", paused: "warning", open: "bad" }[state] ?? "";
  return [
    pill(kind, `${{ closed: "✓", paused: "‖", open: "✕" }[state] ?? "?"} ${state}`),
    reason && [" ", reason],
    next && [" next try ", timeOf(next)],
  ];
}

/** The figures of a standing, with charts. */
export function summary(standing, samples, hub) {
  const { lag, age } = charts(samples, standing.id, "in all");
  const item = (name, ...values) => h("div", {}, h("dt", {}, name), h("dd", {}, values));
  return h(
    "dl",
    { class: "figures" },
    item("state", health(standing)),
    item("lag", standing.lag === undefined ? lagText(standing) : lag, standing.lag_more && " or more"),
    item("oldest event", standing.oldest_age === null && "nothing waits", age),
    item("in flight", chart(samples.series(standing.id, "in_flight"), { label: "In flight", format: count })),
    item("held", count(standing.held), standing.held > 0 && " streams wait for another attempt"),
    item("parked", parkedLink(standing, hub), standing.parked > 0 && " streams"),
  );
}

/** Who is a member, and what each owns. */
export function members({ members: all, partitions }, connections) {
  if (all.length === 0) return h("p", { class: "none" }, "No member is connected: events wait until one joins.");
  return table(
    "Members",
    ["connection", "calls it", "subject", "connected", "owns partitions", { title: "in flight", number: true }],
    all.map(({ connection, id }) => {
      const known = connections.get(connection);
      const owned = partitions.filter(({ owner }) => owner === connection);
      return [
        h("code", {}, connection),
        id,
        known?.subject ?? "–",
        known ? timeOf(known.connected) : "–",
        owned.map(({ partition }) => partition).join(", ") || "none",
        count(owned.reduce((sum, part) => sum + part.in_flight, 0)),
      ];
    }),
  );
}

/** Each partition with its charts. */
export function partitions(standing, samples) {
  const isRule = standing.target !== undefined;
  const numbers = ["in flight", "held", "parked", "version"].map((title) => ({ title, number: true }));
  return table(
    "Partitions",
    [{ title: "no.", number: true }, isRule ? "circuit" : "owner", "lag", "oldest", ...numbers],
    standing.partitions.map((part) => {
      const { lag, age } = charts(samples, `${standing.id}/${part.partition}`, `of partition ${part.partition}`);
      const owner = isRule
        ? circuitOf(part.circuit)
        : part.owner
          ? h("code", {}, part.owner)
          : h("span", { class: "none" }, "nobody");
      return [
        String(part.partition),
        owner,
        lag,
        age,
        count(part.in_flight),
        [count(part.held), part.full && " (full)"],
        count(part.parked),
        String(part.version),
      ];
    }),
  );
}

/** The definition. */
export function definition({
  filters,
  filter_name: name,
  stream,
  ack_deadline: deadline,
  max_attempts: attempts,
  max_in_flight: flight,
  target,
  created,
  version,
}) {
  const item = (label, ...values) => [h("dt", {}, label), h("dd", {}, values)];
  return h(
    "dl",
    { class: "attributes" },
    target && item("target", targetName(target)),
    target &&
      Object.entries(target)
        .filter(([, value]) => typeof value !== "string")
        .map(([label, value]) => item(label, JSON.stringify(value))),
    item("filters", filters.length === 0 ? "every event" : h("pre", {}, JSON.stringify(filters, null, 2))),
    name && item("named filter", name),
    stream &&
      item(
        "streams",
        stream.map((each) => [h("a", { href: new State("streams", [each]).href }, each), " "]),
      ),
    item(target ? "time of a call" : "time to acknowledge", `${deadline} s`),
    item("attempts", String(attempts)),
    item("in flight, at most", `${flight} per partition`),
    item("created", timeOf(created)),
    item("version", String(version)),
  );
}
