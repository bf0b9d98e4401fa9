/** The timeline's model: what events of a workflow become. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Timeline } from "../../../functions/console/static/timeline/model.js";
import { barsOf, describe, marksOf, rowsOf } from "../../../functions/console/static/timeline/rows.js";
import { meaningOf } from "../../../functions/console/static/timeline/types.js";

const START = Date.parse("2026-01-05T09:00:00Z");

/** Makes the events of one stream, each a second behind the one before. */
function events(stream = "acme:order-7") {
  let sequence = 0;
  return (type, members = {}, data = undefined) => {
    sequence++;
    return {
      specversion: "1.0",
      id: `${stream}-${sequence}`,
      source: "/engine",
      type,
      workflowid: "order-7",
      hubstream: stream,
      hubsequence: String(sequence),
      hubtime: new Date(START).toISOString(),
      time: new Date(START + (members.at ?? sequence) * 1000).toISOString(),
      ...members,
      ...(data ? { data } : {}),
    };
  };
}

const RUN = { executionid: "e-1" };
const of = (...added) => {
  const timeline = new Timeline();
  timeline.add(added);
  return timeline;
};
const seconds = (point) => point && (point.time - START) / 1000;
const spansOf = (item) =>
  item.spans.map(({ number, queued, begun, ended, state }) => [
    number,
    seconds(queued),
    seconds(begun),
    seconds(ended),
    state,
  ]);

test("a run goes from execution.started to execution.completed", () => {
  const event = events();
  const timeline = of(event("io.flunq.execution.started", RUN, { workflow_name: "order" }));
  assert.equal(timeline.runs[0].state, "running");
  timeline.add([event("io.flunq.execution.completed", RUN, { output: 1 })]);
  const [run] = timeline.runs;
  assert.deepEqual([run.name, run.state, seconds(run.begun), seconds(run.ended)], ["order", "completed", 1, 2]);
});

test("a run that failed says why", () => {
  const event = events();
  const { runs, failures } = of(
    event("io.flunq.execution.started", RUN),
    event("io.flunq.workflow.failed", RUN, { error: "card declined" }),
  );
  assert.deepEqual(
    [runs[0].state, runs[0].error, runs[0].failures, failures.length],
    ["failed", "card declined", 1, 1],
  );
});

test("events of two executions of a stream become two runs", () => {
  const event = events();
  const { runs } = of(
    event("io.flunq.execution.started", RUN),
    event("io.flunq.execution.started", { executionid: "e-2" }),
    event("io.flunq.execution.completed", { executionid: "e-2" }),
    event("io.flunq.execution.failed", RUN, { error: "x" }),
  );
  assert.deepEqual(
    runs.map(({ key, state }) => [key, state]),
    [
      ["e-1", "failed"],
      ["e-2", "completed"],
    ],
  );
});

test("runs without executionid follow each other", () => {
  const event = events();
  const { runs } = of(
    event("io.flunq.execution.started"),
    event("io.flunq.task.requested", { taskid: "t" }),
    event("io.flunq.workflow.completed"),
    event("io.flunq.execution.started"),
  );
  assert.deepEqual(
    runs.map(({ state, count }) => [state, count]),
    [
      ["completed", 3],
      ["running", 1],
    ],
  );
});

test("an event without executionid belongs to the run of its cause", () => {
  const event = events();
  const { runs } = of(
    event("io.flunq.execution.started", { ...RUN, id: "a" }),
    event("io.flunq.execution.started", { executionid: "e-2" }),
    event("io.flunq.task.started", { taskid: "t", causationid: "a" }),
  );
  assert.deepEqual(
    runs.map(({ items }) => items.length),
    [1, 0],
  );
});

test("what came before an execution is a part of it", () => {
  const event = events();
  const { runs } = of(
    event("io.flunq.workflow.created", {}, { name: "order" }),
    event("io.flunq.execution.started", RUN),
  );
  assert.deepEqual(
    runs.map(({ key, count, state }) => [key, count, state]),
    [["e-1", 2, "running"]],
  );
});

