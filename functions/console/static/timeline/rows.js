/**
 * The rows of a timeline: each run, and below it its tasks, steps, timers and other types of events.
 *
 * @module
 */

import { counted } from "../widgets/numbers.js";
import { elapsed } from "./scale.js";
import { isOpen } from "./spans.js";

/** @typedef {import("./model.js").Run} Run */
/** @typedef {import("./model.js").Item} Item */
/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./model.js").State} State */
/** @typedef {import("./model.js").Timeline} Timeline */

/**
 * @typedef {{run: Run, item: Item | null, key: string}} Row
 *
 * What is drawn from one point to another. `thin` is time in which something waited. `to` is null while it goes on.
 *
 * @typedef {{from: Point, to: Point | null, state: State, thin: boolean, label: string}} Bar
 *
 * @typedef {{show?: "all" | "failed" | "open", text?: string, run?: string, collapsed?: Set<string>}} Choice
 */

/** What states are called, and the sign beside the colour. @type {Record<State, {name: string, sign: string}>} */
export const STATES = {
  waiting: { name: "waiting", sign: "…" },
  running: { name: "running", sign: "▸" },
  paused: { name: "paused", sign: "‖" },
  completed: { name: "completed", sign: "✓" },
  failed: { name: "failed", sign: "✕" },
  timedout: { name: "timed out", sign: "⧖" },
  cancelled: { name: "cancelled", sign: "⊘" },
  skipped: { name: "skipped", sign: "»" },
  fired: { name: "fired", sign: "◷" },
};

/**
 * Return the rows to show.
 *
 * @param {Timeline} timeline
 * @param {Choice} choice `text` must be a part of a label or a type; `run` selects one execution; `collapsed` has keys of
 *   runs whose items are not shown.
 * @returns {Row[]}
 */
export function rowsOf(timeline, { show = "all", text = "", run: only = "", collapsed = new Set() } = {}) {
  const wanted = text.toLowerCase();
  /** @type {Row[]} */
  const rows = [];
  for (const run of timeline.runs) {
    if (only !== "" && run.key !== only) continue;
    const items = run.items.filter((item) => isShown(item, show) && matches(item, wanted));
    const isWanted =
      show === "all"
        ? wanted === "" || runMatches(run, wanted)
        : show === "open"
          ? isOpen(run.state)
          : run.failures > 0;
    if (items.length === 0 && !isWanted) continue;
    rows.push({ run, item: null, key: run.key });
    if (collapsed.has(run.key)) continue;
    items.forEach((item, index) => rows.push({ run, item, key: `${run.key} ${item.key} ${index}` }));
  }
  return rows;
}

/** @param {Item} item @param {"all" | "failed" | "open"} show */
function isShown(item, show) {
  if (show === "all") return true;
  return show === "open" ? isOpen(item.state) : item.entries.some(({ isFailure }) => isFailure);
}

/** @param {Item} item @param {string} wanted */
function matches(item, wanted) {
  return (
    wanted === "" ||
    item.label.toLowerCase().includes(wanted) ||
    item.key.toLowerCase().includes(wanted) ||
    item.entries.some(({ event }) => event.type.toLowerCase().includes(wanted))
  );
}

/** @param {Run} run @param {string} wanted */
function runMatches(run, wanted) {
  return [run.key, run.name, run.stream].some((name) => name.toLowerCase().includes(wanted));
}

/**
 * Return the bars of a row.
 *
 * @param {Row} row
 * @returns {Bar[]}
 */
export function barsOf({ run, item }) {
  if (item === null) return run.state === null ? [] : barsOfRun(run, run.state);
  // What was open when its run ended never ends.
  const limit = run.ended;
  return item.spans.flatMap((span) => {
    const { queued, begun, ended, state, number, error } = span;
    const which = item.kind === "timer" ? "" : `attempt ${number}: `;
    const label = `${which}${STATES[state].name}${error ? `, ${error}` : ""}`;
    /** @type {Bar[]} */
    const bars = [];
    if (queued !== null && begun !== null)
      bars.push({ from: queued, to: begun, state: "waiting", thin: true, label: "waiting" });
    const from = begun ?? queued;
    const to = ended ?? (limit !== null && from !== null && limit.index >= from.index ? limit : null);
    if (from !== null) bars.push({ from, to, state, thin: item.kind === "timer", label });
    return bars;
  });
}

/** @param {Run} run @param {State} state @returns {Bar[]} */
function barsOfRun(run, state) {
  const name = STATES[state].name;
  return [
    { from: run.begun, to: run.ended, state, thin: false, label: run.error ? `${name}, ${run.error}` : name },
    ...run.pauses.map(({ from, to }) => ({
      from,
      to: to ?? run.ended,
      state: /** @type {State} */ ("paused"),
      thin: false,
      label: "paused",
    })),
  ];
}

/**
 * Return the entries of a row that are marks: events that are not the ends of bars.
 *
 * @param {Row} row
 */
export function marksOf({ run, item }) {
  if (item === null) return run.marks;
  return item.kind === "marks"
    ? item.entries
    : item.entries.filter(({ phase, isFailure }) => phase === "mark" || isFailure);
}

/**
 * Return the first and the last point of a row; the last one is null while it goes on.
 *
 * @param {Row} row
 * @returns {{from: Point, to: Point | null}}
 */
export function extentOf(row) {
  const { run, item } = row;
  if (item === null) return { from: run.begun, to: run.state === null ? run.last : run.ended };
  const bars = barsOf(row);
  const first = bars[0]?.from ?? item.entries[0] ?? run.begun;
  if (bars.length === 0) return { from: first, to: item.entries.at(-1) ?? first };
  return { from: first, to: bars.some(({ to }) => to === null) ? null : (bars.at(-1)?.to ?? null) };
}

/**
 * Return what a row shows, in words.
 *
 * @param {Row} row
 * @param {number} now
 */
export function describe(row, now) {
  const { run, item } = row;
  const { from, to } = extentOf(row);
  const took = elapsed((to?.time ?? Math.max(now, from.time)) - from.time);
  if (item === null) {
    const parts = [`run ${run.name || run.key}`];
    if (run.state !== null) parts.push(STATES[run.state].name);
    parts.push(run.state === null || to ? took : `for ${took}`, counted(run.count, "event"));
    if (run.failures > 0) parts.push(counted(run.failures, "failure"));
    if (run.retries > 0) parts.push(counted(run.retries, "retry", "retries"));
    if (run.error) parts.push(run.error);
    return parts.join(", ");
  }
  if (item.kind === "marks") return `${item.label}, ${counted(item.entries.length, "event")}`;
  const state = item.state ?? "waiting";
  const isLeft = isOpen(state) && run.ended !== null;
  const parts = [
    `${item.kind} ${item.label}`,
    isLeft ? `${STATES[state].name} when the run ended` : STATES[state].name,
    to ? took : `for ${took}`,
  ];
  if (item.spans.length > 1) parts.push(counted(item.spans.length, "attempt"));
  const error = item.spans.at(-1)?.error;
  if (error) parts.push(error);
  return parts.join(", ");
}
