/** JSON as a tree: objects and arrays open and close, all by the keyboard. */

import { h } from "../dom.js";

const MOST = 200;

/**
 * A JSON value as a tree.
 *
 * @param {unknown} value
 * @param {{name?: string, open?: number}} [options] `open` is how many levels are open at first.
 */
export function jsonTree(value, { name, open = 2 } = {}) {
  return h("div", { class: "json" }, node(name, value, open));
}

function node(name, value, open) {
  const label = name === undefined ? null : [h("span", { class: "json-name" }, name), ": "];
  if (value === null || typeof value !== "object") return h("div", { class: "json-leaf" }, label, leaf(value));
  const entries = Array.isArray(value) ? value.map((each, index) => [String(index), each]) : Object.entries(value);
  const [first, last] = Array.isArray(value) ? "[]" : "{}";
  if (entries.length === 0) return h("div", { class: "json-leaf" }, label, first + last);
  const details = h("details", { open: open > 0 },
    h("summary", {}, label, `${first}${entries.length === 1 ? "1 member" : `${entries.length} members`}${last}`));
  // A large document is made as it is opened.
  const make = () => details.append(...children(entries, open - 1));
  if (open > 0) make();
  else details.addEventListener("toggle", make, { once: true });
  return details;
}

function children(entries, open, from = 0) {
  const made = entries.slice(from, from + MOST).map(([name, value]) => node(name, value, open));
  const next = from + MOST;
  if (next < entries.length) {
    const more = h("button", { type: "button", class: "quiet" }, `${entries.length - next} more`);
    more.addEventListener("click", () => more.replaceWith(...children(entries, open, next)));
    made.push(more);
  }
  return made;
}

function leaf(value) {
  const kind = value === null ? "null" : typeof value;
  return h("span", { class: `json-${kind}` }, JSON.stringify(value));
}
