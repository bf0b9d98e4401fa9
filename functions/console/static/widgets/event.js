/** An event in full: its attributes, its data as a tree, and links to where it belongs. */

import { h } from "../dom.js";
import { State } from "../state.js";
import { jsonTree } from "./json.js";
import { timeOf } from "./time.js";

const DATA = new Set(["data", "data_base64"]);
const TIMES = new Set(["time", "hubtime"]);

/** The link to one event, which can be sent to a colleague. */
export function eventLink(event) {
  return new State("streams", [event.hubstream, String(event.hubsequence)]);
}

/** @param {Record<string, any>} event A recorded event in the JSON format. */
export function eventInFull(event) {
  const attributes = Object.entries(event).filter(([name]) => !DATA.has(name));
  return h("article", { class: "event", "aria-label": `Event ${event.id}` },
    h("dl", { class: "attributes" }, attributes.map(([name, value]) => [h("dt", {}, name), h("dd", {}, attribute(name, value, event))])),
    "data" in event && h("section", { "aria-label": "Data" }, h("h3", {}, "data"), jsonTree(event.data)),
    "data_base64" in event && h("section", { "aria-label": "Data" }, h("h3", {}, "data_base64"),
      h("p", { class: "hint" }, `${Math.floor((event.data_base64.length * 3) / 4)} bytes`), h("pre", {}, event.data_base64)),
    h("p", { class: "actions" },
      h("a", { href: eventLink(event).href }, "Link to this event"),
      h("button", { type: "button", on: { click: ({ target }) => copy(target, JSON.stringify(event, null, 2)) } }, "Copy as JSON")));
}

function attribute(name, value, event) {
  if (TIMES.has(name)) return [timeOf(value, { exactFirst: true })];
  if (name === "hubstream") return h("a", { href: new State("streams", [value]).href }, value);
  if (name === "executionid") return h("a", { href: new State("timeline", [event.hubstream], { execution: value }).href }, value);
  return String(value);
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "The browser refused";
  }
}
