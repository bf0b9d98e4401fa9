/** The live tail: events as they are stored, filtered by the hub, with a pause and a rate. */

import { FILTER_FIELDS, FilterForm, selectionOf } from "../widgets/filters.js";
import { eventInFull } from "../widgets/event.js";
import { exact } from "../widgets/time.js";
import { fill, h } from "../dom.js";
import { errorNotice } from "../widgets/notice.js";
import { View } from "../view.js";

/** How many rows the page has at most; older ones go. */
const MOST_ROWS = 500;
/** How often the list changes at most: to paint it is most of the work, and nobody reads faster. */
const DRAWN_EVERY_MS = 100;
/** How many rows are added at once at most: what is more is passed over in the list, and counted. */
const MOST_AT_ONCE = 100;
/** How many events wait at most while the list is paused. */
const MOST_WAITING = 2000;
/** Over how many seconds the rate is measured. */
const RATE_SECONDS = 5;

const STATES = {
  connecting: ["Connecting …", "warning"],
  connected: ["Connected", "good"],
  live: ["Live", "good"],
  retrying: ["Connection lost, retrying …", "warning"],
  closed: ["Ended", "bad"],
};

/** Shows `#/tail?type=…&stream=…&filter=…`, and with `from=start` the stored events first. */
export default class Tail extends View {
  #subscription;
  /** What the subscription was opened for: another state of the same selection does not open it again. */
  #selected;
  /** Events that are not in the list yet, in order. */
  #waiting = [];
  #paused = false;
  #frame = 0;
  /** When the list changed last. */
  #drawn = 0;
  #dropped = 0;
  #received = 0;
  /** The number of events in each of the last seconds. */
  #seconds = new Array(RATE_SECONDS).fill(0);
  // No table: only rows of a height that is known can be left out while they are not to be seen (`content-visibility`).
  #list = h("div", { role: "rowgroup", class: "rows" });
  /** The row whose event is shown in full. */
  #opened;
  #detail = h("aside", { class: "detail", "aria-label": "The selected event", hidden: true });
  #status = h("span", { class: "state", role: "status" });
  #rate = h("span", { class: "rate" });
  #pause = h("button", { type: "button", "aria-pressed": "false", on: { click: () => this.#setPaused(!this.#paused) } }, "Pause");
  #problem = h("div", { role: "alert" });
  #form = new FilterForm();
  #events = new WeakMap();
  #isBuilt = false;

