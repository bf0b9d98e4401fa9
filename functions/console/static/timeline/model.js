/**
 * The runs of workflows, folded from their events.
 *
 * Events are added in the order of their streams, a few or many at once; the sequence of a stream is the truth, for the
 * clocks of producers differ. An event that was added before is passed over.
 *
 * @module
 */

import { meaningOf, shortType } from "./types.js";

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
const OPEN = new Set(["waiting", "running", "paused"]);

/** @type {Partial<Record<Phase, State>>} */
const ENDINGS = {
  completed: "completed", failed: "failed", cancelled: "cancelled", timedout: "timedout", skipped: "skipped",
  fired: "fired",
};

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
  /** @type {Map<string, Run>} */
  #runs = new Map();
  /** The run of each stream that events without an execution belong to. @type {Map<string, Run>} */
  #current = new Map();
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

  /** The sequence of the newest event of a stream; 0 if there is none. @param {string} stream */
  sequenceOf(stream) {
    return this.#sequences.get(stream) ?? 0;
  }

  /**
   * Return the newest event of an id.
   *
   * @param {string} id
   */
  entryOf(id) {
    return this.#byId.get(id);
  }

  /** @param {StoredEvent} event */
  #fold(event) {
    const task = text(event.taskid);
    const meaning = meaningOf(event.type, task !== "");
    const run = this.#runOf(event, meaning);
    const time = timeOf(event) ?? run?.last.time ?? 0;
    const point = { time, index: this.entries.length };
    const found = run ?? this.#begin(event, point);
    if (meaning.phase !== "mark" && meaning.subject !== "run") found.state ??= "running";
    /** @type {Entry} */
    const entry = {
      event, ...point, phase: meaning.phase, run: found, item: null, span: null, isFailure: false,
    };
    this.entries.push(entry);
    found.count++;
    if (time >= found.last.time) found.last = point;
    else found.last = { time: found.last.time, index: point.index };
    this.#apply(entry, meaning, dataOf(event));
    if (entry.isFailure) {
      this.failures.push(entry);
      found.failures++;
    }
    this.#connect(entry);
  }

  /**
   * Return the run that an event belongs to; undefined if it begins one.
   *
   * @param {StoredEvent} event
   * @param {Meaning} meaning
   */
  #runOf(event, { subject, phase }) {
    const execution = text(event.executionid);
    if (execution !== "") return this.#runs.get(execution) ?? this.#adopted(event.hubstream, execution);
    const causing = this.#byId.get(text(event.causationid))?.run;
    const isBeginning = subject === "run" && phase === "started";
    const current = this.#current.get(event.hubstream);
    // Without an execution, runs follow each other.
    if (isBeginning && current !== undefined && current.ended) return undefined;
    return isBeginning ? current : causing?.stream === event.hubstream ? causing : current;
  }

  /**
   * Give an execution the events before it, such as `workflow.created`, if they name none and began nothing.
   *
   * @param {string} stream
   * @param {string} execution
   */
  #adopted(stream, execution) {
    const run = this.#current.get(stream);
    if (run === undefined || run.execution !== "" || run.state !== null) return undefined;
    run.key = run.execution = execution;
    this.#runs.set(execution, run);
    return run;
  }

  /**
   * @param {StoredEvent} event
   * @param {Point} point
   * @returns {Run}
   */
  #begin(event, point) {
    const execution = text(event.executionid);
    /** @type {Run} */
    const run = {
      key: execution || `${event.hubstream}#${this.runs.length + 1}`,
      stream: event.hubstream, execution, name: "", state: null, begun: point, last: point, ended: null,
      pauses: [], error: "", items: [], marks: [], count: 0, failures: 0, retries: 0,
    };
    this.runs.push(run);
    if (execution !== "") this.#runs.set(execution, run);
    this.#current.set(event.hubstream, run);
    this.#items.set(run, new Map());
    this.#timers.set(run, []);
    return run;
  }

  /**
   * @param {Entry} entry
   * @param {Meaning} meaning
   * @param {Record<string, any>} data
   */
  #apply(entry, { subject, phase }, data) {
    if (subject === "run") applyToRun(entry, phase, data);
    else if (subject === "timer") this.#applyToTimer(entry, phase, data);
    else if (subject === "task" || subject === "step") this.#applyToTask(entry, subject, phase, data);
    else if (subject === "definition") entry.run.marks.push(entry);
    else this.#mark(entry);
  }

  /**
   * @param {Entry} entry
   * @param {"task" | "step"} kind
   * @param {Phase} phase
   * @param {Record<string, any>} data
   */
  #applyToTask(entry, kind, phase, data) {
    const { run, event } = entry;
    const label = text(kind === "step" ? data.step_name : (data.task_name ?? data.task));
    const key = `${kind} ${(kind === "task" && text(event.taskid)) || label || event.type.replace(/[._-][^._-]*$/, "")}`;
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
        number: 1, queued: pointOf(entry), begun: null, ended: null, state: "waiting", error: "",
        due: instant(data.fire_at),
      };
      /** @type {Item} */
      const item = { kind: "timer", key: `timer ${label}`, label, run, state: "waiting", spans: [span], entries: [entry] };
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

/** Whether something can still go on. @param {State | null} state */
export function isOpen(state) {
  return state !== null && OPEN.has(state);
}

/**
 * @param {Entry} entry
 * @param {Phase} phase
 * @param {Record<string, any>} data
 */
function applyToRun(entry, phase, data) {
  const { run } = entry;
  const point = pointOf(entry);
  run.marks.push(entry);
  run.name ||= text(data.workflow_name) || text(data.name);
  if (phase === "paused") {
    if (run.state !== "paused") run.pauses.push({ from: point, to: null });
    run.state = "paused";
    return;
  }
  const pause = run.pauses.at(-1);
  if (pause !== undefined && pause.to === null && phase !== "mark") pause.to = point;
  const state = ENDINGS[phase];
  if (state === undefined) {
    if (phase === "mark" || phase === "requested") return;
    run.state = "running";
    run.ended = null;
    return;
  }
  run.state = state;
  run.ended = later(point, run.begun);
  entry.isFailure = state === "failed" || state === "timedout";
  run.error = entry.isFailure ? reasonOf(data) : "";
}

/**
 * Apply a phase to the attempt that it belongs to.
 *
 * @param {Entry} entry
 * @param {Item} item
 * @param {Phase} phase
 * @param {Record<string, any>} data
 */
function attempt(entry, item, phase, data) {
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
function end(entry, item, span, state, data) {
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
function isOver({ state }, phase, data) {
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
function isLate({ spans }, phase, time) {
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
function timerPlace(open, label, due) {
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
function later(point, first) {
  return point.time >= first.time ? point : { time: first.time, index: point.index };
}

/** @param {Entry} entry @returns {Point} */
function pointOf({ time, index }) {
  return { time, index };
}

/** @param {Record<string, any>} data */
function reasonOf(data) {
  const reason = data.error ?? data.reason ?? data.message;
  if (typeof reason === "string") return reason;
  if (typeof reason === "object" && reason !== null) return text(reason.message) || JSON.stringify(reason);
  return typeof data.timeout_ms === "number" ? `no result after ${data.timeout_ms} ms` : "";
}

/** @param {StoredEvent} event @returns {Record<string, any>} */
function dataOf({ data }) {
  return typeof data === "object" && data !== null && !Array.isArray(data) ? data : {};
}

/** The producer's time, else that of the hub. @param {StoredEvent} event */
function timeOf({ time, hubtime }) {
  return instant(time) ?? instant(hubtime);
}

/** @param {unknown} value @returns {number | null} */
function instant(value) {
  const time = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
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
