/**
 * Attempts of tasks and waits of timers: which one an event is about, and what it changes.
 *
 * @module
 */

import { reasonOf } from "./values.js";

/** @typedef {import("./types.js").Phase} Phase */
/** @typedef {import("./model.js").Entry} Entry */
/** @typedef {import("./model.js").Item} Item */
/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./model.js").Span} Span */
/** @typedef {import("./model.js").State} State */

const OPEN = new Set(["waiting", "running", "paused"]);

/** The state that a phase ends in. @type {Partial<Record<Phase, State>>} */
export const ENDINGS = {
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
  timedout: "timedout",
  skipped: "skipped",
  fired: "fired",
};

/** Whether something can still go on. @param {State | null} state */
export function isOpen(state) {
  return state !== null && OPEN.has(state);
}

/**
 * Apply a phase to the attempt that it belongs to.
 *
 * @param {Entry} entry
 * @param {Item} item
 * @param {Phase} phase
 * @param {Record<string, any>} data
 */
export function attempt(entry, item, phase, data) {
  const point = pointOf(entry);
  const span = spanOf(item, phase, data, point.time);
  entry.span = span;
  if (phase === "retried") {
    entry.run.retries++;
    span.queued ??= point;
    if (typeof data.delay_ms === "number" && data.delay_ms > 0) span.due = point.time + data.delay_ms;
  } else if (phase === "requested") {
    span.queued ??= point;
  } else if (phase === "started" || phase === "resumed") {
    span.begun ??= point;
    if (isOpen(span.state)) span.state = "running";
  } else if (phase === "paused") {
    if (isOpen(span.state)) span.state = "paused";
  } else {
    // `success` says whether a task that came to its end reached its goal.
    const state = phase === "completed" && data.success === false ? "failed" : ENDINGS[phase];
    if (state !== undefined) end(entry, item, span, state, data);
    return;
  }
  // A start that arrives behind its end changes nothing of the state.
  if (item.spans.at(-1) === span) item.state = span.state;
}

/**
 * @param {Item} item
 * @param {Phase} phase
 * @param {Record<string, any>} data
 * @param {number} time
 * @returns {Span}
 */
function spanOf(item, phase, data, time) {
  const last = item.spans.at(-1);
  const begins = (phase === "requested" || phase === "started" || phase === "retried") && !isLate(item, phase, time);
  const given = Number.isSafeInteger(data.attempt) && data.attempt > 0 ? data.attempt : undefined;
  const inferred = last === undefined ? 1 : begins && last.ended ? last.number + 1 : last.number;
  const number = given ?? inferred;
  const known = item.spans.find((span) => span.number === number);
  if (known !== undefined) return known;
  /** @type {Span} */
  const span = { number, queued: null, begun: null, ended: null, state: "waiting", error: "", due: null };
  item.spans.push(span);
  item.spans.sort((one, other) => one.number - other.number);
  return span;
}

/**
 * @param {Entry} entry
 * @param {Item} item
 * @param {Span} span
 * @param {State} state
 * @param {Record<string, any>} data
 */
export function end(entry, item, span, state, data) {
  const point = pointOf(entry);
  // A worker says how long it took; the engine may say only that it was requested.
  if (span.begun === null && span.queued === null) {
    const took = typeof data.duration_ms === "number" && data.duration_ms > 0 ? data.duration_ms : 0;
    span.begun = { time: point.time - took, index: point.index };
  }
  const first = span.begun ?? span.queued;
  span.ended = first === null ? point : later(point, first);
  span.state = state;
  entry.isFailure = state === "failed" || state === "timedout";
  if (entry.isFailure) span.error = reasonOf(data);
  if (item.spans.at(-1) === span) item.state = state;
}

/**
 * Whether the next request or start begins the task again, in place of another attempt.
 *
 * @param {Item} item
 * @param {Phase} phase
 * @param {Record<string, any>} data
 */
export function isOver({ state }, phase, data) {
  if (state === "completed" || state === "cancelled" || state === "skipped") return true;
  return (state === "failed" || state === "timedout") && phase === "requested" && data.attempt === 1;
}

/**
 * Whether a start belongs to the attempt that ended: it was published after the end.
 *
 * @param {Item} item
 * @param {Phase} phase
 * @param {number} time
 */
export function isLate({ spans }, phase, time) {
  const last = spans.at(-1);
  return phase === "started" && last !== undefined && last.begun === null && time <= (last.ended?.time ?? -Infinity);
}

/**
 * Return which of the open timers fired: the one that is due then, else the first of the name, else the only one.
 *
 * @param {Item[]} open
 * @param {string} label
 * @param {number | null} due
 */
export function timerPlace(open, label, due) {
  const named = open.findIndex((item) => item.label === label && due !== null && item.spans[0]?.due === due);
  if (named >= 0) return named;
  const first = open.findIndex((item) => item.label === label);
  return first < 0 && open.length === 1 ? 0 : first;
}

/**
 * Return a point that is not before another one: clocks of producers differ.
 *
 * @param {Point} point
 * @param {Point} first
 * @returns {Point}
 */
export function later(point, first) {
  return point.time >= first.time ? point : { time: first.time, index: point.index };
}

/** @param {Entry} entry @returns {Point} */
export function pointOf({ time, index }) {
  return { time, index };
}