  show() {
    if (!this.#isBuilt) this.#build();
    this.#form.show(this.state);
    const selected = JSON.stringify([...FILTER_FIELDS, "from"].map((name) => this.state.query.getAll(name)));
    if (selected !== this.#selected) {
      this.#selected = selected;
      this.#open();
    }
  }

  disconnectedCallback() {
    this.#subscription?.close();
    cancelAnimationFrame(this.#frame);
    super.disconnectedCallback();
  }

  #build() {
    this.#isBuilt = true;
    this.#form.hub = this.hub;
    this.#form.addEventListener("apply", ({ detail }) => this.go({ query: detail }));
    const timer = setInterval(() => this.#countRate(), 1000);
    this.signal.addEventListener("abort", () => clearInterval(timer));
    this.#list.addEventListener("click", ({ target }) => this.#select(target.closest("[role=row]")));
    fill(this,
      h("h1", {}, "Live events"),
      this.#form,
      h("div", { class: "bar" },
        this.#status,
        this.#rate,
        h("span", { class: "actions" },
          this.#pause,
          h("button", { type: "button", on: { click: () => this.#clear() } }, "Clear"))),
      this.#problem,
      h("div", { class: "split" },
        h("div", { class: "scroll tail", tabIndex: 0, role: "region", "aria-label": "Events, newest first" },
          h("div", { role: "table", "aria-label": "Events, newest first" },
            h("div", { role: "rowgroup", class: "head" }, h("div", { role: "row" },
              ["Time", "Type", "Stream", "Sequence", "Source"].map((title) => h("span", { role: "columnheader" }, title)))),
            this.#list)),
        this.#detail));
    this.#countRate();
  }

  #open() {
    this.#subscription?.close();
    this.#clear();
    fill(this.#problem);
    this.#report("connecting");
    let selection;
    try {
      selection = selectionOf(this.state);
    } catch (error) {
      return this.#refused(error);
    }
    const from = this.state.get("from") === "start" ? "start" : "now";
    const subscription = this.hub.store.subscribe({
      ...selection,
      from,
      // What retention removed meanwhile is no reason to stop watching.
      onLoss: (loss) => this.#lost(loss),
      onStatus: ({ state }) => this.#subscription === subscription && this.#report(state),
      fetchData: false,
    }, (event) => this.#receive(event));
    this.#subscription = subscription;
    subscription.done.catch((error) => this.#subscription === subscription && this.#refused(error));
  }

  #receive(event) {
    this.#received += 1;
    this.#seconds[0] += 1;
    this.#waiting.push(event);
    if (this.#waiting.length > MOST_WAITING) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    if (!this.#paused) this.#schedule();
  }

  /** One change of the list in a frame of the screen, however many events arrive. */
  #schedule() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame((now) => {
      this.#frame = 0;
      if (now - this.#drawn < DRAWN_EVERY_MS) return this.#schedule();
      this.#drawn = now;
      this.#draw();
    });
  }

  #draw() {
    const passed = Math.max(0, this.#waiting.length - MOST_AT_ONCE);
    this.#dropped += passed;
    const events = this.#waiting.splice(0).slice(passed).reverse();
    const rows = document.createDocumentFragment();
    for (const event of events) rows.append(this.#row(event));
    this.#list.prepend(rows);
    while (this.#list.childElementCount > MOST_ROWS) this.#list.lastElementChild.remove();
  }

  #row(event) {
    const time = exact(event.hubtime).slice(11, 23);
    const open = h("button", { type: "button", class: "quiet mono", "aria-label": `Open event ${event.id} of ${event.hubstream}` }, event.type);
    const cell = (content, name) => h("span", { role: "cell", class: name }, content);
    const row = h("div", { role: "row" },
      cell(h("time", { datetime: event.hubtime, title: exact(event.hubtime) }, time)),
      cell(open), cell(event.hubstream, "mono"), cell(event.hubsequence, "number"), cell(event.source, "mono"));
    this.#events.set(row, event);
    return row;
  }

  async #select(row) {
    const event = row && this.#events.get(row);
    if (!event) return;
    this.#opened = row;
    for (const other of this.#list.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
    this.#detail.hidden = false;
    const whole = await this.#whole(event);
    // Another one was opened meanwhile, perhaps when this row was not in the list any more.
    if (this.#opened !== row) return;
    fill(this.#detail,
      h("button", { type: "button", class: "quiet close", "aria-label": "Close the event", on: { click: () => { this.#detail.hidden = true; } } }, "×"),
      eventInFull(whole));
  }

  /** The event with its data, which are not in the frame if they are large. */
  async #whole(event) {
    if (!event.dataref || "data" in event || "data_base64" in event || !this.hub.can("read")) return event;
    try {
      return await this.hub.store.get(event.id, { source: event.source, stream: event.hubstream, signal: this.signal, patienceMs: 2000 });
    } catch {
      return event;
    }
  }

  #setPaused(paused) {
    this.#paused = paused;
    this.#pause.setAttribute("aria-pressed", String(paused));
    this.#pause.textContent = paused ? "Resume" : "Pause";
    if (!paused) this.#schedule();
    this.#countRate(false);
  }

  #clear() {
    this.#waiting = [];
    this.#dropped = this.#received = 0;
    fill(this.#list);
    this.#countRate(false);
  }

  #countRate(isSecond = true) {
    const rate = this.#seconds.slice(0, RATE_SECONDS).reduce((sum, each) => sum + each, 0) / RATE_SECONDS;
    if (isSecond) this.#seconds = [0, ...this.#seconds.slice(0, RATE_SECONDS - 1)];
    const parts = [`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} events/s`, `${this.#received} received`];
    if (this.#paused) parts.push(`${this.#waiting.length} waiting`);
    if (this.#dropped) parts.push(`${this.#dropped} not shown`);
    this.#rate.textContent = parts.join(" · ");
  }

  #report(state) {
    const [text, kind] = STATES[state];
    this.#status.className = `state ${kind}`;
    this.#status.textContent = text;
  }

  #lost({ missing, more, gone, renewed }) {
    const streams = [...missing.map(({ stream, first, last }) => `${stream} ${first}–${last}`), ...gone.map((stream) => `${stream} (deleted)`)];
    const what = renewed.length > 0 ? "The store was reset." : `Events were removed before they arrived: ${streams.join(", ")}${more ? " and more" : ""}.`;
    fill(this.#problem, h("p", { class: "notice warning" }, what));
  }

  #refused(error) {
    if (this.signal.aborted) return;
    this.#report("closed");
    if (error.status === 401) this.fail(error);
    else fill(this.#problem, errorNotice(error));
  }
}

customElements.define("console-tail", Tail);
