/** One event in full, the events beside it, and how it differs from another one of its type. */

import { fill, h } from "../dom.js";
import { streamPath } from "../hub.js";
import { State } from "../state.js";
import { View } from "../view.js";
import { differences, differenceTable } from "../widgets/diff.js";
import { eventInFull } from "../widgets/event.js";
import { notice } from "../widgets/notice.js";

/** What differs between any two events, and says nothing about them. */
const OWN = ["id", "hubsequence", "hubtime"];

/** Shows `#/streams/<stream>/<sequence>`, and with `with=<sequence>` and `in=<stream>` the differences. */
export class OneEvent extends View {
  async show(signal) {
    const [stream, sequence] = this.state.path;
    const other = this.state.get("with");
    const [event, before, after, compared] = await Promise.all([
      this.#read(signal, stream, { from: sequence, to: sequence }),
      this.#read(signal, stream, { to: String(Number(sequence) - 1), direction: "backwards" }),
      this.#read(signal, stream, { from: String(Number(sequence) + 1) }),
      other ? this.#read(signal, this.state.get("in") || stream, { from: other, to: other }) : undefined,
    ]);
    const place = h("p", { class: "path" },
      h("a", { href: new State("streams").href }, "Streams"), " / ",
      h("a", { class: "mono", href: new State("streams", [stream]).href }, stream), " /");
    if (!event) {
      fill(this, place, h("h1", {}, `Event ${sequence}`), notice("There is no such event: it was removed, or is not stored yet.", "warning"));
      return;
    }
    const previous = await this.#previousOfType(signal, event);
    fill(this, place,
      h("h1", {}, `Event ${sequence}`),
      h("p", { class: "actions" },
        before && h("a", { href: new State("streams", [stream, before.hubsequence]).href, rel: "prev" }, `← Event ${before.hubsequence}`),
        after && h("a", { href: new State("streams", [stream, after.hubsequence]).href, rel: "next" }, `Event ${after.hubsequence} →`)),
      other ? this.#compared(event, compared, other) : null,
      this.#compareForm(event, previous),
      eventInFull(event));
  }

  /** The first event of a range; undefined if there is none. */
  async #read(signal, stream, range) {
    if (range.to === "0") return undefined;
    const { events } = await this.hub.get(streamPath(stream, "/events"), { ...range, limit: 1 }, signal);
    return events[0];
  }

  async #previousOfType(signal, { hubstream, hubsequence, type }) {
    if (hubsequence === "1") return undefined;
    const range = { to: String(Number(hubsequence) - 1), direction: "backwards", type, limit: 1 };
    const { events } = await this.hub.get(streamPath(hubstream, "/events"), range, signal);
    return events[0];
  }

  #compareForm(event, previous) {
    const sequence = h("input", { id: "with", inputMode: "numeric", required: true, size: 8, value: this.state.get("with") || previous?.hubsequence || "" });
    const stream = h("input", { id: "in", size: 20, spellcheck: false, value: this.state.get("in"), placeholder: event.hubstream });
    const submit = (submitted) => {
      submitted.preventDefault();
      this.go({ query: { with: sequence.value.trim(), in: stream.value.trim() } });
    };
    return h("form", { class: "fields", on: { submit } },
      h("div", { class: "field" }, h("label", { for: "with" }, "Compare with event"), sequence),
      h("div", { class: "field" }, h("label", { for: "in" }, "of stream"), stream),
      h("div", { class: "field" }, h("button", { type: "submit" }, "Compare")));
  }

  #compared(event, other, sequence) {
    if (!other) return notice(`There is no event ${sequence} to compare with.`, "warning");
    if (other.type !== event.type) {
      return notice(`Event ${sequence} has another type, ${other.type}: events of one type are compared.`, "warning");
    }
    const found = differences(without(other), without(event));
    const names = [other, event].map(({ hubstream, hubsequence }) => `${hubstream} ${hubsequence}`);
    return h("section", { "aria-label": "Differences" },
      h("h2", {}, `Differences from event ${sequence}`),
      found.length === 0 ? notice("They differ in id, sequence and time alone.") : differenceTable(found, ...names));
  }
}

function without(event) {
  return Object.fromEntries(Object.entries(event).filter(([name]) => !OWN.includes(name)));
}

customElements.define("console-one-event", OneEvent);
