/**
 * The runs of workflows, folded from their events.
 *
 * Events are added in the order of their streams, a few or many at once; the sequence of a stream is the truth, for the
 * clocks of producers differ. An event that was added before is passed over.
 *
 * @module
 */

import { Runs, applyToRun } from "./runs.js";
import { ENDINGS, attempt, end, isLate, isOver, pointOf, timerPlace } from "./spans.js";
import { readable } from "./temporal.js";
import { meaningOf, shortType } from "./types.js";
import { dataOf, instant, text, timeOf } from "./values.js";

/** @typedef {import("./types.js").Phase} Phase */
/** @typedef {import("./types.js").Meaning} Meaning */

/**
 * An event as the hub sends it.
 *
 * @typedef {Record<string, any> & {id: string, type: string, hubstream: string, hubsequence: string}} StoredEvent
 *
 * Where something is: at a time, in milliseconds since 1970, and behind how many events.
 *
 * @typedef {{time: number, index: number}} Point
 *
 * An event and its place in the timeline.
 *
 * @typedef {{event: StoredEvent, index: number, time: number, phase: Phase, run: Run, item: Item | null,
 *   span: Span | null, isFailure: boolean}} Entry
 *
 * @typedef {"waiting" | "running" | "paused" | "completed" | "failed" | "timedout" | "cancelled" | "skipped" | "fired"}
 *   State
 *
 * One attempt of a task or a step, or one wait of a timer. `queued` is when it was requested, `begun` when it started.
 *
 * @typedef {{number: number, queued: Point | null, begun: Point | null, ended: Point | null, state: State,
 *   error: string, due: number | null}} Span
 *
 * What has a row of its own: a task, a step or a timer with its spans, or the events of one type.
 *
 * @typedef {{kind: "task" | "step" | "timer" | "marks", key: string, label: string, run: Run, state: State | null,
 *   spans: Span[], entries: Entry[]}} Item
 *
 * One execution. `execution` is empty if its events name none; `state` is null until an event says that it runs; `error`
 * says why it failed.
 *
 * @typedef {{key: string, stream: string, execution: string, name: string, state: State | null, begun: Point, last: Point,
 *   ended: Point | null, pauses: {from: Point, to: Point | null}[], error: string, items: Item[], marks: Entry[],
 *   count: number, failures: number, retries: number}} Run
 *
 * @typedef {{from: Entry, to: Entry}} Arrow
 */

/** The most types of one run that have a row of their own; the rest share one. */
const MOST_TYPES = 50;
const OTHER_TYPES = "other types";
/** Folds events into runs. */
export class Timeline {
  /** In the order of their first events. @type {Run[]} */
  runs = [];
  /** All events in the order of adding. @type {Entry[]} */
  entries = [];
  /** What failed or timed out. @type {Entry[]} */
  failures = [];
  /** From the event that caused another one to that one. @type {Arrow[]} */
  arrows = [];

  /** @type {Map<string, number>} */
  #sequences = new Map();
  #belonging = new Runs();
  /** @type {Map<string, Entry>} */
  #byId = new Map();
  /** Effects whose cause did not come yet, by the id of the cause. @type {Map<string, Entry[]>} */
  #awaited = new Map();
  /** The open or newest item of a run by its key. @type {Map<Run, Map<string, Item>>} */
  #items = new Map();
  /** Open timers of a run in the order in which they were set. @type {Map<Run, Item[]>} */
  #timers = new Map();

  /**
   * Add events; return how many of them are new.
   *
   * @param {Iterable<StoredEvent>} events
   */
  add(events) {
    const before = this.entries.length;
    for (const event of events) {
      const sequence = Number(event.hubsequence);
      if (sequence <= (this.#sequences.get(event.hubstream) ?? 0)) continue;
      this.#sequences.set(event.hubstream, sequence);
      this.#fold(event);
    }
    return this.entries.length - before;
  }

  /** @param {StoredEvent} event */
  #fold(event) {
    const { task, data } = readable(event, dataOf(event));
    const meaning = meaningOf(event.type, task !== "");
    const run = this.#belonging.of(event, meaning, this.#byId.get(text(event.causationid))?.run);
    const time = timeOf(event) ?? run?.last.time ?? 0;
    const point = { time, index: this.entries.length };
    const found = run ?? this.#begin(event, point);
    if (meaning.phase !== "mark" && meaning.subject !== "run") found.state ??= "running";
    /** @type {Entry} */
    const entry = {
      event,
      ...point,
      phase: meaning.phase,
      run: found,
      item: null,
      span: null,
      isFailure: false,
    };
    this.entries.push(entry);
    found.count++;
    if (time >= found.last.time) found.last = point;
    else found.last = { time: found.last.time, index: point.index };
    this.#apply(entry, meaning, task, data);
    if (entry.isFailure) {
      this.failures.push(entry);
      found.failures++;
    }
    this.#connect(entry);
  }

  /**
   * @param {StoredEvent} event
   * @param {Point} point
   */
  #begin(event, point) {
    const run = this.#belonging.begin(event, point, this.runs.length + 1);
    this.runs.push(run);
    this.#items.set(run, new Map());
    this.#timers.set(run, []);
    return run;
  }

