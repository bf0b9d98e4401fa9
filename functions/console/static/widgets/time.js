/** Times, relative and exact. */

import { h } from "../dom.js";

const UNITS = [["y", 31_536_000], ["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

/** A duration in its greatest unit: `3 min`. @param {number} milliseconds */
export function duration(milliseconds) {
  if (!Number.isFinite(milliseconds)) return "–";
  const size = Math.abs(milliseconds);
  if (size < 1000) return `${Math.round(size)} ms`;
  const seconds = size / 1000;
  const [unit, length] = UNITS.find(([, each]) => seconds >= each) ?? UNITS[UNITS.length - 1];
  const value = seconds / length;
  return `${value < 10 && unit !== "s" ? Math.round(value * 10) / 10 : Math.floor(value)} ${unit}`;
}

/** How long ago, or until when. @param {string | number | Date} time */
export function relative(time, now = Date.now()) {
  const difference = now - new Date(time).getTime();
  if (Number.isNaN(difference)) return String(time);
  if (Math.abs(difference) < 1000) return "now";
  return difference > 0 ? `${duration(difference)} ago` : `in ${duration(difference)}`;
}

/** The local time with milliseconds and zone. */
export function exact(time) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return String(time);
  const pad = (value, width = 2) => String(value).padStart(width, "0");
  const offset = -date.getTimezoneOffset();
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${pad(Math.floor(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}${zone}`;
}

/**
 * A time as `<time>`: relative, exact in the title, or the other way round (`exactFirst`).
 *
 * All that are relative are kept up to date by one timer.
 */
export function timeOf(time, { exactFirst = false } = {}) {
  if (time === undefined || time === null || time === "") return h("span", { class: "none" }, "–");
  const iso = new Date(time);
  const machine = Number.isNaN(iso.getTime()) ? String(time) : iso.toISOString();
  if (exactFirst) return h("time", { datetime: machine, title: relative(time) }, exact(time));
  return h("time", { datetime: machine, title: exact(time), class: "relative" }, relative(time));
}

setInterval(() => {
  if (document.hidden) return;
  const now = Date.now();
  for (const element of document.querySelectorAll("time.relative")) {
    const text = relative(element.dateTime, now);
    if (element.textContent !== text) element.textContent = text;
  }
}, 5000);
