/** A workflow's timeline: its runs as bars, with tasks, attempts, timers, failures and causes; live. */

import { fill, h } from "../dom.js";
import { streamPath } from "../hub.js";
import { State } from "../state.js";
import { Feed, MOST } from "../timeline/feed.js";
import { Timeline } from "../timeline/model.js";
import { details } from "../timeline/details.js";
import { Plot } from "../timeline/plot.js";
import { recentExecutions } from "../timeline/recent.js";
import { rowsOf } from "../timeline/rows.js";
import { Scale, wholeOf } from "../timeline/scale.js";
import { Toolbar } from "../timeline/toolbar.js";
import { View } from "../view.js";
import { errorNotice, notice } from "../widgets/notice.js";
import { count, counted } from "../widgets/numbers.js";

const REFRESH_MS = 5000;

export default class TimelineView extends View {
  #stream = "";
  #first = 0;
  /** Ends with the stream that is shown. */
  #opened = new AbortController();
  #timeline = new Timeline();
  #plot;
  #collapsed = new Set();
  #at = "";
  #range;
  #frame = 0;
  #status = h("span", { class: "state", role: "status" });
  #summary = h("p", { class: "hint", role: "status" });
  #message = h("div", {});
  /** Why the newest events were not read. */
  #problem = h("div", { role: "alert" });
  #details = h("section", { class: "tl-details", "aria-label": "Details" });
  #toolbar = new Toolbar({
    change: (query) => this.go({ query }, { replace: true }),
    zoom: (factor) => this.#zoom(this.#scale().zoomed(factor)),
    nextFailure: () => this.#nextFailure(),
  });

  async show(signal) {
    const [stream = ""] = this.state.path;
    if (stream === "") {
      this.#close();
      await recentExecutions(this, this.hub, signal);
      return;
    }
    if (stream !== this.#stream || this.#from() !== this.#first) await this.#open(stream);
    else this.#follow();
  }

  /** The first sequence that the URL asks for; 0 for the newest events. */
  #from() {
    const from = Number(this.state.get("from"));
    return Number.isSafeInteger(from) && from > 0 ? from : 0;
  }

  #close() {
    this.#opened.abort();
    this.#stream = "";
    this.#plot = undefined;
  }

  async #open(stream) {
    this.#close();
    this.#stream = stream;
    this.#first = this.#from();
    this.#opened = new AbortController();
    this.signal.addEventListener("abort", () => this.#opened.abort(), { signal: this.#opened.signal });
    const signal = this.#opened.signal;
    this.#timeline = new Timeline();
    this.#collapsed.clear();
    this.#at = "";
    this.#range = undefined;
    this.#plot = new Plot(
      {
        select: (row, entry) => this.#select(row, entry),
        toggle: (row, isOpen) => this.#toggle(row, isOpen),
        zoom: (scale) => this.#zoom(scale),
        resize: () => this.#draw(),
      },
      signal,
    );
    this.#build(stream);
    this.#follow();
    const feed = new Feed(this.#source(signal), (events) => {
      if (signal.aborted) return;
      if (this.#timeline.entries.length === 0) fill(this.#message);
      this.#timeline.add(events);
      this.#draw();
    });
    try {
      this.#say("reading");
      const { first, head, live } = await feed.open(this.#first || undefined);
      if (signal.aborted) return;
      this.#loaded(first, head);
      this.#follow();
      await live;
      if (this.hub.can("subscribe")) return;
      this.#say("read every 5 s");
      await this.every(REFRESH_MS, this.#problem, () => feed.refresh(), signal);
    } catch (error) {
      this.#fail(error, signal);
    }
  }

  #fail(error, signal) {
    if (signal.aborted) return;
    this.#say("stopped", "bad");
    if (error.status === 401) this.fail(error);
    else fill(this.#message, errorNotice(error));
  }

  #source(signal) {
    return {
      read: async (query) => {
        try {
          return await this.hub.get(streamPath(this.#stream, "/events"), query, signal);
        } catch (error) {
          // A workflow that did not start yet is waited for.
          if (error.code === "stream-not-found") return { head: 0, events: [] };
          throw error;
        }
      },
      follow: !this.hub.can("subscribe")
        ? null
        : (handler, onLive) => {
            const subscription = this.hub.store.subscribe(
              {
                stream: this.#stream,
                signal,
                fetchData: false,
                onLoss: () =>
                  fill(
                    this.#message,
                    notice(
                      "Events were removed before they were received: reload the page to see what is kept.",
                      "warning",
                    ),
                  ),
                onStatus: ({ state }) => {
                  if (state === "connected") onLive();
                  if (state !== "closed")
                    this.#say(
                      state === "retrying" ? "reconnecting" : "live",
                      state === "retrying" ? "warning" : "good",
                    );
                },
              },
              handler,
            );
            subscription.done.catch((error) => this.#fail(error, signal));
          },
    };
  }

  #build(stream) {
    fill(this.#details);
    fill(this.#message);
    fill(this.#problem);
    fill(
      this,
      h("h1", {}, "Timeline of ", h("a", { href: new State("streams", [stream]).href }, stream), " ", this.#status),
      this.#summary,
      this.#message,
      this.#problem,
      this.#toolbar.element,
      this.#plot.element,
      h(
        "p",
        { class: "hint", id: "tl-keys" },
        "Keys: ↑ ↓ rows, ← → close and open a run, Enter details, + − 0 zoom, ",
        "Shift with ← → earlier and later.",
      ),
      this.#details,
    );
  }

  /** Take over what the URL says. */
  #follow() {
    const { state } = this;
    this.#toolbar.show(state);
    const [from, to] = state.get("range").split("~").map(Number);
    this.#range = Number.isFinite(from) && Number.isFinite(to) && to > from ? { from, to } : undefined;
    if (state.get("at") !== this.#at && this.#entryAt()) {
      this.#at = state.get("at");
      const row = this.#selected();
      if (row) {
        this.#drawNow();
        this.#plot.reveal(row);
      }
    }
    this.#draw();
  }

  #loaded(first, head) {
    const earlier =
      first > 1 && this.#timeline.entries.length > 0 && Number(this.#timeline.entries[0].event.hubsequence) <= first;
    fill(
      this.#message,
      head === 0 && notice("The stream has no events yet."),
      earlier &&
        h(
          "p",
          { class: "notice" },
          `The events before number ${count(first)} are not shown. `,
          h(
            "a",
            { href: this.state.with({ from: String(Math.max(1, first - MOST)), range: undefined }).href },
            "Show earlier ones",
          ),
        ),
    );
  }

  #say(text, kind = "") {
    this.#status.textContent = text;
    this.#status.className = `state ${kind}`.trim();
  }

  #rows() {
    const { state } = this;
    return rowsOf(this.#timeline, {
      show: state.get("show") || "all",
      text: state.get("text"),
      run: state.get("execution"),
      collapsed: this.#collapsed,
    });
  }

  #scale() {
    const by = this.state.get("by") === "order" ? "order" : "time";
    return new Scale(by, wholeOf(this.#runs(), by, Date.now()), this.#range, this.#plot.width);
  }

  /** The runs that are shown: all, or the only one. */
  #runs() {
    const only = this.state.get("execution");
    return this.#timeline.runs.filter(({ key }) => only === "" || key === only);
  }

  #draw() {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#drawNow();
    });
  }

  #drawNow() {
    if (this.#plot === undefined) return;
    const timeline = this.#timeline;
    const rows = this.#rows();
    const scale = this.#scale();
    const at = this.#entryAt();
    const selected = this.#selected(rows);
    const now = Date.now();
    this.#plot.draw({
      rows,
      scale,
      now,
      selected,
      at,
      collapsed: this.#collapsed,
      arrows: this.#toolbar.hasCauses ? timeline.arrows : [],
    });
    this.#summary.textContent = [
      counted(timeline.entries.length, "event"),
      counted(timeline.runs.length, "run"),
      counted(timeline.failures.length, "failure"),
    ].join(", ");
    if (selected) {
      const { run, item } = selected;
      const key = [selected.key, this.#at, run.count, item?.entries.length, run.state].join(" ");
      if (this.#details.dataset.key !== key) {
        this.#details.dataset.key = key;
        fill(this.#details, details(selected, { timeline, state: this.state, at, now }));
      }
    } else {
      delete this.#details.dataset.key;
      fill(this.#details);
    }
  }

  /** The event that the URL names. */
  #entryAt() {
    const sequence = this.state.get("at");
    return sequence === "" ? undefined : this.#timeline.entries.find(({ event }) => event.hubsequence === sequence);
  }

  #selected(rows = this.#rows()) {
    const entry = this.#entryAt();
    if (entry === undefined) return undefined;
    return (
      rows.find(({ run, item }) => run === entry.run && item === entry.item) ??
      rows.find(({ run }) => run === entry.run)
    );
  }

  #select(row, entry = row.item === null ? (row.run.marks[0] ?? row.run.items[0]?.entries[0]) : row.item.entries[0]) {
    if (entry) this.go({ query: { at: entry.event.hubsequence } });
  }

  #toggle(row, isOpen) {
    if (isOpen) this.#collapsed.delete(row.run.key);
    else this.#collapsed.add(row.run.key);
    this.#draw();
  }

  #zoom(scale) {
    const round = scale.by === "time" ? Math.round : (value) => Math.round(value * 100) / 100;
    const range = scale.isWhole ? undefined : `${round(scale.range.from)}~${round(scale.range.to)}`;
    this.go({ query: { range } }, { replace: true });
  }

  #nextFailure() {
    const runs = new Set(this.#runs());
    const failures = this.#timeline.failures.filter(({ run }) => runs.has(run));
    const current = this.#entryAt()?.index ?? -1;
    const next = failures.find(({ index }) => index > current) ?? failures[0];
    if (next) this.go({ query: { at: next.event.hubsequence, text: undefined, show: undefined } });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    cancelAnimationFrame(this.#frame);
    this.#close();
  }
}

customElements.define("console-timeline", TimelineView);
