/** What all views have in common. */

import { go } from "./state.js";

/**
 * A view: the shell makes one, sets `hub` and `state`, and appends it.
 *
 * A view overrides `show`, which is called once it is there and after each change of its state, and reads `this.hub` and
 * `this.state` there. `this.signal` is aborted when another view takes its place: pass it to requests and to listeners.
 */
export class View extends HTMLElement {
  #state;
  #ending = new AbortController();

  /** @type {import("./hub.js").Hub} */
  hub;

  /** @returns {import("./state.js").State} */
  get state() {
    return this.#state;
  }

  set state(state) {
    this.#state = state;
    if (this.isConnected) this.#show();
  }

  /** Aborted when the view ends. */
  get signal() {
    return this.#ending.signal;
  }

  connectedCallback() {
    this.#show();
  }

  disconnectedCallback() {
    this.#ending.abort();
  }

  /** Show the state. An error is shown in place of the view. @returns {void | Promise<void>} */
  show() {}

  /** Show the same state again, as it is now. */
  refresh() {
    return this.#show();
  }

  /** Go to another state of this view: `{query}` changes some parameters, `{path}` replaces the path. */
  go(changes, options) {
    const state = this.#state.with(changes.query ?? {});
    if (changes.path) state.path = changes.path;
    go(state, options);
  }

  /** Call a function now and then every so often, while the view is there and its tab is visible. */
  every(milliseconds, refresh) {
    let last = 0;
    let running = false;
    const tick = async () => {
      if (running || document.hidden || this.signal.aborted || Date.now() - last < milliseconds) return;
      running = true;
      try {
        await refresh();
      } catch (error) {
        this.fail(error);
      } finally {
        running = false;
        last = Date.now();
      }
    };
    const timer = setInterval(tick, Math.min(milliseconds, 1000));
    this.signal.addEventListener("abort", () => clearInterval(timer));
    document.addEventListener("visibilitychange", tick, { signal: this.signal });
    return tick();
  }

  /** Report an error to the shell, unless it comes from ending the view. */
  fail(error) {
    if (this.signal.aborted) return;
    this.dispatchEvent(new CustomEvent("console-error", { detail: error, bubbles: true }));
  }

  async #show() {
    try {
      await this.show();
    } catch (error) {
      this.fail(error);
    }
  }
}
