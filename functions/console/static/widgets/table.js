/** Tables that scroll on their own where the page is narrow. */

import { h } from "../dom.js";

/**
 * A table.
 *
 * @param {string} caption Its name for screen readers.
 * @param {(string | {title: string, number?: boolean})[]} columns
 * @param {any[][]} rows Cells: text, elements, or lists of both.
 */
export function table(caption, columns, rows) {
  const described = columns.map((column) => (typeof column === "string" ? { title: column } : column));
  return h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    h("table", {},
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, described.map(({ title, number }) => h("th", { scope: "col", class: number ? "number" : undefined }, title)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, index) =>
        h("td", { class: described[index]?.number ? "number" : undefined }, cell)))))));
}
