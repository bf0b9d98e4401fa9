/** Operations: rates, latencies, turns, partitions, the backend and what it promises; and a test event. */

import { collected } from "../durable/samples.js";
import { fill, h } from "../dom.js";
import { backend, collectMetrics, collectStats, server, store, storePartitions } from "../operations/figures.js";
import { Reading } from "../operations/metrics.js";
import { testEvent } from "../operations/test-event.js";
import { View } from "../view.js";
import { refill } from "../widgets/refill.js";

const REFRESH_MS = 3000;

export default class OperationsView extends View {
  /** The reading before. @type {Reading | undefined} */
  #reading;
  /** Whether the hub has metrics to read: a server does. */
  #hasMetrics = true;
  #said = h("div", { role: "alert" });
  #store = h("div", {}, h("p", { class: "loading" }, "Loading …"));
  #server = h("div", {});
  #partitions = h("div", {});
  #backend = h("div", {});
  #isBuilt = false;

  async show() {
    if (this.#isBuilt) return;
    this.#isBuilt = true;
    fill(
      this,
      h("h1", {}, "Operations"),
      this.#said,
      this.#store,
      this.#server,
      this.hub.can("publish") && testEvent({ hub: this.hub, signal: this.signal }),
      this.#partitions,
      this.#backend,
    );
    await this.every(REFRESH_MS, this.#said, () => this.#refresh());
  }

  async #refresh() {
    const begun = performance.now();
    const stats = await this.hub.get("/api/v1/stats", {}, this.signal);
    collectStats(collected, stats, Date.now(), performance.now() - begun);
    refill(this.#store, h("h2", {}, "Store"), store(stats, collected));
    refill(this.#partitions, h("h2", {}, "Partitions"), storePartitions(stats, collected));
    if (!this.#backend.firstChild) {
      const { version } = await this.hub.get("/api/v1/health", {}, this.signal);
      fill(this.#backend, h("h2", {}, "Backend"), backend(stats, version));
    }
    await this.#readMetrics();
  }

  async #readMetrics() {
    if (!this.#hasMetrics) return;
    let text;
    try {
      ({ body: text } = await this.hub.request("GET", "/metrics", { signal: this.signal }));
    } catch (error) {
      if (error.status !== 403 && error.status !== 404) throw error;
    }
    if (typeof text !== "string" || !text.includes("eventstore_info")) {
      this.#hasMetrics = false;
      fill(
        this.#server,
        h("h2", {}, "Turns and latencies"),
        h(
          "p",
          { class: "none" },
          "The functions of this hub report them to CloudWatch: the dashboard of the stack has them.",
        ),
      );
      return;
    }
    const reading = Reading.of(text, Date.now());
    collectMetrics(collected, this.#reading, reading);
    this.#reading = reading;
    refill(this.#server, h("h2", {}, "Turns and latencies"), server(reading, collected));
  }
}

customElements.define("console-operations", OperationsView);