test("attempts of a task are its spans", () => {
  const event = events();
  const task = { ...RUN, taskid: "charge" };
  const { runs } = of(
    event("io.flunq.task.requested", task, { task_name: "charge-card", attempt: 1 }),
    event("io.flunq.task.started", task, { attempt: 1 }),
    event("io.flunq.task.failed", task, { attempt: 1, error: "declined" }),
    event("io.flunq.task.retried", task, { attempt: 2, delay_ms: 2000 }),
    event("io.flunq.task.started", task, { attempt: 2 }),
    event("io.flunq.task.completed", task, { attempt: 2 }),
  );
  const [item] = runs[0].items;
  assert.deepEqual(spansOf(item), [
    [1, 1, 2, 3, "failed"],
    [2, 4, 5, 6, "completed"],
  ]);
  assert.deepEqual([item.label, item.state, item.spans[0].error], ["charge-card", "completed", "declined"]);
  assert.deepEqual([runs[0].failures, runs[0].retries], [1, 1]);
});

test("attempts without numbers are counted", () => {
  const event = events();
  const task = { ...RUN, taskid: "charge" };
  const { runs } = of(
    ...["requested", "failed", "retried", "timedout", "retried", "completed"].map((verb) =>
      event(`io.flunq.task.${verb}`, task),
    ),
  );
  assert.deepEqual(spansOf(runs[0].items[0]), [
    [1, 1, null, 2, "failed"],
    [2, 3, null, 4, "timedout"],
    [3, 5, null, 6, "completed"],
  ]);
});

test("a task without success has failed although it completed", () => {
  const event = events();
  const { runs, failures } = of(
    event("io.flunq.task.requested", { ...RUN, taskid: "t" }),
    event("io.flunq.task.completed", { ...RUN, taskid: "t" }, { success: false, error: "declined" }),
  );
  assert.deepEqual([runs[0].items[0].state, failures[0].span.error], ["failed", "declined"]);
});

test("a task that runs again after its end has another row", () => {
  const event = events();
  const task = { ...RUN, taskid: "poll" };
  const { runs } = of(
    ...["requested", "completed", "requested", "completed"].map((verb) =>
      event(`io.flunq.task.${verb}`, task, { attempt: 1 }),
    ),
  );
  assert.deepEqual(
    runs[0].items.map(({ key, state }) => [key, state]),
    [
      ["task poll", "completed"],
      ["task poll", "completed"],
    ],
  );
});

test("a start that was published behind its end changes no state", () => {
  const event = events();
  const task = { ...RUN, taskid: "t" };
  const { runs } = of(
    event("io.flunq.task.requested", task),
    event("io.flunq.task.completed", { ...task, at: 9 }),
    event("io.flunq.task.started", { ...task, at: 5 }),
  );
  assert.deepEqual(runs[0].items.map(spansOf), [[[1, 1, 5, 9, "completed"]]]);
});

test("a bar is never negative, although clocks differ", () => {
  const event = events();
  const task = { ...RUN, taskid: "t" };
  const { runs } = of(event("io.flunq.task.started", task), event("io.flunq.task.completed", { ...task, at: 0 }));
  const [bar] = barsOf({ run: runs[0], item: runs[0].items[0], key: "" });
  assert.deepEqual([seconds(bar.from), seconds(bar.to)], [1, 1]);
});

test("a completion alone begins where its duration says", () => {
  const event = events();
  const { runs } = of(event("io.flunq.task.completed", { ...RUN, taskid: "t" }, { duration_ms: 400 }));
  assert.deepEqual(spansOf(runs[0].items[0]), [[1, null, 0.6, 1, "completed"]]);
});

test("a timer waits until it fires, the one that was due then", () => {
  const event = events();
  const at = (second) => new Date(START + second * 1000).toISOString();
  const { runs } = of(
    event("io.flunq.timer.scheduled", RUN, { task_name: "w", fire_at: at(90) }),
    event("io.flunq.timer.scheduled", RUN, { task_name: "w", fire_at: at(60) }),
    event("io.flunq.timer.fired", { ...RUN, at: 61 }, { task_name: "w", scheduled_for: at(60) }),
  );
  const [first, second] = runs[0].items;
  assert.deepEqual([first.state, second.state, (second.spans[0].due - START) / 1000], ["waiting", "fired", 60]);
  assert.deepEqual(spansOf(second), [[1, 2, null, 61, "fired"]]);
});

