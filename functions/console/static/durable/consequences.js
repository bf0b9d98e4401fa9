/**
 * What an operation on a durable subscription will do, in sentences: a confirmation shows them before it is done.
 *
 * @module
 */

import { counted } from "../widgets/numbers.js";

/**
 * How a subscription stands, as `GET /api/v1/subscriptions/{id}` says.
 *
 * @typedef {{id: string, in_flight: number, held: number, parked: number, lag?: number, lag_more?: boolean,
 *   members?: object[], target?: Record<string, any>} & Record<string, any>} Standing
 *
 * Where it is to go on: `from`, or `since`.
 *
 * @typedef {{from: "start" | "now"} | {since: string}} Place
 */

/** Who receives its events. @param {Standing} standing */
export function receiver({ target, members = [] }) {
  if (target) return `the target ${targetName(target)}`;
  return members.length === 0 ? "the members that join it" : `its ${counted(members.length, "member")}`;
}

/** The kind and the address of a target. @param {Record<string, any>} target */
export function targetName(target) {
  const kind = ["lambda", "sqs", "http", "eventbridge", "kafka"].find((name) => name in target);
  return kind === undefined ? "unknown" : kind === "http" ? String(target.http) : `${kind} ${target[kind]}`;
}

/** @param {Standing} standing @param {Place} place @returns {string[]} */
export function ofReplay(standing, place) {
  const { in_flight, held, parked, lag, lag_more } = standing;
  const to = receiver(standing);
  const discarded = [
    in_flight > 0 && `${counted(in_flight, "event")} in flight`,
    held > 0 && `${counted(held, "stream")} held for another attempt`,
    parked > 0 &&
      `${counted(parked, "parked stream")} with its dead letters`.replace("streams with its", "streams with their"),
  ].filter((part) => part !== false);
  const lost =
    discarded.length > 0 ? `What is discarded: ${discarded.join(", ")}.` : "Nothing is in flight, held or parked.";
  if ("since" in place) {
    return [
      `Every matching event that was stored at or after ${place.since} is sent to ${to} again.`,
      again(standing),
      lost,
    ];
  }
  if (place.from === "start") {
    return [
      `Every matching event that is kept is sent to ${to} again, beginning with the oldest one.`,
      again(standing),
      lost,
    ];
  }
  const skipped =
    lag === undefined
      ? "The events that it has yet to come to"
      : `${counted(lag, "event")}${lag_more ? " or more" : ""} that it has yet to come to`;
  return [`It goes on with what is published from now on. ${skipped} will never be sent to ${to}.`, lost];
}

/** @param {Standing} standing */
function again({ target }) {
  const who = target ? "The target" : "Handlers";
  return `${who} will see events that were handled before: an effect must not be had twice.`;
}

const LABELS = {
  ack_deadline: "The time for an acknowledgement becomes",
  max_attempts: "The most attempts become",
  max_in_flight: "The most events in flight, per partition, become",
};

/**
 * @param {Standing} standing
 * @param {Record<string, any>} patch The merge patch that is sent.
 * @returns {string[]}
 */
export function ofChange(standing, patch) {
  const sentences = [];
  for (const [name, label] of Object.entries(LABELS)) {
    const unit = name === "ack_deadline" ? " s" : "";
    if (name in patch) sentences.push(`${label} ${patch[name]}${unit} (now ${standing[name]}${unit}).`);
  }
  if ("filters" in patch || "filter_name" in patch) {
    sentences.push(
      "From the next turn of each partition on, only events that match the new filter are sent. Events before its " +
        "position are not looked at again: a replay does that.",
    );
    if (standing.held > 0)
      sentences.push(
        `A held stream whose failed event no longer matches is not kept (${counted(standing.held, "stream")} held).`,
      );
  }
  const { target } = patch;
  if (target) {
    const parts = Object.entries(target).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    sentences.push(`The target changes: ${parts.join(", ")}. Events that are being pushed finish at the old one.`);
  }
  return [
    ...sentences,
    "The subscription keeps its position. Events in flight are completed under the old definition.",
  ];
}

/** @param {Standing} standing @returns {string[]} */
export function ofDeletion(standing) {
  const { parked, in_flight, target, members = [] } = standing;
  return [
    target
      ? "No event is pushed to the target any more."
      : members.length === 0
        ? "It has no members."
        : `Its ${counted(members.length, "member")} will be notified, and get no events any more.`,
    `Its position is lost: one that is created later under the same name begins anew.`,
    ...(in_flight > 0 ? [`${counted(in_flight, "event")} in flight will not be sent again.`] : []),
    ...(parked > 0
      ? [`${counted(parked, "parked stream")} will be discarded with the copies in the dead letter queue.`]
      : []),
    "The events themselves stay in their streams.",
  ];
}

/**
 * @param {{subscription: string, stream?: string, sequence?: number, behind?: number, streams?: number}} about One stream, with
 *   how many of its events are behind the failed one, or all parked streams of a subscription.
 * @param {"start" | "skip" | "drop"} how
 * @returns {string[]}
 */
export function ofRedrive({ subscription, stream, sequence, behind, streams }, how) {
  const which =
    stream === undefined
      ? `${streams === undefined ? "All parked streams" : counted(streams, "parked stream")} of ${subscription}`
      : `The stream ${stream}`;
  const goes = stream === undefined && streams !== 1 ? "go on" : "goes on";
  const rest =
    behind === undefined
      ? "what waits behind it"
      : behind === 0
        ? "nothing, for no event is behind it"
        : `those of the ${counted(behind, "event")} behind it that match`;
  const failed = sequence === undefined ? "the event that failed" : `event ${sequence}, which failed`;
  if (how === "start")
    return [
      `${which} ${goes} with ${failed}, and then with ${rest}.`,
      "Attempts are counted anew. If it fails again, the stream is parked again.",
    ];
  if (how === "skip")
    return [
      `${which} ${goes} behind ${failed}: this one will not be sent again; it continues with ${rest}.`,
      "The skipped event stays in the stream: only this subscription passes over it.",
    ];
  const dropped = `${failed[0]?.toUpperCase()}${failed.slice(1)}${behind === 0 ? "" : `, and ${rest},`}`;
  return [
    `${which} ${goes} with what is published from now on. ${dropped} will never be sent to ${subscription}.`,
    "The events stay in the stream, and other subscriptions are not affected. This cannot be undone, except by a replay.",
  ];
}
