/**
 * Events of Temporal's histories, as the loader of the client publishes them, in the words of the catalogue.
 *
 * @module
 */

import { text } from "./values.js";

const PREFIX = "io.temporal.";

/**
 * Return which task an event is about and its data; those of all other events as they are.
 *
 * An activity is identified by the event that scheduled it, because its id may be used again, and a timer by the id
 * that the workflow gave it.
 *
 * @param {Record<string, any>} event
 * @param {Record<string, any>} data
 * @returns {{task: string, data: Record<string, any>}}
 */
export function readable(event, data) {
  if (!event.type.startsWith(PREFIX)) return { task: text(event.taskid), data };
  const member = Object.keys(data).find((name) => name.endsWith("EventAttributes"));
  const attributes = member === undefined ? undefined : data[member];
  if (typeof attributes !== "object" || attributes === null) return { task: "", data };
  const { activityType, workflowType, timerId, failure, attempt } = attributes;
  const kind = event.type
    .slice(PREFIX.length)
    .replace(/_[a-z]+$/, "")
    .replace(/_timed$/, "");
  const scheduled = text(attributes.scheduledEventId) || (/_scheduled$/.test(event.type) ? text(data.eventId) : "");
  const isTask = kind === "activity_task" || kind === "workflow_task";
  return {
    task: isTask && scheduled !== "" ? `${kind} ${scheduled}` : "",
    data: {
      // `scheduled` has the attempt of the start, which a retry counts up without an event of its own.
      ...(Number.isSafeInteger(attempt) && !isTask ? { attempt } : {}),
      ...(text(timerId) !== "" ? { task_name: text(timerId) } : {}),
      ...(text(activityType?.name) !== ""
        ? { task_name: text(activityType.name) }
        : isTask
          ? { task_name: kind.replace("_", " ") }
          : {}),
      ...(text(workflowType?.name) !== "" ? { workflow_name: text(workflowType.name) } : {}),
      ...(failure ? { error: text(failure.message) || "failed" } : {}),
    },
  };
}
