/** Where the timeline begins: a stream to enter, and the newest executions. */

import { fill, h } from "../dom.js";
import { State } from "../state.js";
import { table } from "../widgets/table.js";
import { timeOf } from "../widgets/time.js";

const RECENT = 25;
const STARTED = "io.flunq.execution.started";

/**
 * Show them in an element.
 *
 * @param {HTMLElement} element
 * @param {import("../hub.js").Hub} hub
 * @param {AbortSignal} signal
 */
export async function recentExecutions(element, hub, signal) {
  const field = h("input", {
    id: "tl-stream",
    required: true,
    autocomplete: "off",
    spellcheck: false,
    placeholder: "acme:order-7",
  });
  const recent = h("section", {}, h("p", { class: "loading" }, "Loading …"));
  fill(
    element,
    h("h1", {}, "Timeline"),
    h(
      "form",
      {
        class: "fields",
        on: {
          submit: (event) => {
            event.preventDefault();
            location.hash = new State("timeline", [field.value.trim()]).href;
          },
        },
      },
      h("div", { class: "field wide" }, h("label", { for: "tl-stream" }, "Stream of the workflow"), field),
      h("button", { type: "submit", class: "primary" }, "Show"),
    ),
    recent,
  );
  const { events } = await hub.get("/api/v1/events", { type: STARTED, order: "desc", limit: RECENT }, signal);
  fill(
    recent,
    h("h2", {}, "Recent executions"),
    events.length === 0
      ? h(
          "p",
          { class: "none" },
          `No event of the type ${STARTED} is kept. A stream of other events has a timeline, too: enter its name.`,
        )
      : table(
          "Recent executions",
          ["started", "workflow", "stream"],
          events.map((event) => [
            timeOf(event.hubtime),
            h(
              "a",
              { href: new State("timeline", [event.hubstream], { execution: event.executionid }).href },
              nameOf(event),
            ),
            event.hubstream,
          ]),
        ),
  );
}

function nameOf({ data, workflowid, hubstream }) {
  const name = data?.workflow_name;
  return typeof name === "string" && name !== "" ? name : workflowid || hubstream;
}