test("pauses of a run are kept, also one that goes on", () => {
  const event = events();
  const { runs } = of(
    ...["started", "paused", "resumed", "paused"].map((verb) => event(`io.flunq.execution.${verb}`, RUN)),
  );
  assert.deepEqual(
    runs[0].pauses.map(({ from, to }) => [seconds(from), seconds(to)]),
    [
      [2, 3],
      [4, null],
    ],
  );
  assert.equal(runs[0].state, "paused");
});

test("causes are arrows, in whichever order they come", () => {
  const one = events("a");
  const other = events("b");
  const { arrows } = of(
    one("io.flunq.task.completed", { ...RUN, taskid: "t", id: "effect", causationid: "cause" }),
    other("io.flunq.task.requested", { executionid: "e-2", taskid: "t", id: "cause" }),
    one("order.sent", { ...RUN, id: "later", causationid: "effect" }),
  );
  assert.deepEqual(
    arrows.map(({ from, to }) => [from.event.id, to.event.id]),
    [
      ["cause", "effect"],
      ["effect", "later"],
    ],
  );
});

test("an event that comes again is passed over", () => {
  const event = events();
  const added = [event("io.flunq.execution.started", RUN), event("io.flunq.execution.completed", RUN)];
  const timeline = of(...added);
  assert.equal(timeline.add(added), 0);
  assert.equal(timeline.runs[0].count, 2);
});

test("unknown types have a row each, and nothing of a state", () => {
  const event = events();
  const { runs } = of(event("order.placed", RUN), event("order.paid", RUN), event("order.placed", RUN));
  const [run] = runs;
  assert.equal(run.state, null);
  assert.deepEqual(
    run.items.map((item) => [item.kind, item.label, marksOf({ run, item, key: "" }).length]),
    [
      ["marks", "order.placed", 2],
      ["marks", "order.paid", 1],
    ],
  );
});

test("a run of countless types shares a row for most of them", () => {
  const event = events();
  const { runs } = of(...Array.from({ length: 300 }, (_, number) => event(`type-${number}`, RUN)));
  assert.equal(runs[0].items.length, 51);
  assert.equal(runs[0].items.at(-1).entries.length, 250);
});

test("types of others are read by their words", () => {
  const cases = [
    ["io.serverlessworkflow.task.faulted.v1", false, "task", "failed"],
    ["io.serverlessworkflow.workflow.suspended.v1", false, "run", "paused"],
    ["io.temporal.activity_task_timed_out", false, "task", "timedout"],
    ["io.temporal.workflow_execution_started", false, "run", "started"],
    ["io.flunq.workflow.step.skipped", false, "step", "skipped"],
    ["io.flunq.workflow.updated", false, "definition", "mark"],
    ["com.acme.charge.failed", true, "task", "failed"],
    ["com.acme.charge.noted", true, "task", "mark"],
    ["order.completed", false, "other", "mark"],
    ["constructor.__proto__", false, "other", "mark"],
  ];
  for (const [type, hasTask, subject, phase] of cases) {
    assert.deepEqual({ type, ...meaningOf(type, hasTask) }, { type, subject, phase });
  }
});

test("a history of Temporal has the names of its activities and timers", () => {
  const event = events();
  let number = 0;
  const history = (kind, name, attributes) =>
    event(`io.temporal.${kind}`, RUN, { eventId: String(++number), [`${name}EventAttributes`]: attributes });
  const { runs } = of(
    history("workflow_execution_started", "workflowExecutionStarted", { workflowType: { name: "Order" }, attempt: 1 }),
    history("activity_task_scheduled", "activityTaskScheduled", { activityId: "1", activityType: { name: "Charge" } }),
    history("activity_task_scheduled", "activityTaskScheduled", { activityId: "2", activityType: { name: "Pack" } }),
    history("timer_started", "timerStarted", { timerId: "t-1" }),
    history("activity_task_started", "activityTaskStarted", { scheduledEventId: "3", attempt: 2 }),
    history("activity_task_failed", "activityTaskFailed", { scheduledEventId: "3", failure: { message: "no box" } }),
    history("activity_task_timed_out", "activityTaskTimedOut", { scheduledEventId: "2" }),
    history("timer_fired", "timerFired", { timerId: "t-1", startedEventId: "4" }),
    history("workflow_execution_completed", "workflowExecutionCompleted", {}),
  );
  const [run] = runs;
  assert.deepEqual([run.name, run.state], ["Order", "completed"]);
  assert.deepEqual(
    run.items.map(({ label, state, spans }) => [label, state, spans[0].error]),
    [
      ["Charge", "timedout", ""],
      ["Pack", "failed", "no box"],
      ["t-1", "fired", ""],
    ],
  );
});

