/** What a stream keeps. */

import { count } from "../widgets/numbers.js";
import { duration } from "../widgets/time.js";

/** A retention in words. @param {{max_age?: number, max_events?: number}} retention */
export function retentionOf({ max_age: age, max_events: events }) {
  const limits = [];
  if (age !== undefined) limits.push(duration(age * 1000));
  if (events !== undefined) limits.push(`${count(events)} events`);
  return limits.join(", ") || "all";
}
