/** Durable subscriptions and rules: a list of all, and how one of them stands; both are kept up to date. */

import { fill, h } from "../dom.js";
import { State } from "../state.js";
import { View } from "../view.js";
import { refill } from "../widgets/refill.js";
import { table } from "../widgets/table.js";
import { chart } from "../widgets/chart.js";
import { duration } from "../widgets/time.js";
import { targetName } from "./consequences.js";
import { collect, definition, health, lagText, members, parkedLink, partitions, summary } from "./figures.js";
import { operations } from "./operations.js";
import { collected } from "./samples.js";

const LIST_MS = 5000;
const DETAIL_MS = 2000;
const PAGE = 1000;
/** Without `admin` each is asked for by itself: that many of a page. */
const MOST_ASKED = 20;

/** What the views of subscriptions and of rules have in common. */
export class DurableView extends View {
  /** Whether those with a target are shown, or those with members. */
  static isRule = false;
  static title = "";
  static none = "";

  async show(signal) {
    const [name = ""] = this.state.path;
    if (name === "") await this.#showList(signal);
    else await this.#showOne(name, signal);
  }

  async #showList(signal) {
    const { isRule, title, none } = this.constructor;
    const prefix = h("input", {
      id: "durable-prefix",
      type: "search",
      value: this.state.get("prefix"),
      autocomplete: "off",
      spellcheck: false,
    });
    const list = h("div", {}, h("p", { class: "loading" }, "Loading …"));
    const said = h("div", { role: "alert" });
    fill(
      this,
      h("h1", {}, title),
      h(
        "form",
        {
          class: "fields",
          role: "search",
          on: {
            submit: (event) => {
              event.preventDefault();
              this.go({ query: { prefix: prefix.value.trim(), cursor: undefined } });
            },
          },
        },
        h("div", { class: "field" }, h("label", { for: "durable-prefix" }, "Name begins with"), prefix),
        h("button", { type: "submit" }, "Search"),
      ),
      said,
      list,
    );
    const query = { prefix: this.state.get("prefix"), cursor: this.state.get("cursor"), limit: PAGE };
    const refresh = async () => {
      const { subscriptions, next } = await this.hub.get("/api/v1/subscriptions", query, signal);
      const shown = subscriptions.filter(({ target }) => (target !== undefined) === isRule);
      const standings = await this.#standings(shown, signal);
      const now = Date.now();
      for (const standing of standings.values()) collect(collected, standing, now);
      if (signal.aborted) return;
      refill(
        list,
        shown.length === 0
          ? h("p", { class: "none" }, next ? "None on this page." : none)
          : this.#table(shown, standings),
        next && h("p", {}, h("a", { href: this.state.with({ cursor: next }).href }, "More")),
      );
    };
    await this.every(LIST_MS, said, refresh, signal);
  }

  async #standings(shown, signal) {
    if (this.hub.can("admin")) {
      const { subscriptions } = await this.hub.get("/api/v1/stats", {}, signal);
      return new Map(subscriptions.map((standing) => [standing.id, standing]));
    }
    const asked = shown
      .slice(0, MOST_ASKED)
      .map(({ id }) => this.hub.get(`/api/v1/subscriptions/${encodeURIComponent(id)}`, {}, signal));
    return new Map((await Promise.all(asked)).map((standing) => [standing.id, standing]));
  }

  #table(shown, standings) {
    const { isRule, title } = this.constructor;
    const numbers = ["in flight", "held", "parked"].map((each) => ({ title: each, number: true }));
    return table(
      title,
      ["name", isRule ? "target" : { title: "members", number: true }, "state", "lag", "oldest", ...numbers],
      shown.map((durable) => {
        const standing = standings.get(durable.id);
        const link = h("a", { href: new State(this.state.view, [durable.id]).href }, durable.id);
        const who = (known) =>
          isRule
            ? targetName(durable.target)
            : String(Array.isArray(known?.members) ? known.members.length : (known?.members ?? "–"));
        if (standing === undefined) return [link, who(), "–", "–", "–", "–", "–", "–"];
        return [
          link,
          who(standing),
          health({ ...standing, target: durable.target }),
          [chart(collected.series(durable.id, "lag"), { label: `Lag of ${durable.id}: ${lagText(standing)}` })],
          standing.oldest_age === null ? "–" : duration(standing.oldest_age * 1000),
          String(standing.in_flight),
          String(standing.held),
          parkedLink(standing, this.hub),
        ];
      }),
    );
  }

  async #showOne(name, signal) {
    const path = `/api/v1/subscriptions/${encodeURIComponent(name)}`;
    const figures = h("div", {}, h("p", { class: "loading" }, "Loading …"));
    const operating = h("div", {});
    const said = h("div", { role: "alert" });
    const done = h("div", { role: "status" });
    fill(
      this,
      h("p", {}, h("a", { href: new State(this.state.view).href }, `All ${this.constructor.title.toLowerCase()}`)),
      h("h1", {}, name),
      said,
      figures,
      operating,
      done,
    );
    let standing;
    let tag = "";
    const build = () =>
      this.hub.can("admin") &&
      fill(
        operating,
        operations({
          hub: this.hub,
          path,
          signal,
          guarded: (act) => this.guarded(done, signal, act),
          standing: () => standing,
          tag: () => tag,
          said: done,
          done: async (isDeleted) => {
            if (isDeleted) location.hash = new State(this.state.view).href;
            else await this.guarded(said, signal, refresh);
          },
        }),
      );
    const refresh = async () => {
      const { body, headers } = await this.hub.request("GET", path, { signal });
      if (signal.aborted) return;
      const isNew = standing === undefined || standing.version !== body.version;
      standing = body;
      tag = headers.get("ETag") ?? "";
      collect(collected, standing, Date.now());
      const isRule = standing.target !== undefined;
      const connections = isRule ? new Map() : await this.#connections(standing, signal);
      if (signal.aborted) return;
      refill(
        figures,
        isRule !== this.constructor.isRule &&
          h(
            "p",
            {},
            h(
              "a",
              { href: new State(isRule ? "rules" : "subscriptions", [name]).href },
              isRule ? "It has a target: see it as a rule" : "It has no target: see it as a subscription",
            ),
          ),
        summary(standing, collected, this.hub),
        h("h2", {}, "Definition"),
        definition(standing),
        !isRule && [h("h2", {}, "Members"), members(standing, connections)],
        h("h2", {}, "Partitions"),
        partitions(standing, collected),
      );
      // What is being entered is kept, unless the definition is another one.
      if (isNew) build();
    };
    await this.every(DETAIL_MS, said, refresh, signal);
  }

  /** The connections of members by their ids, for those who may see them. */
  async #connections({ members: all }, signal) {
    if (!this.hub.can("admin") || all.length === 0) return new Map();
    const { connections } = await this.hub.get("/api/v1/connections", { limit: PAGE }, signal);
    return new Map(connections.map((connection) => [connection.id, connection]));
  }
}
