/** What is known of a row of the timeline: times, attempts, causes and events. */

import { h } from "../dom.js";
import { State } from "../state.js";
import { eventInFull, eventLink } from "../widgets/event.js";
import { counted } from "../widgets/numbers.js";
import { table } from "../widgets/table.js";
import { timeOf } from "../widgets/time.js";
import { STATES, extentOf } from "./rows.js";
import { elapsed } from "./scale.js";
import { shortType } from "./types.js";

/** The most events that are listed; the streams' view has all. */
const MOST = 200;

/**
 * The details of a row.
 *
 * @param {import("./rows.js").Row} row
 * @param {{timeline: import("./model.js").Timeline, state: State, at?: import("./model.js").Entry, now: number}} about
 *   `at` is the event that is shown in full.
 */
export function details(row, { timeline, state, at, now }) {
  const { run, item } = row;
  const { from, to } = extentOf(row);
  const found = item === null ? run.state : item.state;
  const name = item === null ? run.name || run.execution || "run" : item.label;
  const entries = item === null ? run.marks : item.entries;
  const to_ = (entry) => state.with({ at: entry.event.hubsequence }).href;
  return [
    h(
      "h2",
      {},
      `${item === null ? "run" : item.kind === "marks" ? "events" : item.kind} ${name} `,
      found && stateOf(found),
    ),
    h(
      "dl",
      { class: "attributes" },
      item === null &&
        term(
          "execution",
          run.execution || "none is named",
          " ",
          h("a", { href: state.with({ execution: run.key, range: undefined }).href }, "only this run"),
        ),
      item !== null &&
        term("run", h("a", { href: to_(run.marks[0] ?? entries[0]) }, run.name || run.execution || run.stream)),
      item?.key.startsWith("task ") && term("task", item.key.slice("task ".length)),
      term("began", timeOf(from.time, { exactFirst: true })),
      to && term("ended", timeOf(to.time, { exactFirst: true })),
      term(to ? "took" : "goes on for", elapsed(Math.max(0, (to?.time ?? now) - from.time))),
      item === null && term("events", counted(run.count, "event")),
      run.error && item === null && term("error", run.error),
    ),
    item !== null && item.spans.length > 0 && attempts(item, now),
    causes(entries, timeline, to_),
    h("h3", {}, "Events"),
    table(
      `Events of ${name}`,
      [{ title: "#", number: true }, "type", "after", "time"],
      entries
        .slice(0, MOST)
        .map((entry) => [
          h("a", { href: to_(entry), "aria-current": entry === at ? "true" : undefined }, entry.event.hubsequence),
          shortType(entry.event.type),
          elapsed(entry.time - run.begun.time),
          timeOf(entry.time, { exactFirst: true }),
        ]),
    ),
    entries.length > MOST &&
      h(
        "p",
        { class: "hint" },
        `The first ${MOST} of ${counted(entries.length, "event")}; `,
        h("a", { href: eventLink(entries[MOST].event).href }, "the stream has all."),
      ),
    at !== undefined && entries.includes(at) && eventInFull(at.event),
  ];
}

/** A state in words, with its sign. @param {import("./model.js").State} state */
export function stateOf(state) {
  const kind = {
    failed: "bad",
    timedout: "bad",
    completed: "good",
    fired: "good",
    cancelled: "warning",
    paused: "warning",
  }[state];
  return h("span", { class: `state ${kind ?? ""}`.trim() }, `${STATES[state].sign} ${STATES[state].name}`);
}

function term(name, ...values) {
  return [h("dt", {}, name), h("dd", {}, values)];
}

function attempts({ kind, label, spans }, now) {
  const isTimer = kind === "timer";
  return [
    h("h3", {}, isTimer ? "Wait" : "Attempts"),
    table(
      `${isTimer ? "Wait" : "Attempts"} of ${label}`,
      [{ title: "no.", number: true }, "state", "waited", "took", isTimer ? "due" : "error"],
      spans.map(({ number, state, queued, begun, ended, error, due }) => [
        String(number),
        stateOf(state),
        begun && queued ? elapsed(Math.max(0, begun.time - queued.time)) : "–",
        elapsed(Math.max(0, (ended?.time ?? now) - (begun ?? queued ?? ended)?.time)),
        isTimer
          ? [
              timeOf(due),
              due !== null && ended !== null && state === "fired" && ` (fired ${elapsed(ended.time - due)} after that)`,
            ]
          : error || "–",
      ]),
    ),
  ];
}

function causes(entries, timeline, link) {
  const own = new Set(entries);
  const before = timeline.arrows.filter(({ from, to }) => own.has(to) && !own.has(from)).map(({ from }) => from);
  const after = timeline.arrows.filter(({ from, to }) => own.has(from) && !own.has(to)).map(({ to }) => to);
  const list = (title, found) =>
    found.length > 0 && [
      h("h3", {}, title),
      h(
        "ul",
        {},
        found
          .slice(0, 20)
          .map((entry) =>
            h("li", {}, h("a", { href: link(entry) }, `${shortType(entry.event.type)} `, entry.item?.label ?? "")),
          ),
        found.length > 20 && h("li", {}, `and ${found.length - 20} more`),
      ),
    ];
  return [list("Caused by", before), list("Caused", after)];
}
