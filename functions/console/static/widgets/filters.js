/** The form that selects events: the dialects of the hub, each checked by the hub while one types. */

import { fill, h } from "../dom.js";

/** The parameters of the URL that a selection consists of. */
export const FILTER_FIELDS = ["type", "stream", "filter", "filter_name", "filters"];

const PAUSE_MS = 300;

/**
 * What to subscribe to, for `eventstore.js`.
 *
 * @param {import("../state.js").State} state
 * @throws {TypeError} `filters` is not JSON.
 */
export function selectionOf(state) {
  const { type, stream, filter, filter_name: filterName, filters } = valuesOf(state);
  return {
    ...(type ? { type: listed(type) } : {}),
    ...(stream ? { stream: listed(stream) } : {}),
    ...(filterName ? { filterName } : {}),
    filters: [...(filter ? [{ sql: filter }] : []), ...(filters ? parsed(filters) : [])],
  };
}

/**
 * The same as parameters of a URL of the REST API, which has all dialects but `filters`.
 *
 * @param {import("../state.js").State} state
 */
export function parametersOf(state) {
  const { type, filter, filter_name } = valuesOf(state);
  return { type: type ? listed(type) : undefined, filter: filter || undefined, filter_name: filter_name || undefined };
}

/** A form for a selection. It dispatches `apply` with the parameters of the URL as its detail. */
export class FilterForm extends HTMLElement {
  /** @type {import("../hub.js").Hub} */
  hub;
  /** Which of `FILTER_FIELDS` there are, and `from`. @type {string[]} */
  fields = [...FILTER_FIELDS, "from"];
  /**
   * Fields of the view's own: their names in the URL, titles and inputs; `read` and `write` convert the text of the URL.
   *
   * @type {{name: string, title: string, input: HTMLElement, read?: (value: string) => string, write?: (text: string) => string}[]}
   */
  extras = [];

  #inputs = {};
  #converters = {};
  #problem = h("p", { class: "hint", id: "filter-problem", role: "status" });
  #checking = new AbortController();
  #timer;

