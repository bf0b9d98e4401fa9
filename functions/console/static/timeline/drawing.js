/**
 * What is drawn of the rows of a timeline: bars, marks, and arrows from causes to effects.
 *
 * @module
 */

import { svg } from "../dom.js";
import { STATES, barsOf, marksOf } from "./rows.js";
import { elapsed } from "./scale.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./plot.js").Scene} Scene */

/** The height of a row, in pixels. */
export const ROW = 28;
const MOST_ARROWS = 300;

/**
 * What is drawn of a row: its bars, and its events as marks.
 *
 * @param {Row} row
 * @param {number} y
 * @param {Scene} scene
 */
export function drawn(row, y, { scale, now, at, selected }) {
  const end =
    scale.by === "time"
      ? scale.at(Math.min(Math.max(now, scale.range.from), scale.whole.to))
      : scale.at(scale.whole.to);
  /** @type {Element[]} */
  const shapes = [];
  if (row.key === selected?.key)
    shapes.push(svg("rect", { x: 0, y, width: scale.width, height: ROW, class: "tl-selected" }));
  for (const bar of barsOf(row)) {
    const from = scale.x(bar.from);
    const to = bar.to === null ? Math.max(end, from) : scale.x(bar.to);
    if (to < 0 || from > scale.width) continue;
    const x = Math.max(from, -5);
    const width = Math.max(2, Math.min(to, scale.width + 5) - x);
    const [top, height] = bar.thin ? [y + 12, 4] : [y + 6, 16];
    shapes.push(
      svg(
        "rect",
        { x, y: top, width, height, rx: 2, class: `tl-bar tl-${bar.state}` },
        svg("title", {}, titleOf(bar, now)),
      ),
    );
    // A bar that goes on ends in an arrow head, and a colour is never the only sign.
    if (bar.to === null)
      shapes.push(svg("path", { d: `M${x + width} ${y + 6}l6 8l-6 8z`, class: `tl-bar tl-${bar.state}` }));
    if (!bar.thin && width > 16)
      shapes.push(svg("text", { x: Math.max(x, 0) + 3, y: y + 18, class: "tl-text" }, STATES[bar.state].sign));
  }
  let before = -Infinity;
  for (const entry of marksOf(row)) {
    const x = scale.x(entry);
    const isChosen = entry === at;
    // Of marks that lie on one another, one is drawn.
    if (x < -5 || x > scale.width + 5 || (x - before < 1.5 && !entry.isFailure && !isChosen)) continue;
    before = x;
    const shape = entry.isFailure
      ? { d: `M${x - 4} ${y + 10}l8 8m0 -8l-8 8`, class: "tl-cross" }
      : { d: `M${x} ${y + 8}l5 6l-5 6l-5 -6z`, class: `tl-mark${isChosen ? " tl-chosen" : ""}` };
    shapes.push(svg("path", { ...shape, "data-entry": entry.index }, svg("title", {}, entry.event.type)));
  }
  return shapes;
}

/** @param {import("./rows.js").Bar} bar @param {number} now */
function titleOf({ label, from, to }, now) {
  return `${label}: ${to === null ? "for " : ""}${elapsed(Math.max(0, (to?.time ?? now) - from.time))}`;
}

/**
 * Return the arrows between rows of which one is in the page, those of the selected row first.
 *
 * @param {Scene} scene
 * @param {Map<object, number>} places
 * @param {number} first
 * @param {number} last
 */
export function arrowsOf({ arrows, scale, selected }, places, first, last) {
  /** @type {[boolean, Element][]} */
  const paths = [];
  for (const { from, to } of arrows) {
    const start = places.get(from.item ?? from.run) ?? places.get(from.run);
    const end = places.get(to.item ?? to.run) ?? places.get(to.run);
    if (start === undefined || end === undefined || start === end) continue;
    if ((start < first && end < first) || (start >= last && end >= last)) continue;
    const chosen = selected?.item ?? selected?.run;
    const isChosen = chosen !== undefined && (chosen === (from.item ?? from.run) || chosen === (to.item ?? to.run));
    if (paths.length >= MOST_ARROWS && !isChosen) continue;
    const [x1, x2] = [scale.x(from), scale.x(to)];
    if ((x1 < 0 && x2 < 0) || (x1 > scale.width && x2 > scale.width)) continue;
    const y1 = (start - first) * ROW + 14;
    const y2 = (end - first) * ROW + 14;
    const down = y2 > y1 ? -1 : 1;
    const tip = y2 + down * 9;
    const middle = (y1 + tip) / 2;
    const path = svg("path", {
      d: `M${x1} ${y1}C${x1} ${middle} ${x2} ${middle} ${x2} ${tip}m-3 ${down * 4}l3 ${-down * 4}l3 ${down * 4}`,
      class: `tl-arrow${isChosen ? " tl-chosen" : ""}`,
    });
    paths.push([isChosen, path]);
  }
  return paths.sort(([one], [other]) => Number(one) - Number(other)).map(([, path]) => path);
}
