/** One stream: its description, and its events in both directions, by sequence and by time. */

import { fill, h } from "../dom.js";
import { streamPath } from "../hub.js";
import { go, State } from "../state.js";
import { View } from "../view.js";
import { FilterForm, parametersOf } from "../widgets/filters.js";
import { moreButton } from "../widgets/more.js";
import { notice } from "../widgets/notice.js";
import { count, size } from "../widgets/numbers.js";
import { table } from "../widgets/table.js";
import { timeOf } from "../widgets/time.js";
import { retentionOf } from "./retention.js";

const PAGE = 100;

/** Shows `#/streams/<stream>?direction=…&from=…&to=…&since=…&until=…&type=…&filter=…`. */
export class EventList extends View {
  #head = h("div", {});
  #form = new FilterForm();
  #found = h("div", {});
  #compare = h("button", { type: "button", disabled: true, on: { click: () => this.#goCompare() } }, "Compare the two selected");
  #events = [];
  /** The selected events, by their sequences. */
  #selected = new Map();
  #isBuilt = false;

  get #stream() {
    return this.state.path[0];
  }

  async show(signal) {
    if (!this.#isBuilt) this.#build();
    this.#form.show(this.state);
    this.#events = [];
    this.#selected.clear();
    this.#checkSelected();
    await Promise.all([this.#describe(signal), this.#load(signal)]);
  }

  #build() {
    this.#isBuilt = true;
    const number = () => h("input", { inputMode: "numeric", autocomplete: "off", size: 8 });
    const time = () => h("input", { type: "datetime-local", step: "1" });
    Object.assign(this.#form, {
      hub: this.hub,
      fields: ["type", "filter", "filter_name"],
      extras: [
        { name: "from", title: "From sequence", input: number() },
        { name: "to", title: "To sequence", input: number() },
        { name: "since", title: "Stored since", input: time(), read: toUtc, write: toLocal },
        { name: "until", title: "Stored before", input: time(), read: toUtc, write: toLocal },
        { name: "direction", title: "Order", input: h("select", {}, h("option", { value: "" }, "newest first"), h("option", { value: "forwards" }, "oldest first")) },
      ],
    });
    this.#form.addEventListener("apply", ({ detail }) => this.go({ query: detail }));
    fill(this, this.#head, this.#form, this.#found);
  }

  async #describe(signal) {
    const stream = await this.hub.get(streamPath(this.#stream), {}, signal);
    const facts = [
      ["Head", count(stream.head)],
      ["First kept", stream.count ? count(stream.first) : "none"],
      ["Events", count(stream.count)],
      ["Size", size(stream.bytes)],
      ["Created", timeOf(stream.created)],
      ["Updated", timeOf(stream.updated)],
      ["Retention", retentionOf(stream.retention)],
      ...Object.entries(stream.labels).map(([name, value]) => [`Label ${name}`, value]),
    ];
    fill(this.#head,
      h("p", { class: "path" }, h("a", { href: new State("streams").href }, "Streams"), " /"),
      h("h1", { class: "mono" }, stream.id),
      h("dl", { class: "facts" }, facts.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)))),
      h("p", { class: "actions" },
        this.hub.can("subscribe") && h("a", { href: new State("tail", [], { stream: stream.id }).href }, "Follow live"),
        h("a", { href: new State("timeline", [stream.id]).href }, "Timeline")));
  }

  async #load(signal, cursor) {
    const { from, to, since, until } = Object.fromEntries(this.state.query);
    const page = await this.hub.get(streamPath(this.#stream, "/events"), {
      ...parametersOf(this.state), from, to, since, until, cursor, limit: PAGE,
      direction: this.state.get("direction") || "backwards",
    }, signal);
    this.#events.push(...page.events);
    this.#draw(page, signal);
  }

  #draw({ next, missing = [] }, signal) {
    if (this.#events.length === 0 && !next) {
      fill(this.#found, notice("No event is in this range."));
      return;
    }
    const columns = ["Select", { title: "Sequence", number: true }, "Stored", "Type", "Id", "Subject"];
    fill(this.#found,
      missing.map(({ first, last }) => notice(`The events ${first} to ${last} were removed.`, "warning")),
      h("p", { class: "actions" }, this.#compare, h("span", { class: "hint" }, "Select two events of one type.")),
      table(`Events of ${this.#stream}`, columns, this.#events.map((event) => [
        this.#box(event),
        h("a", { href: new State("streams", [this.#stream, event.hubsequence]).href, "aria-label": `Event ${event.hubsequence}` }, event.hubsequence),
        timeOf(event.hubtime), h("span", { class: "mono" }, event.type), h("span", { class: "mono" }, event.id), event.subject ?? "",
      ])),
      h("p", { class: "hint", role: "status" }, `${count(this.#events.length)} events${next ? ", and more" : ""}`),
      next && moreButton(this, signal, () => this.#load(signal, next)));
  }

  #box(event) {
    const box = h("input", { type: "checkbox", "aria-label": `Select event ${event.hubsequence}`, checked: this.#selected.has(event.hubsequence) });
    box.addEventListener("change", () => {
      if (box.checked) this.#selected.set(event.hubsequence, event);
      else this.#selected.delete(event.hubsequence);
      this.#checkSelected();
    });
    return box;
  }

  #checkSelected() {
    const types = new Set([...this.#selected.values()].map(({ type }) => type));
    this.#compare.disabled = this.#selected.size !== 2 || types.size !== 1;
  }

  #goCompare() {
    const [before, after] = [...this.#selected.keys()].sort((one, other) => Number(one) - Number(other));
    go(new State("streams", [this.#stream, after], { with: before }));
  }
}

function toUtc(local) {
  return local && new Date(local).toISOString();
}

function toLocal(utc) {
  if (!utc) return "";
  const time = new Date(utc);
  if (Number.isNaN(time.getTime())) return "";
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

customElements.define("console-event-list", EventList);
