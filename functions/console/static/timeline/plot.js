/**
 * The rows of a timeline on the screen: only those that can be seen are in the page, however many there are.
 *
 * It is a tree for screen readers: runs, and what belongs to each. The focus stays on the tree, which names its active
 * row.
 *
 * @module
 */

import { fill, h, svg } from "../dom.js";
import { ROW, arrowsOf, drawn } from "./drawing.js";
import { STATES, describe, marksOf } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./model.js").Entry} Entry */
/** @typedef {import("./model.js").Arrow} Arrow */
/** @typedef {import("./scale.js").Scale} Scale */

const AXIS = 24;
/** Rows above and below those that can be seen, so that scrolling shows no empty space. */
const SPARE = 12;

/**
 * What is shown.
 *
 * @typedef {{rows: Row[], arrows: Arrow[], scale: Scale, now: number, collapsed: Set<string>, selected: Row | undefined,
 *   at: Entry | undefined}} Scene
 *
 * @typedef {object} Actions
 * @property {(row: Row, entry?: Entry) => void} select A row was chosen, and perhaps one of its events.
 * @property {(row: Row, isOpen: boolean) => void} toggle A run is to be opened or closed.
 * @property {(scale: Scale) => void} zoom
 * @property {() => void} resize The width of the plot has changed.
 */

