/** The list of streams, by their names. */

import { fill, h } from "../dom.js";
import { State } from "../state.js";
import { View } from "../view.js";
import { moreButton } from "../widgets/more.js";
import { notice } from "../widgets/notice.js";
import { count, size } from "../widgets/numbers.js";
import { table } from "../widgets/table.js";
import { timeOf } from "../widgets/time.js";
import { retentionOf } from "./retention.js";

const PAGE = 100;
const PAUSE_MS = 200;

/** Shows `#/streams?prefix=…`. */
export class StreamList extends View {
  #prefix = h("input", { id: "prefix", type: "search", spellcheck: false, autocomplete: "off", on: { input: () => this.#later() } });
  #found = h("div", {});
  #rows = [];
  #timer;
  #isBuilt = false;

  async show(signal) {
    if (!this.#isBuilt) this.#build();
    const prefix = this.state.get("prefix");
    if (this.#prefix.value !== prefix) this.#prefix.value = prefix;
    this.#rows = [];
    await this.#load(signal);
  }

  #build() {
    this.#isBuilt = true;
    fill(this,
      h("h1", {}, "Streams"),
      h("form", { class: "fields", on: { submit: (event) => this.#submit(event) } },
        h("div", { class: "field wide" }, h("label", { for: "prefix" }, "Name starts with"), this.#prefix),
        h("div", { class: "field" }, h("button", { type: "submit" }, "Refresh"))),
      this.#found);
  }

  #submit(event) {
    event.preventDefault();
    this.#apply();
    this.refresh();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#apply(), PAUSE_MS);
  }

  #apply() {
    clearTimeout(this.#timer);
    this.go({ query: { prefix: this.#prefix.value.trim() } }, { replace: true });
  }

  async #load(signal, cursor) {
    const page = await this.hub.get("/api/v1/streams", { prefix: this.state.get("prefix"), limit: PAGE, cursor }, signal);
    this.#rows.push(...page.streams);
    this.#draw(page.next, signal);
  }

  #draw(next, signal) {
    if (this.#rows.length === 0) {
      fill(this.#found, notice(this.state.get("prefix") ? "No stream has a name that starts so." : "The hub has no streams yet."));
      return;
    }
    const columns = ["Stream", { title: "Head", number: true }, { title: "Events", number: true }, { title: "Size", number: true }, "Created", "Updated", "Retention"];
    fill(this.#found,
      table("Streams", columns, this.#rows.map((stream) => [
        h("a", { class: "mono", href: new State("streams", [stream.id]).href }, stream.id),
        count(stream.head), count(stream.count), size(stream.bytes),
        timeOf(stream.created), timeOf(stream.updated), retentionOf(stream.retention),
      ])),
      h("p", { class: "hint", role: "status" }, `${count(this.#rows.length)} streams${next ? ", and more" : ""}`),
      next && moreButton(this, signal, () => this.#load(signal, next)));
  }
}

customElements.define("console-stream-list", StreamList);
