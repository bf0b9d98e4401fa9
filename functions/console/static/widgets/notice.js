/** Notices: what failed, and what was done. */

import { h } from "../dom.js";

/**
 * An error as the reader can act on it: what is wrong, the code, and the places in the input.
 *
 * @param {Error & {code?: string, detail?: string, problem?: Record<string, any>}} error
 * @param {{close?: () => void}} [options]
 */
export function errorNotice(error, { close } = {}) {
  const places = error.problem?.errors ?? [];
  return h("div", { class: "notice bad" },
    h("strong", {}, "Error: "),
    error.detail ?? error.message,
    error.code && [" ", h("code", {}, error.code)],
    places.length > 1 && h("ul", {}, places.map((place) => h("li", {}, h("code", {}, place.pointer), " ", place.detail))),
    close && h("button", { type: "button", class: "quiet", "aria-label": "Close the message", on: { click: close } }, "×"));
}

/** A sentence on what was done, or on what there is not. */
export function notice(text, kind = "") {
  return h("p", { class: `notice ${kind}`.trim(), role: "status" }, text);
}