/** Draws a scene, and reports what the reader does. */
export class Plot {
  /** @type {Scene | undefined} */
  #scene;
  #actions;
  /** The row that the keyboard is at. */
  #active = 0;
  /** The place of each run and item among the rows. @type {Map<object, number>} */
  #places = new Map();
  /** The rows in the page: from, to. */
  #window = [0, 0];
  #axis = svg("svg", { class: "tl-axis", "aria-hidden": "true", height: AXIS });
  #layer = h("div", { class: "tl-layer", role: "presentation" });
  #space = h("div", { class: "tl-space", role: "presentation" }, this.#layer);
  #tree = h(
    "div",
    {
      class: "tl-tree",
      role: "tree",
      tabIndex: 0,
      "aria-label": "Runs, and their tasks, steps, timers and other events",
      "aria-describedby": "tl-keys",
    },
    this.#space,
  );
  element = h(
    "div",
    { class: "tl-plot" },
    h("div", { class: "tl-head" }, h("span", { class: "tl-corner" }), this.#axis),
    this.#tree,
  );

  /**
   * @param {Actions} actions
   * @param {AbortSignal} signal
   */
  constructor(actions, signal) {
    this.#actions = actions;
    this.#tree.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#tree.addEventListener("keydown", (event) => this.#pressed(event));
    this.#tree.addEventListener("click", (event) => this.#clicked(event));
    this.#tree.addEventListener("wheel", (event) => this.#wheeled(event), { passive: false });
    const sizes = new ResizeObserver(() => this.#actions.resize());
    sizes.observe(this.#axis.parentElement);
    sizes.observe(this.#tree);
    signal.addEventListener("abort", () => sizes.disconnect());
  }

  /** The width in pixels between the labels and the border. */
  get width() {
    return Math.max(50, this.#tree.clientWidth - this.#labelWidth);
  }

  get #labelWidth() {
    return this.#axis.parentElement.firstElementChild.offsetWidth;
  }

  /** @param {Scene} scene */
  draw(scene) {
    const active = this.#scene?.rows[this.#active]?.key;
    this.#scene = scene;
    this.#places = new Map(scene.rows.map(({ run, item }, index) => [item ?? run, index]));
    // Rows come and go above the active one.
    if (active !== undefined && scene.rows[this.#active]?.key !== active) {
      this.#active = Math.max(
        0,
        scene.rows.findIndex(({ key }) => key === active),
      );
    }
    this.#space.style.height = `${scene.rows.length * ROW}px`;
    this.#tree.classList.toggle("tl-empty", scene.rows.length === 0);
    this.#drawAxis(scene.scale);
    this.#drawRows();
  }

  /** Scroll to a row, and make it the active one. @param {Row} row */
  reveal(row) {
    const index = this.#scene?.rows.findIndex(({ key }) => key === row.key) ?? -1;
    if (index >= 0) this.#activate(index);
  }

  #scrolled() {
    const [first, last] = this.#visible();
    if (first < this.#window[0] || last > this.#window[1]) this.#drawRows();
  }

  #visible() {
    const count = this.#scene?.rows.length ?? 0;
    const first = Math.floor(this.#tree.scrollTop / ROW);
    return [Math.min(first, count), Math.min(count, first + Math.ceil(this.#tree.clientHeight / ROW) + 1)];
  }

  /** @param {Scale} scale */
  #drawAxis(scale) {
    this.#axis.setAttribute("width", String(scale.width));
    fill(
      this.#axis,
      scale
        .ticks()
        .map(({ x, label }) => [
          svg("line", { x1: x, x2: x, y1: AXIS - 6, y2: AXIS, class: "tl-tick" }),
          svg(
            "text",
            { x: Math.min(x + 3, scale.width - 3), y: AXIS - 8, "text-anchor": x > scale.width - 50 ? "end" : "start" },
            label,
          ),
        ]),
    );
  }

  #drawRows() {
    const scene = this.#scene;
    if (scene === undefined) return;
    const [first, last] = this.#visible();
    const from = Math.max(0, first - SPARE);
    const to = Math.min(scene.rows.length, last + SPARE);
    this.#window = [from, to];
    this.#layer.style.transform = `translateY(${from * ROW}px)`;
    const shown = scene.rows.slice(from, to);
    const drawing = svg("svg", {
      class: "tl-drawing",
      "aria-hidden": "true",
      width: scene.scale.width,
      height: (to - from) * ROW,
    });
    drawing.append(
      ...scene.scale
        .ticks()
        .map(({ x }) => svg("line", { x1: x, x2: x, y1: 0, y2: (to - from) * ROW, class: "tl-line" })),
      ...shown.flatMap((row, index) => drawn(row, index * ROW, scene)),
      ...arrowsOf(scene, this.#places, from, to),
    );
    fill(
      this.#layer,
      shown.map((row, index) => this.#label(row, from + index)),
      drawing,
    );
    this.#tree.setAttribute("aria-activedescendant", shown.length > 0 ? `tl-row-${this.#active}` : "");
  }

  /** @param {Row} row @param {number} index */
  #label(row, index) {
    const { collapsed, selected, now, rows } = /** @type {Scene} */ (this.#scene);
    const { run, item } = row;
    const state = item === null ? run.state : item.state;
    const isRun = item === null;
    const text = isRun ? run.name || run.execution || run.stream : item.label;
    const hidden = isRun && collapsed.has(run.key);
    const words = describe(row, now);
    return h(
      "div",
      {
        id: `tl-row-${index}`,
        role: "treeitem",
        "aria-level": isRun ? 1 : 2,
        "aria-setsize": rows.length,
        "aria-posinset": index + 1,
        "aria-selected": String(row.key === selected?.key),
        "aria-expanded": isRun && run.items.length > 0 ? String(!hidden) : undefined,
        "aria-label": words,
        class: `tl-row${isRun ? " tl-run" : ""}${index === this.#active ? " tl-active" : ""}`,
        title: words,
        data: { index: String(index) },
      },
      h(
        "span",
        { class: "tl-label", "aria-hidden": "true" },
        isRun && h("span", { class: "tl-toggle" }, run.items.length === 0 ? "" : hidden ? "▸" : "▾"),
        h("span", { class: `tl-sign tl-${state ?? "mark"}` }, state === null ? "•" : STATES[state].sign),
        h("span", { class: "tl-name" }, text),
      ),
    );
  }

  /** @param {number} index */
  #activate(index) {
    const count = this.#scene?.rows.length ?? 0;
    this.#active = Math.max(0, Math.min(index, count - 1));
    const top = this.#active * ROW;
    const { scrollTop, clientHeight } = this.#tree;
    if (top < scrollTop) this.#tree.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight) this.#tree.scrollTop = top + ROW - clientHeight;
    this.#drawRows();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const scene = this.#scene;
    if (scene === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.#tree.clientHeight / ROW) - 1);
    const row = scene.rows[this.#active];
    const { scale } = scene;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => this.#activate(this.#active + 1),
      ArrowUp: () => this.#activate(this.#active - 1),
      PageDown: () => this.#activate(this.#active + page),
      PageUp: () => this.#activate(this.#active - page),
      Home: () => this.#activate(0),
      End: () => this.#activate(Infinity),
      Enter: () => row && this.#actions.select(row),
      " ": () => row && this.#actions.select(row),
      ArrowRight: () =>
        event.shiftKey ? this.#actions.zoom(scale.moved(0.25)) : row && this.#actions.toggle(row, true),
      ArrowLeft: () => (event.shiftKey ? this.#actions.zoom(scale.moved(-0.25)) : row && this.#leave(row)),
      "+": () => this.#actions.zoom(scale.zoomed(0.5)),
      "=": () => this.#actions.zoom(scale.zoomed(0.5)),
      "-": () => this.#actions.zoom(scale.zoomed(2)),
      0: () => this.#actions.zoom(scale.zoomed(Infinity)),
    };
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  /** Close a run, or go from what belongs to it to the run. @param {Row} row */
  #leave(row) {
    if (row.item === null) this.#actions.toggle(row, false);
    else
      this.#activate(
        /** @type {Scene} */ (this.#scene).rows.findIndex(({ run, item }) => run === row.run && item === null),
      );
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const scene = this.#scene;
    const target = /** @type {Element} */ (event.target);
    const number = target.getAttribute("data-entry");
    // The drawing lies over the rows.
    const label = target.closest("[data-index]");
    const y = event.clientY - this.#space.getBoundingClientRect().top;
    const index = label === null ? Math.floor(y / ROW) : Number(label.getAttribute("data-index"));
    const row = scene?.rows[index];
    if (row === undefined) return;
    this.#active = index;
    if (target.classList.contains("tl-toggle")) this.#actions.toggle(row, scene?.collapsed.has(row.run.key) ?? false);
    else
      this.#actions.select(
        row,
        number === null ? undefined : marksOf(row).find((entry) => entry.index === Number(number)),
      );
  }

  /** @param {WheelEvent} event */
  #wheeled(event) {
    if (this.#scene === undefined || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    const x = event.clientX - this.#tree.getBoundingClientRect().left - this.#labelWidth;
    this.#actions.zoom(this.#scene.scale.zoomed(event.deltaY < 0 ? 0.8 : 1.25, Math.max(0, x)));
  }
}
