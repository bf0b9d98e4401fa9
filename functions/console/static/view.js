/** What all views have in common. */

import { fill } from "./dom.js";
import { go } from "./state.js";
import { errorNotice } from "./widgets/notice.js";

/**
 * A view: the shell makes one, sets `hub` and `state`, and appends it.
 *
 * A view overrides `show`, which is called once it is there and after each change of its state, and reads `this.hub` and
 * `this.state` there. `this.signal` is aborted when another view takes its place, the signal of `show` already when another
 * state does: pass one of them to requests and to listeners.
 */
export class View extends HTMLElement {
  #state;
  #ending = new AbortController();
  #showing = new AbortController();

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
    this.#showing.abort();
  }

  /**
   * Show the state. An error is shown above the view.
   *
   * @param {AbortSignal} signal Aborted when another state is shown, or the view ends.
   * @returns {void | Promise<void>}
   */
  show(signal) {}

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

  /**
   * Call a function now and then every so often, while the tab is visible, until a signal is aborted: that of the view by
   * default. An error is shown in `said` until a call succeeds.
   */
  every(milliseconds, said, refresh, signal = this.signal) {
    let last = 0;
    let running = false;
    const tick = async () => {
      if (running || document.hidden || signal.aborted || Date.now() - last < milliseconds) return;
      running = true;
      const succeeded = await this.guarded(said, signal, refresh);
      if (succeeded && !signal.aborted && said.firstChild) fill(said);
      running = false;
      last = Date.now();
    };
    if (signal.aborted) return Promise.resolve();
    const timer = setInterval(tick, Math.min(milliseconds, 1000));
    signal.addEventListener("abort", () => clearInterval(timer));
    document.addEventListener("visibilitychange", tick, { signal });
    return tick();
  }

  /**
   * Call a function, and show its error in `said`, unless the error comes from what the signal ended. An invalid credential
   * leads to signing in.
   *
   * @param {HTMLElement} said
   * @param {AbortSignal} signal
   * @param {() => unknown} act
   * @returns {Promise<boolean>} Whether it succeeded.
   */
  async guarded(said, signal, act) {
    try {
      await act();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      this.querySelector(".loading")?.remove();
      if (error.status === 401) this.fail(error, signal);
      else fill(said, errorNotice(error));
      return false;
    }
  }

  /** Report an error to the shell, unless it comes from what the signal ended: the view by default. */
  fail(error, signal = this.signal) {
    if (signal.aborted) return;
    this.dispatchEvent(new CustomEvent("console-error", { detail: error, bubbles: true }));
  }

  async #show() {
    this.#showing.abort();
    this.#showing = new AbortController();
    const { signal } = this.#showing;
    try {
      await this.show(signal);
    } catch (error) {
      this.fail(error, signal);
    }
  }
}
