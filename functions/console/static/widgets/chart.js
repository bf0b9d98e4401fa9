/** Small charts of figures over time. */

import { h, svg } from "../dom.js";
import { duration } from "./time.js";

const WIDTH = 140;
const HEIGHT = 30;
/** Samples further apart than this are not connected: the tab was hidden, or the hub away. */
const GAP_MS = 60_000;

/**
 * A chart, with its newest value as text beside it.
 *
 * @param {readonly {time: number, value: number}[]} samples
 * @param {{label: string, format?: (value: number) => string}} options `label` says what is measured.
 */
export function chart(samples, { label, format = (value) => String(Math.round(value * 100) / 100) }) {
  const newest = samples.at(-1);
  if (newest === undefined) return h("span", { class: "none" }, "–");
  const values = samples.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const span = newest.time - samples[0].time;
  const words =
    samples.length > 1
      ? `${label}: now ${format(newest.value)}, between ${format(least)} and ${format(most)} in ${duration(span)}`
      : `${label}: now ${format(newest.value)}`;
  return h(
    "span",
    { class: "chart" },
    h("span", { class: "chart-now" }, format(newest.value)),
    svg(
      "svg",
      { width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
      svg("title", {}, words),
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1, class: "chart-base" }),
      svg("path", { d: pathOf(samples, most), class: "chart-line" }),
    ),
  );
}

/**
 * The line of a chart whose axis begins at zero.
 *
 * @param {readonly {time: number, value: number}[]} samples
 * @param {number} most
 */
export function pathOf(samples, most) {
  const first = samples[0].time;
  const span = Math.max(1, samples.at(-1).time - first);
  const high = most > 0 ? most : 1;
  let before = -Infinity;
  return samples
    .map(({ time, value }) => {
      const x = samples.length === 1 ? WIDTH : ((time - first) / span) * (WIDTH - 2);
      const y = HEIGHT - 2 - (value / high) * (HEIGHT - 5);
      const command = time - before > GAP_MS ? "M" : "L";
      before = time;
      // A point alone is a short line.
      return `${command}${round(x)} ${round(y)}${command === "M" ? "h1" : ""}`;
    })
    .join("");
}

function round(value) {
  return Math.round(value * 10) / 10;
}
