/**
 * What the type of an event says about a workflow: the catalogue's types exactly, others by the words they consist of.
 *
 * @module
 */

/**
 * Whom an event is about. `definition` is a workflow as it is written down; `other` is everything else.
 *
 * @typedef {"run" | "task" | "step" | "timer" | "definition" | "other"} Subject
 *
 * What happened. `mark` has no effect on a state.
 *
 * @typedef {"requested" | "started" | "completed" | "failed" | "cancelled" | "retried" | "timedout" | "skipped"
 *   | "paused" | "resumed" | "fired" | "mark"} Phase
 *
 * @typedef {{subject: Subject, phase: Phase}} Meaning
 */

/** @type {Record<string, Phase>} */
const PHASES = {
  requested: "requested",
  scheduled: "requested",
  queued: "requested",
  initiated: "requested",
  created: "requested",
  started: "started",
  begun: "started",
  running: "started",
  completed: "completed",
  succeeded: "completed",
  finished: "completed",
  done: "completed",
  failed: "failed",
  faulted: "failed",
  errored: "failed",
  terminated: "failed",
  cancelled: "cancelled",
  canceled: "cancelled",
  aborted: "cancelled",
  deleted: "cancelled",
  retried: "retried",
  retrying: "retried",
  timedout: "timedout",
  timeout: "timedout",
  expired: "timedout",
  skipped: "skipped",
  paused: "paused",
  suspended: "paused",
  resumed: "resumed",
  continued: "resumed",
  fired: "fired",
  elapsed: "fired",
};

/** @type {Record<string, Subject>} */
const SUBJECTS = {
  workflow: "run",
  execution: "run",
  run: "run",
  process: "run",
  task: "task",
  activity: "task",
  job: "task",
  step: "step",
  timer: "timer",
};

/** A definition has these phases, which `workflow` alone does not tell from those of a run. */
const OF_DEFINITIONS = new Set(["created", "updated", "deleted"]);

const MARK = Object.freeze({ subject: /** @type {const} */ ("other"), phase: /** @type {const} */ ("mark") });

/** @type {Map<string, Meaning>} */
const known = new Map();

/**
 * Return what a type means.
 *
 * A type such as `com.example.task.failed.v1` is read like one of the catalogue; one that has neither a subject nor a
 * phase that is known is a mark.
 *
 * @param {string} type
 * @param {boolean} hasTask Whether the event names a task, so that an unknown noun is about it.
 * @returns {Meaning}
 */
export function meaningOf(type, hasTask) {
  const key = hasTask ? `${type} task` : type;
  let meaning = known.get(key);
  if (meaning === undefined) {
    meaning = read(type, hasTask);
    // A publisher may invent types without an end.
    if (known.size < 10_000) known.set(key, meaning);
  }
  return meaning;
}

/**
 * @param {string} type
 * @param {boolean} hasTask
 * @returns {Meaning}
 */
function read(type, hasTask) {
  const words = type
    .toLowerCase()
    .replace(/\.v\d+$/, "")
    .replace(/timed[._-]out$/, "timedout")
    .split(/[._-]/);
  const verb = words.at(-1) ?? "";
  const phase = own(PHASES, verb);
  // The last noun counts: `workflow.step.started` is about a step.
  const noun = words
    .slice(0, -1)
    .reverse()
    .find((word) => own(SUBJECTS, word) !== undefined);
  const subject = noun === undefined ? undefined : own(SUBJECTS, noun);
  if (noun === "workflow" && OF_DEFINITIONS.has(verb)) return { subject: "definition", phase: "mark" };
  if (subject === "run") return { subject, phase: phase ?? "mark" };
  if (subject !== undefined && phase !== undefined) return { subject, phase };
  if (hasTask) return { subject: "task", phase: phase ?? "mark" };
  return MARK;
}

/**
 * @template T
 * @param {Record<string, T>} table
 * @param {string} name
 * @returns {T | undefined}
 */
function own(table, name) {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/**
 * Return the short form of a type for people.
 *
 * @param {string} type
 */
export function shortType(type) {
  return type.startsWith("io.flunq.") ? type.slice("io.flunq.".length) : type;
}
