/** Publishing a test event, and how long it took to be stored and to come back. */

import { fill, h } from "../dom.js";
import { eventLink } from "../widgets/event.js";
import { errorNotice } from "../widgets/notice.js";

const TYPE = "io.flunq.console.test";
const ARRIVAL_MS = 10_000;

/**
 * The form.
 *
 * @param {{hub: import("../hub.js").Hub, signal: AbortSignal}} about
 */
export function testEvent({ hub, signal }) {
  const said = h("div", { role: "status" });
  const stream = h("input", {
    id: "test-stream",
    value: "console-test",
    required: true,
    pattern: "[A-Za-z0-9._:~\\-]{1,200}",
    autocomplete: "off",
    spellcheck: false,
  });
  const type = h("input", { id: "test-type", value: TYPE, required: true, autocomplete: "off", spellcheck: false });
  const data = h("textarea", { id: "test-data", rows: 3, spellcheck: false, value: '{"from": "console"}' });
  const button = h("button", { type: "submit", class: "primary" }, "Publish");
  const submit = async (event) => {
    event.preventDefault();
    let value;
    try {
      value = data.value.trim() === "" ? undefined : JSON.parse(data.value);
      data.removeAttribute("aria-invalid");
    } catch (error) {
      data.setAttribute("aria-invalid", "true");
      fill(said, errorNotice(new Error(`The data are no JSON: ${error.message}`)));
      return;
    }
    button.disabled = true;
    try {
      await publish({ source: "/console", type: type.value, ...(value === undefined ? {} : { data: value }) });
    } catch (error) {
      if (!signal.aborted) fill(said, errorNotice(error));
    } finally {
      button.disabled = false;
    }
  };
  const publish = async (event) => {
    const ending = new AbortController();
    const stop = () => ending.abort();
    signal.addEventListener("abort", stop);
    try {
      const arrivals = hub.can("subscribe") ? await follow(hub, stream.value, ending.signal) : undefined;
      const begun = performance.now();
      const [result] = await hub.store.publish(event, { stream: stream.value, signal, patienceMs: 0 });
      const stored = performance.now() - begun;
      const link = h(
        "a",
        { href: eventLink({ hubstream: result.stream, hubsequence: String(result.sequence) }).href },
        `${result.stream}, event ${result.sequence}`,
      );
      fill(said, h("p", { class: "notice good" }, "Stored as ", link, ` after ${Math.round(stored)} ms.`));
      if (arrivals === undefined) return;
      const arrived = await arrivals(result.sequence);
      said.firstChild.append(
        arrived === undefined
          ? ` It did not arrive over WebSocket within ${ARRIVAL_MS / 1000} s.`
          : ` It arrived over WebSocket after ${Math.round(arrived - begun)} ms.`,
      );
    } finally {
      signal.removeEventListener("abort", stop);
      ending.abort();
    }
  };
  return h(
    "section",
    { "aria-label": "Publish a test event" },
    h("h2", {}, "Publish a test event"),
    h(
      "form",
      { on: { submit } },
      h(
        "div",
        { class: "fields" },
        h("div", { class: "field" }, h("label", { for: stream.id }, "Stream"), stream),
        h("div", { class: "field wide" }, h("label", { for: type.id }, "Type"), type),
      ),
      h("p", {}, h("label", { for: data.id }, "Data, as JSON"), data),
      h("p", {}, button),
    ),
    said,
  );
}

/**
 * Subscribe to a stream, and return once nothing can be missed: a function that waits for a sequence, and returns when
 * it arrived; undefined if it did not.
 */
async function follow(hub, stream, signal) {
  const arrived = new Map();
  const waiting = new Map();
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ARRIVAL_MS);
    const subscription = hub.store.subscribe(
      {
        stream,
        signal,
        fetchData: false,
        onStatus: ({ state }) => {
          if (state === "connected" || state === "closed") clearTimeout(timer);
          if (state === "connected") resolve();
        },
      },
      ({ hubsequence }) => {
        arrived.set(Number(hubsequence), performance.now());
        waiting.get(Number(hubsequence))?.();
      },
    );
    subscription.done.catch(reject);
  });
  return (sequence) =>
    new Promise((resolve) => {
      const done = () => resolve(arrived.get(sequence));
      if (arrived.has(sequence)) return done();
      waiting.set(sequence, done);
      setTimeout(done, ARRIVAL_MS);
    });
}
