/** Dead letters: streams that durable subscriptions have parked, why, what waits behind, and how they go on. */

import { ofRedrive } from "../durable/consequences.js";
import { fill, h } from "../dom.js";
import { streamPath } from "../hub.js";
import { State } from "../state.js";
import { View } from "../view.js";
import { confirm } from "../widgets/dialog.js";
import { eventInFull, eventLink } from "../widgets/event.js";
import { notice } from "../widgets/notice.js";
import { counted } from "../widgets/numbers.js";
import { refill } from "../widgets/refill.js";
import { table } from "../widgets/table.js";
import { timeOf } from "../widgets/time.js";

const REFRESH_MS = 5000;
const PAGE = 100;
/** How many of the events behind the failed one are listed. */
const LISTED = 20;
const WAYS = [
  { how: "start", title: "Try again …", action: "Try again" },
  { how: "skip", title: "Skip the event …", action: "Skip", danger: true },
  { how: "drop", title: "Drop all that waits …", action: "Drop", danger: true },
];

export default class DeadLettersView extends View {
  /** What came of an operation. */
  #said = h("div", { role: "status" });
  /** Why what is shown is not up to date. */
  #problem = h("div", { role: "alert" });
  #content = h("div", {});

  async show(signal) {
    const [subscription, stream] = this.state.path;
    fill(this.#said);
    fill(this.#problem);
    fill(this.#content, h("p", { class: "loading" }, "Loading …"));
    fill(
      this,
      subscription !== undefined &&
        h(
          "p",
          {},
          h("a", { href: new State("dead-letters").href }, "All dead letters"),
          stream !== undefined && [
            " · ",
            h("a", { href: new State("dead-letters", [subscription]).href }, `those of ${subscription}`),
          ],
        ),
      h(
        "h1",
        {},
        stream !== undefined
          ? [`${stream}, parked by `, this.#subscriptionLink(subscription)]
          : subscription !== undefined
            ? ["Dead letters of ", this.#subscriptionLink(subscription)]
            : "Dead letters",
      ),
      this.#problem,
      this.#said,
      this.#content,
    );
    if (stream === undefined)
      await this.every(REFRESH_MS, this.#problem, () => this.#list(subscription, signal), signal);
    else await this.guarded(this.#problem, signal, () => this.#one(subscription, stream, signal));
  }

  #subscriptionLink(name) {
    return h("a", { href: new State("subscriptions", [name]).href }, name);
  }

  async #list(subscription, signal) {
    const query = { subscription, cursor: this.state.get("cursor"), limit: PAGE };
    const { dead_letters: letters, next } = await this.hub.get("/api/v1/dead-letters", query, signal);
    if (signal.aborted) return;
    refill(
      this.#content,
      letters.length === 0
        ? h("p", { class: "none" }, "Nothing is parked.")
        : table(
            "Parked streams",
            [
              "stream",
              subscription === undefined && "subscription",
              "failed event",
              { title: "attempts", number: true },
              "last reason",
              "parked",
            ].filter(Boolean),
            letters.map((letter) => [
              h(
                "a",
                {
                  href: new State("dead-letters", [letter.subscription, letter.stream]).href,
                  "aria-label": `${letter.stream}, parked by ${letter.subscription}`,
                },
                letter.stream,
              ),
              ...(subscription === undefined
                ? [h("a", { href: new State("dead-letters", [letter.subscription]).href }, letter.subscription)]
                : []),
              h(
                "a",
                {
                  href: new State("streams", [letter.stream, String(letter.sequence)]).href,
                  "aria-label": `event ${letter.sequence} of ${letter.stream}`,
                },
                String(letter.sequence),
              ),
              String(letter.attempts),
              letter.errors.at(-1) ?? "–",
              timeOf(letter.since),
            ]),
          ),
      next && h("p", {}, h("a", { href: this.state.with({ cursor: next }).href }, "More")),
      subscription !== undefined &&
        letters.length > 0 &&
        this.#operations(
          { subscription, streams: next ? undefined : letters.length },
          signal,
          `All ${next ? "parked streams" : letters.length === 1 ? "1 stream" : `${letters.length} streams`}`,
        ),
    );
  }

  async #one(subscription, stream, signal) {
    const {
      dead_letters: [letter],
    } = await this.hub.get("/api/v1/dead-letters", { subscription, stream }, signal);
    if (signal.aborted) return;
    if (letter === undefined) {
      fill(this.#content, h("p", { class: "none" }, `${stream} is not parked by ${subscription}, or not any more.`));
      return;
    }
    const behind = this.hub.can("read")
      ? await this.hub.get(streamPath(stream, "/events"), { from: letter.sequence + 1, limit: LISTED }, signal)
      : undefined;
    if (signal.aborted) return;
    const count = behind === undefined ? undefined : Math.max(0, behind.head - letter.sequence);
    const item = (name, ...values) => [h("dt", {}, name), h("dd", {}, values)];
    fill(
      this.#content,
      h(
        "dl",
        { class: "attributes" },
        item(
          "failed event",
          h("a", { href: new State("streams", [stream, String(letter.sequence)]).href }, String(letter.sequence)),
          ` of partition ${letter.partition}`,
        ),
        item("attempts", String(letter.attempts)),
        item("parked", timeOf(letter.since, { exactFirst: true })),
        item("copies", `${letter.letters} in the dead letter queue`),
        item(
          "timeline",
          h(
            "a",
            { href: new State("timeline", [stream], { at: String(letter.sequence) }).href },
            "the event in the workflow",
          ),
        ),
      ),
      h("h2", {}, "Reasons"),
      letter.errors.length === 0
        ? h("p", { class: "none" }, "None were given.")
        : h(
            "ol",
            { start: Math.max(1, letter.attempts - letter.errors.length + 1) },
            letter.errors.map((error) => h("li", {}, h("pre", {}, error))),
          ),
      this.#operations({ subscription, stream, sequence: letter.sequence, behind: count }, signal, "This stream"),
      h("h2", {}, "What waits behind it"),
      behind === undefined
        ? h("p", { class: "none" }, "The credential does not permit reading streams.")
        : this.#behind(behind, count),
      h("h2", {}, "The event"),
      letter.event === undefined ? h("p", { class: "none" }, "It is not kept any more.") : eventInFull(letter.event),
    );
  }

  #behind({ events }, count) {
    if (events.length === 0) return h("p", { class: "none" }, "No event: a redrive ends with the failed one.");
    return [
      h(
        "p",
        { class: "hint" },
        `${counted(count, "event follows", "events follow")} in the stream; `,
        "those wait that match the subscription.",
      ),
      table(
        "Events behind it",
        [{ title: "#", number: true }, "type", "stored"],
        events.map((event) => [
          h("a", { href: eventLink(event).href }, event.hubsequence),
          event.type,
          timeOf(event.hubtime),
        ]),
      ),
      count > events.length &&
        h("p", {}, h("a", { href: new State("streams", [events[0].hubstream]).href }, "All events of the stream")),
    ];
  }

  #operations(about, signal, which) {
    if (!this.hub.can("admin")) return null;
    return h(
      "section",
      { "aria-label": `Operations on ${which.toLowerCase()}` },
      h("h2", {}, which),
      h(
        "p",
        { class: "actions" },
        WAYS.map((way) =>
          h(
            "button",
            {
              type: "button",
              class: way.danger ? "danger" : "primary",
              on: { click: () => this.guarded(this.#said, signal, () => this.#redrive(about, way, signal)) },
            },
            way.title,
          ),
        ),
      ),
    );
  }

  async #redrive(about, { how, action, danger }, signal) {
    const { subscription, stream } = about;
    const all = stream === undefined;
    const isSure = await confirm({
      title: `${action}: ${stream ?? `all of ${subscription}`}?`,
      body: ofRedrive(about, how),
      action,
      danger,
      typed: all && how === "drop" ? subscription : undefined,
    });
    if (!isSure) return;
    const { body } =
      how === "drop"
        ? await this.hub.request("DELETE", "/api/v1/dead-letters", { query: { subscription, stream }, signal })
        : await this.hub.request("POST", "/api/v1/dead-letters/redrive", {
            body: { subscription, how, ...(all ? {} : { stream }) },
            signal,
          });
    if (signal.aborted) return;
    const count = body.streams.length;
    fill(
      this.#said,
      notice(
        count === 1
          ? "Accepted: 1 stream goes on with the next turn of its partition."
          : `Accepted: ${count} streams go on with the next turns of their partitions.`,
        "good",
      ),
    );
    if (all) await this.guarded(this.#problem, signal, () => this.#list(subscription, signal));
    else
      fill(
        this.#content,
        h(
          "p",
          {},
          h("a", { href: new State("dead-letters", [subscription]).href }, `Other dead letters of ${subscription}`),
        ),
      );
  }
}

customElements.define("console-dead-letters", DeadLettersView);