  /**
   * @param {Entry} entry
   * @param {Meaning} meaning
   * @param {string} task
   * @param {Record<string, any>} data
   */
  #apply(entry, { subject, phase }, task, data) {
    if (subject === "run") applyToRun(entry, phase, data);
    else if (subject === "timer") this.#applyToTimer(entry, phase, data);
    else if (subject === "task" || subject === "step") this.#applyToTask(entry, { kind: subject, phase, task }, data);
    else if (subject === "definition") entry.run.marks.push(entry);
    else this.#mark(entry);
  }

  /**
   * @param {Entry} entry
   * @param {{kind: "task" | "step", phase: Phase, task: string}} about
   * @param {Record<string, any>} data
   */
  #applyToTask(entry, { kind, phase, task }, data) {
    const { run, event } = entry;
    const label = text(kind === "step" ? data.step_name : (data.task_name ?? data.task));
    const key = `${kind} ${(kind === "task" && task) || label || event.type.replace(/[._-][^._-]*$/, "")}`;
    const items = this.#itemsOf(run);
    let item = items.get(key);
    const begins = phase === "requested" || phase === "started";
    // In a loop a task has the same id again.
    if (item === undefined || (begins && isOver(item, phase, data) && !isLate(item, phase, entry.time))) {
      const shown = label || key.slice(kind.length + 1);
      item = { kind, key, label: shown, run, state: "waiting", spans: [], entries: [] };
      run.items.push(item);
      items.set(key, item);
    }
    item.entries.push(entry);
    entry.item = item;
    if (phase !== "mark") attempt(entry, item, phase, data);
  }

  /**
   * @param {Entry} entry
   * @param {Phase} phase
   * @param {Record<string, any>} data
   */
  #applyToTimer(entry, phase, data) {
    const { run, event } = entry;
    const label = text(data.task_name) || text(event.taskid) || "timer";
    const open = this.#timersOf(run);
    if (phase === "requested" || phase === "started") {
      /** @type {Span} */
      const span = {
        number: 1,
        queued: pointOf(entry),
        begun: null,
        ended: null,
        state: "waiting",
        error: "",
        due: instant(data.fire_at),
      };
      /** @type {Item} */
      const item = {
        kind: "timer",
        key: `timer ${label}`,
        label,
        run,
        state: "waiting",
        spans: [span],
        entries: [entry],
      };
      run.items.push(item);
      open.push(item);
      entry.item = item;
      entry.span = span;
      return;
    }
    const place = timerPlace(open, label, instant(data.scheduled_for));
    const [item] = place < 0 ? [] : open.splice(place, 1);
    if (item === undefined) {
      this.#mark(entry);
      return;
    }
    item.entries.push(entry);
    entry.item = item;
    entry.span = item.spans[0] ?? null;
    const state = ENDINGS[phase];
    if (state === undefined || entry.span === null) {
      open.push(item);
      return;
    }
    end(entry, item, entry.span, state === "completed" ? "fired" : state, data);
  }

  /** @param {Entry} entry */
  #mark(entry) {
    const { run, event } = entry;
    const items = this.#itemsOf(run);
    let key = `marks ${event.type}`;
    let item = items.get(key);
    if (item === undefined) {
      const isCrowded = run.items.reduce((count, { kind }) => count + (kind === "marks" ? 1 : 0), 0) >= MOST_TYPES;
      key = isCrowded ? `marks ${OTHER_TYPES}` : key;
      item = items.get(key);
    }
    if (item === undefined) {
      const label = key === `marks ${OTHER_TYPES}` ? OTHER_TYPES : shortType(event.type);
      item = { kind: "marks", key, label, run, state: null, spans: [], entries: [] };
      run.items.push(item);
      items.set(key, item);
    }
    item.entries.push(entry);
    entry.item = item;
  }

  /** @param {Entry} entry */
  #connect(entry) {
    const { id, causationid } = entry.event;
    this.#byId.set(id, entry);
    const cause = text(causationid);
    if (cause !== "" && cause !== id) {
      const from = this.#byId.get(cause);
      if (from !== undefined) this.arrows.push({ from, to: entry });
      else listOf(this.#awaited, cause).push(entry);
    }
    const effects = this.#awaited.get(id);
    if (effects === undefined) return;
    this.#awaited.delete(id);
    this.arrows.push(...effects.map((to) => ({ from: entry, to })));
  }

  /** @param {Run} run */
  #itemsOf(run) {
    return /** @type {Map<string, Item>} */ (this.#items.get(run));
  }

  /** @param {Run} run */
  #timersOf(run) {
    return /** @type {Item[]} */ (this.#timers.get(run));
  }
}

/**
 * @template T
 * @param {Map<string, T[]>} lists
 * @param {string} key
 * @returns {T[]}
 */
function listOf(lists, key) {
  let list = lists.get(key);
  if (list === undefined) lists.set(key, (list = []));
  return list;
}
