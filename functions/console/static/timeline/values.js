/**
 * Values of events, whose data may be anything.
 *
 * @module
 */

/** Why something failed, as its data say. @param {Record<string, any>} data @returns {string} */
export function reasonOf(data) {
  const reason = data.error ?? data.reason ?? data.message;
  if (typeof reason === "string") return reason;
  if (typeof reason === "object" && reason !== null) return text(reason.message) || JSON.stringify(reason);
  return typeof data.timeout_ms === "number" ? `no result after ${data.timeout_ms} ms` : "";
}

/**
 * The members of the data of an event; none if they are no object.
 *
 * @param {Record<string, any>} event
 * @returns {Record<string, any>}
 */
export function dataOf({ data }) {
  return typeof data === "object" && data !== null && !Array.isArray(data) ? data : {};
}

/** The producer's time, else that of the hub. @param {Record<string, any>} event */
export function timeOf({ time, hubtime }) {
  return instant(time) ?? instant(hubtime);
}

/** A time in milliseconds since 1970. @param {unknown} value @returns {number | null} */
export function instant(value) {
  const time = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(time) ? null : time;
}

/** A text or a number, as text; an empty one if it is neither. @param {unknown} value @returns {string} */
export function text(value) {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}