test("events of any shape are accepted", () => {
  const event = events();
  const strange = [
    null,
    [],
    "text",
    7,
    { error: { message: "m" } },
    { error: { a: 1 } },
    { attempt: -1 },
    { attempt: "2" },
    { fire_at: 7 },
  ];
  const timeline = of(
    ...strange.flatMap((data) =>
      ["task.failed", "timer.scheduled", "timer.fired", "execution.started"].map((verb) => ({
        ...event(`io.flunq.${verb}`, { ...RUN, taskid: "t", time: "never", causationid: 7 }),
        data,
      })),
    ),
  );
  assert.equal(timeline.entries.length, strange.length * 4);
  for (const row of rowsOf(timeline)) assert.notEqual(describe(row, START), "");
});

test("rows can be those with failures, those that go on, and those of a text", () => {
  const event = events();
  const timeline = of(
    event("io.flunq.execution.started", RUN),
    event("io.flunq.task.failed", { ...RUN, taskid: "charge" }, { error: "x" }),
    event("io.flunq.task.started", { ...RUN, taskid: "pack" }),
    event("io.flunq.execution.started", { executionid: "e-2" }),
    event("io.flunq.execution.completed", { executionid: "e-2" }),
  );
  const labels = (choice) => rowsOf(timeline, choice).map(({ run, item }) => item?.label ?? run.key);
  assert.deepEqual(labels({}), ["e-1", "charge", "pack", "e-2"]);
  assert.deepEqual(labels({ show: "failed" }), ["e-1", "charge"]);
  assert.deepEqual(labels({ show: "open" }), ["e-1", "pack"]);
  assert.deepEqual(labels({ text: "PACK" }), ["e-1", "pack"]);
  assert.deepEqual(labels({ run: "e-2" }), ["e-2"]);
  assert.deepEqual(labels({ collapsed: new Set(["e-1"]) }), ["e-1", "e-2"]);
});

test("a row says in words what its colours show", () => {
  const event = events();
  const task = { ...RUN, taskid: "charge" };
  const timeline = of(
    event("io.flunq.execution.started", RUN, { workflow_name: "order" }),
    event("io.flunq.task.requested", task),
    event("io.flunq.task.failed", task, { error: "declined" }),
    event("io.flunq.task.requested", { ...RUN, taskid: "pack" }),
    event("io.flunq.execution.failed", RUN, { error: "charge failed" }),
  );
  assert.deepEqual(
    rowsOf(timeline).map((row) => describe(row, START + 60_000)),
    [
      "run order, failed, 4 s, 5 events, 2 failures, charge failed",
      "task charge, failed, 1 s, declined",
      "task pack, waiting when the run ended, 1 s",
    ],
  );
});

test("a day of 10,000 events is folded in a part of a second", () => {
  const event = events();
  const all = [event("io.flunq.execution.started", RUN)];
  for (let task = 0; all.length < 9_999; task++) {
    const about = { ...RUN, taskid: `task-${task}`, causationid: all.at(-1).id };
    all.push(
      event("io.flunq.task.requested", about, { attempt: 1 }),
      event("io.flunq.task.started", about, { attempt: 1 }),
    );
    if (task % 7 === 0)
      all.push(
        event("io.flunq.task.failed", about, { attempt: 1, error: "x" }),
        event("io.flunq.task.retried", about, { attempt: 2 }),
      );
    all.push(event("io.flunq.task.completed", about, { attempt: task % 7 === 0 ? 2 : 1 }));
  }
  all.push(event("io.flunq.execution.completed", RUN));
  let [timeline, rows, took] = [undefined, [], Infinity];
  // Other processes may delay one run.
  for (let run = 0; run < 5; run++) {
    const begun = performance.now();
    timeline = of(...all);
    rows = rowsOf(timeline);
    took = Math.min(took, performance.now() - begun);
  }
  assert.equal(timeline.entries.length, all.length);
  assert.equal(timeline.arrows.length, all.length - 2);
  assert.equal(rows.length, timeline.runs[0].items.length + 1);
  assert.ok(took < 300, `${took} ms`);
});
