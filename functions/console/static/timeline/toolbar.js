/** What is shown of a timeline: the fields above it, which are those of the URL, and the buttons. */

import { h } from "../dom.js";

/** The fields and the buttons. */
export class Toolbar {
  #filter = h("input", { id: "tl-text", type: "search", autocomplete: "off", spellcheck: false });
  #show = select("tl-show", { "": "everything", failed: "failures", open: "what is open" });
  #by = select("tl-by", { "": "time", order: "order of events" });
  #causes = h("input", { id: "tl-causes", type: "checkbox" });

  /**
   * @param {{change: (query: Record<string, string | undefined>) => void, zoom: (factor: number) => void,
   *   nextFailure: () => void}} actions `change` receives parameters of the URL.
   */
  constructor({ change, zoom, nextFailure }) {
    this.#filter.addEventListener("input", () => change({ text: this.#filter.value }));
    this.#show.addEventListener("change", () => change({ show: this.#show.value }));
    this.#by.addEventListener("change", () => change({ by: this.#by.value, range: undefined }));
    this.#causes.addEventListener("change", () => change({ causes: this.#causes.checked ? "" : "no" }));
    const field = (label, control, kind = "field") =>
      h("div", { class: kind }, h("label", { for: control.id }, label), control);
    const button = (text, label, act) => h("button", { type: "button", "aria-label": label, on: { click: act } }, text);
    this.element = h(
      "div",
      { class: "fields" },
      field("Show", this.#show),
      field("Axis by", this.#by),
      field("Name or type contains", this.#filter, "field wide"),
      h(
        "div",
        { class: "actions" },
        h("span", { class: "tl-causes" }, this.#causes, h("label", { for: "tl-causes" }, "Causes")),
        button("+", "Zoom in", () => zoom(0.5)),
        button("−", "Zoom out", () => zoom(2)),
        button("All", "All: show the whole time", () => zoom(Infinity)),
        button("Next failure", "Next failure: go there", nextFailure),
      ),
    );
  }

  /** Whether causes are drawn. */
  get hasCauses() {
    return this.#causes.checked;
  }

  /** Show what the URL says. @param {import("../state.js").State} state */
  show(state) {
    this.#show.value = state.get("show");
    this.#by.value = state.get("by");
    this.#causes.checked = state.get("causes") !== "no";
    // What is being typed is ahead of the URL.
    if (document.activeElement !== this.#filter) this.#filter.value = state.get("text");
  }
}

function select(id, options) {
  return h(
    "select",
    { id },
    Object.entries(options).map(([value, text]) => h("option", { value }, text)),
  );
}
