/** Changing, replaying and deleting a durable subscription: each says what will happen, and asks before it does it. */

import { fill, h } from "../dom.js";
import { confirm } from "../widgets/dialog.js";
import { errorNotice, notice } from "../widgets/notice.js";
import { ofChange, ofDeletion, ofReplay } from "./consequences.js";

/**
 * The forms.
 *
 * @param {{hub: import("../hub.js").Hub, path: string, standing: () => Record<string, any>, tag: () => string,
 *   done: (deleted?: boolean) => Promise<void>, guarded: (act: () => Promise<void>) => Promise<boolean>, said: HTMLElement,
 *   signal: AbortSignal}} about `standing` and `tag` are the newest that were read, also while a confirmation is open; `said`
 *   shows what came of it, also when the forms are made anew, and `guarded` shows errors there.
 */
export function operations({ hub, path, standing, tag, done, guarded, said, signal }) {
  const run = (act) => {
    fill(said);
    return guarded(act);
  };
  const send = (method, below, options = {}) => hub.request(method, path + below, { ...options, signal });
  return h(
    "section",
    { "aria-label": "Operations" },
    h("h2", {}, "Operations"),
    changing({
      standing,
      apply: (patch) =>
        run(async () => {
          // What is confirmed is what is shown now.
          const match = tag();
          if (
            !(await confirm({ title: `Change ${standing().id}?`, body: ofChange(standing(), patch), action: "Change" }))
          )
            return;
          await send("PATCH", "", {
            body: patch,
            type: "application/merge-patch+json",
            headers: { "If-Match": match },
          });
          fill(said, notice("The definition is changed: each partition uses it from its next turn on.", "good"));
          await done();
        }),
      fail: (error) => fill(said, errorNotice(error)),
    }),
    replaying({
      apply: (place) =>
        run(async () => {
          if (
            !(await confirm({
              title: `Replay ${standing().id}?`,
              body: ofReplay(standing(), place),
              action: "Replay",
              danger: true,
            }))
          )
            return;
          const { body } = await send("POST", "/replay", { body: place });
          fill(
            said,
            notice(`Accepted: ${body.partitions.length} partitions go on from there with their next turn.`, "good"),
          );
          await done();
        }),
    }),
    h(
      "p",
      {},
      h(
        "button",
        {
          type: "button",
          class: "danger",
          on: {
            click: () =>
              run(async () => {
                const { id } = standing();
                const match = tag();
                if (
                  !(await confirm({
                    title: `Delete ${id}?`,
                    body: ofDeletion(standing()),
                    action: "Delete",
                    danger: true,
                    typed: id,
                  }))
                )
                  return;
                await send("DELETE", "", { headers: { "If-Match": match } });
                await done(true);
              }),
          },
        },
        "Delete …",
      ),
    ),
  );
}

function changing({ standing, apply, fail }) {
  const { ack_deadline, max_attempts, max_in_flight, filters, filter_name = "", target } = standing();
  const number = (id, value, max) =>
    h("input", { id, type: "number", min: "1", max: String(max), step: "1", required: true, value: String(value) });
  const fields = {
    ack_deadline: number("change-deadline", ack_deadline, target ? 100 : 3600),
    max_attempts: number("change-attempts", max_attempts, 100),
    max_in_flight: number("change-flight", max_in_flight, 1000),
  };
  const ofTarget = target && {
    batch: number("change-batch", target.batch, 100),
    concurrency: number("change-concurrency", target.concurrency, 50),
  };
  const name = h("input", { id: "change-name", value: filter_name, autocomplete: "off", spellcheck: false });
  const text = h("textarea", {
    id: "change-filters",
    rows: 5,
    spellcheck: false,
    value: JSON.stringify(filters, null, 2),
  });
  const labelled = (label, field) => h("div", { class: "field" }, h("label", { for: field.id }, label), field);
  const submit = (event) => {
    event.preventDefault();
    let wanted;
    try {
      wanted = JSON.parse(text.value || "[]");
      text.removeAttribute("aria-invalid");
    } catch (error) {
      text.setAttribute("aria-invalid", "true");
      fail(new Error(`The filters are no JSON: ${error.message}`));
      return;
    }
    const now = standing();
    const patch = {};
    for (const [member, field] of Object.entries(fields))
      if (Number(field.value) !== now[member]) patch[member] = Number(field.value);
    if (JSON.stringify(wanted) !== JSON.stringify(now.filters)) patch.filters = wanted;
    if (name.value.trim() !== (now.filter_name ?? "")) patch.filter_name = name.value.trim() || null;
    const other = Object.entries(ofTarget ?? {}).filter(
      ([member, field]) => Number(field.value) !== now.target?.[member],
    );
    if (other.length > 0)
      patch.target = Object.fromEntries(other.map(([member, field]) => [member, Number(field.value)]));
    if (Object.keys(patch).length === 0) fail(new Error("Nothing is changed: edit a field first."));
    else apply(patch);
  };
  return h(
    "details",
    {},
    h("summary", {}, "Change"),
    h(
      "form",
      { on: { submit } },
      h(
        "div",
        { class: "fields" },
        labelled(target ? "Seconds of a call" : "Seconds to acknowledge", fields.ack_deadline),
        labelled("Attempts", fields.max_attempts),
        labelled("In flight, per partition", fields.max_in_flight),
        ofTarget && [
          labelled("Events of a call", ofTarget.batch),
          labelled("Streams side by side", ofTarget.concurrency),
        ],
        labelled("Named filter", name),
      ),
      h("p", {}, h("label", { for: text.id }, "Filters, as JSON"), text),
      h("p", {}, h("button", { type: "submit", class: "primary" }, "Change …")),
    ),
  );
}

function replaying({ apply }) {
  const from = h(
    "select",
    { id: "replay-from" },
    h("option", { value: "start" }, "the oldest event that is kept"),
    h("option", { value: "since" }, "a time"),
    h("option", { value: "now" }, "what is published from now on"),
  );
  const since = h("input", { id: "replay-since", type: "datetime-local", step: "1" });
  const field = h(
    "div",
    { class: "field", hidden: true },
    h("label", { for: since.id }, "Stored at or after (local time)"),
    since,
  );
  from.addEventListener("change", () => {
    field.hidden = from.value !== "since";
    since.required = !field.hidden;
  });
  const submit = (event) => {
    event.preventDefault();
    apply(from.value === "since" ? { since: new Date(since.value).toISOString() } : { from: from.value });
  };
  return h(
    "details",
    {},
    h("summary", {}, "Replay"),
    h(
      "form",
      { class: "fields", on: { submit } },
      h("div", { class: "field" }, h("label", { for: from.id }, "Go on with"), from),
      field,
      h("button", { type: "submit", class: "danger" }, "Replay …"),
    ),
  );
}
