/**
 * Which run an event belongs to, and what events of a run itself change.
 *
 * @module
 */

import { ENDINGS, later, pointOf } from "./spans.js";
import { reasonOf, text } from "./values.js";

/** @typedef {import("./types.js").Meaning} Meaning */
/** @typedef {import("./types.js").Phase} Phase */
/** @typedef {import("./model.js").Entry} Entry */
/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./model.js").Run} Run */
/** @typedef {import("./model.js").StoredEvent} StoredEvent */

/** Finds the runs of events, by their executions, or by their streams where they name none. */
export class Runs {
  /** @type {Map<string, Run>} */
  #byExecution = new Map();
  /** The run of each stream that events without an execution belong to. @type {Map<string, Run>} */
  #current = new Map();

  /**
   * Return the run that an event belongs to; undefined if it begins one.
   *
   * @param {StoredEvent} event
   * @param {Meaning} meaning
   * @param {Run | undefined} causing The run of the event that caused it.
   */
  of(event, { subject, phase }, causing) {
    const execution = text(event.executionid);
    if (execution !== "") return this.#byExecution.get(execution) ?? this.#adopted(event.hubstream, execution);
    const isBeginning = subject === "run" && phase === "started";
    const current = this.#current.get(event.hubstream);
    // Without an execution, runs follow each other.
    if (isBeginning) return current?.ended ? undefined : current;
    return causing?.stream === event.hubstream ? causing : current;
  }

  /**
   * Return the run that an event begins.
   *
   * @param {StoredEvent} event
   * @param {Point} point
   * @param {number} number Tells runs of a stream apart that name no execution.
   * @returns {Run}
   */
  begin(event, point, number) {
    const execution = text(event.executionid);
    /** @type {Run} */
    const run = {
      key: execution || `${event.hubstream}#${number}`,
      stream: event.hubstream,
      execution,
      name: "",
      state: null,
      begun: point,
      last: point,
      ended: null,
      pauses: [],
      error: "",
      items: [],
      marks: [],
      count: 0,
      failures: 0,
      retries: 0,
    };
    if (execution !== "") this.#byExecution.set(execution, run);
    this.#current.set(event.hubstream, run);
    return run;
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
    this.#byExecution.set(execution, run);
    return run;
  }
}

/**
 * Apply a phase of a run.
 *
 * @param {Entry} entry
 * @param {Phase} phase
 * @param {Record<string, any>} data
 */
export function applyToRun(entry, phase, data) {
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