  connectedCallback() {
    if (this.#inputs.type) return;
    const names = { list: "filter-names" };
    const made = {
      type: () => this.#field("type", "Type", { placeholder: "io.flunq.task.*" }),
      stream: () => this.#field("stream", "Stream", { placeholder: "any" }),
      filter: () => this.#field("filter", "CloudEvents SQL", { placeholder: "subject LIKE 'order-%'", wide: true }),
      filter_name: () => this.#field("filter_name", "Named filter", names),
      filters: () => this.#field("filters", "Filters (JSON)", { placeholder: '[{"prefix":{"subject":"order-"}}]', wide: true }),
      from: () => this.#start(),
    };
    fill(this,
      h("form", { class: "filters", on: { submit: (event) => this.#apply(event), input: () => this.#later() } },
        h("div", { class: "fields" },
          this.fields.map((name) => made[name]()),
          this.extras.map((extra) => this.#extra(extra)),
          h("div", { class: "field" }, h("button", { type: "submit" }, "Apply"))),
        this.#problem));
    this.#loadNames();
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#checking.abort();
  }

  /** Show a state: what was typed and not applied goes. @param {import("../state.js").State} state */
  show(state) {
    const values = valuesOf(state);
    for (const [name, input] of Object.entries(this.#inputs)) {
      const value = this.#converters[name]?.write?.(state.get(name)) ?? values[name] ?? state.get(name);
      if (input.value !== value) input.value = value;
    }
    this.#report();
  }

  #field(name, title, { wide = false, ...properties }) {
    const input = h("input", { id: `filter-${name}`, name, spellcheck: false, autocomplete: "off", "aria-describedby": "filter-problem", ...properties });
    this.#inputs[name] = input;
    return h("div", { class: wide ? "field wide" : "field" }, h("label", { for: input.id }, title), input);
  }

  #extra({ name, title, input, ...converters }) {
    Object.assign(input, { id: `filter-${name}`, name });
    this.#inputs[name] = input;
    this.#converters[name] = converters;
    return h("div", { class: "field" }, h("label", { for: input.id }, title), input);
  }

  #start() {
    const input = h("select", { id: "filter-from", name: "from" }, h("option", { value: "" }, "now"), h("option", { value: "start" }, "the oldest event"));
    this.#inputs.from = input;
    return h("div", { class: "field" }, h("label", { for: input.id }, "From"), input);
  }

  #values() {
    return Object.fromEntries(Object.entries(this.#inputs).map(([name, input]) => {
      const text = input.value.trim();
      return [name, this.#converters[name]?.read?.(text) ?? text];
    }));
  }

  #apply(event) {
    event.preventDefault();
    const { type, stream, ...rest } = this.#values();
    const query = { ...rest, type: type ? listed(type) : undefined, stream: stream ? listed(stream) : undefined };
    this.dispatchEvent(new CustomEvent("apply", { detail: query }));
  }

  #later() {
    clearTimeout(this.#timer);
    this.#checking.abort();
    this.#timer = setTimeout(() => this.#check(), PAUSE_MS);
  }

  async #check() {
    const checking = new AbortController();
    this.#checking = checking;
    try {
      await checked(this.hub, this.#values(), checking.signal);
      if (!checking.signal.aborted) this.#report();
    } catch (error) {
      if (!checking.signal.aborted) this.#report(error);
    }
  }

  #report(error) {
    const wrong = error && fieldOf(error);
    for (const [name, input] of Object.entries(this.#inputs)) {
      if (name === wrong) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
    this.#problem.classList.toggle("bad", error !== undefined);
    this.#problem.textContent = error === undefined ? "" : `Not valid: ${error.detail ?? error.message}`;
  }

  async #loadNames() {
    if (!this.fields.includes("filter_name")) return;
    try {
      const { filters = [] } = await this.hub.get("/api/v1/filters", { limit: 100 });
      this.append(h("datalist", { id: "filter-names" }, filters.map(({ name }) => h("option", { value: name }))));
    } catch {
      // The names are only suggestions.
    }
  }
}

/**
 * Check a selection as one types it, which opens nothing that lasts.
 *
 * The check of a handshake knows all dialects that stand in a URL. For `filters` there is only a subscription itself: it is
 * closed once it is confirmed.
 */
async function checked(hub, { type, stream, filter, filter_name, filters }, signal) {
  const query = { type: type ? listed(type) : undefined, stream: stream ? listed(stream) : undefined, filter, filter_name };
  if (hub.can("subscribe")) await hub.request("GET", "/api/v1/handshake", { query, signal, headers: {} });
  if (!filters) return;
  const list = parsed(filters);
  if (!hub.can("subscribe")) return;
  const subscription = hub.store.subscribe({
    filters: list, signal, patienceMs: 0, onStatus: ({ state }) => state === "connected" && subscription.close(),
  }, () => {});
  await subscription.done;
}

/** The fields of errors that name no place. */
const BY_CODE = { "filter-not-found": "filter_name", "invalid-stream": "stream", "stream-gone": "stream" };

/** The field that an error is about. */
function fieldOf(error) {
  const pointer = error.problem?.errors?.[0]?.pointer ?? error.problem?.pointer ?? error.field ?? "";
  return FILTER_FIELDS.find((name) => name === pointer) ?? (/filters/.test(pointer) ? "filters" : BY_CODE[error.code]);
}

function parsed(text) {
  let filters;
  try {
    filters = JSON.parse(text);
  } catch (error) {
    throw Object.assign(new TypeError(`filters must be JSON, such as [{"exact":{"type":"a"}}]: ${error.message}`), { field: "filters" });
  }
  return Array.isArray(filters) ? filters : [filters];
}

function valuesOf(state) {
  return {
    type: state.query.getAll("type").join(", "),
    stream: state.query.getAll("stream").join(", "),
    filter: state.get("filter"),
    filter_name: state.get("filter_name"),
    filters: state.get("filters"),
    from: state.get("from"),
  };
}

function listed(text) {
  return text.split(/[\s,]+/).filter(Boolean);
}

customElements.define("console-filter-form", FilterForm);
