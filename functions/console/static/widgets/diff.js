/** How two JSON values differ. */

import { h } from "../dom.js";
import { table } from "./table.js";

/**
 * The places in which two values differ, in the order of the first one.
 *
 * Members of objects are compared by name, and those of arrays by index.
 *
 * @returns {{path: string, kind: "changed" | "added" | "removed", before?: unknown, after?: unknown}[]}
 */
export function differences(before, after, path = "") {
  if (isParent(before) && isParent(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => {
      const below = Array.isArray(before) ? `${path}[${name}]` : path ? `${path}.${name}` : name;
      if (!Object.hasOwn(after, name)) return [{ path: below, kind: "removed", before: before[name] }];
      if (!Object.hasOwn(before, name)) return [{ path: below, kind: "added", after: after[name] }];
      return differences(before[name], after[name], below);
    });
  }
  return Object.is(before, after) ? [] : [{ path, kind: "changed", before, after }];
}

/**
 * A table of the differences.
 *
 * @param {string} first The heading of the first value.
 * @param {string} second
 */
export function differenceTable(found, first, second) {
  return table(`Differences between ${first} and ${second}`, ["Member", "Difference", first, second], found.map(({ path, kind, before, after }) => [
    h("code", {}, path || "(all)"), kind, text(before), text(after),
  ]));
}

function isParent(value) {
  return value !== null && typeof value === "object";
}

function text(value) {
  return value === undefined ? h("span", { class: "none" }, "–") : h("pre", {}, JSON.stringify(value, null, 2));
}
