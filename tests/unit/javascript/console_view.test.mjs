/** What ends with a state of a view, and where its errors are shown. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

/** As much of an element as a view needs. */
class Element extends EventTarget {
  children = [];
  isConnected = true;
  dataset = {};

  get firstChild() {
    return this.children[0] ?? null;
  }

  get text() {
    return this.children.map((child) => child.text ?? child).join("");
  }

  append(...children) {
    this.children.push(...children);
  }

  replaceChildren(...children) {
    this.children = children;
  }

  querySelector() {
    return null;
  }

  setAttribute() {}
}

globalThis.HTMLElement = globalThis.Node = Element;
globalThis.document = Object.assign(new EventTarget(), { hidden: false, createElement: () => new Element() });
const { View } = await import("../../../functions/console/static/view.js");

/** A view whose states are shown until the test says how that ends. */
class Shown extends View {
  showing = [];
  failures = [];

  constructor() {
    super();
    this.addEventListener("console-error", ({ detail }) => this.failures.push(detail));
  }

  show(signal) {
    return new Promise((resolve, reject) => this.showing.push({ signal, resolve, reject }));
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("the signal of a state ends with the next state, and with the view", () => {
  const view = new Shown();
  view.state = "a";
  view.state = "b";
  const ended = () => [...view.showing.map(({ signal }) => signal.aborted), view.signal.aborted];
  assert.deepEqual(ended(), [true, false, false]);
  view.disconnectedCallback();
  assert.deepEqual(ended(), [true, true, true]);
});

test("an error of a state that is not shown any more is not reported", async () => {
  const view = new Shown();
  view.state = "a";
  view.state = "b";
  view.showing[0].reject(new Error("of a"));
  view.showing[1].reject(new Error("of b"));
  await settled();
  assert.deepEqual(
    view.failures.map(({ message }) => message),
    ["of b"],
  );
});

test("what is called now and then ends with its signal, not first with the view", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
  const view = new Shown();
  const ending = new AbortController();
  let calls = 0;
  await view.every(1000, new Element(), () => calls++, ending.signal);
  mock.timers.tick(1000);
  await settled();
  assert.equal(calls, 2);
  ending.abort();
  mock.timers.tick(5000);
  document.dispatchEvent(new Event("visibilitychange"));
  await settled();
  assert.deepEqual([calls, view.signal.aborted], [2, false]);
  mock.timers.reset();
});

test("an error is shown until a call succeeds", async () => {
  mock.timers.enable({ apis: ["setInterval", "Date"], now: 1_000_000 });
  const view = new Shown();
  const said = new Element();
  let fails = true;
  await view.every(1000, said, () => {
    if (fails) throw new Error("away");
  });
  assert.match(said.text, /away/);
  fails = false;
  mock.timers.tick(1000);
  await settled();
  assert.equal(said.text, "");
  view.disconnectedCallback();
  mock.timers.reset();
});

test("an invalid credential is reported to the shell, other errors are shown in place", async () => {
  const view = new Shown();
  const said = new Element();
  const failing = (error) => () => Promise.reject(error);
  const denied = Object.assign(new Error("expired"), { status: 401 });
  assert.equal(await view.guarded(said, view.signal, failing(denied)), false);
  assert.deepEqual([view.failures, said.text], [[denied], ""]);
  assert.equal(await view.guarded(said, view.signal, failing(new Error("away"))), false);
  assert.match(said.text, /away/);
  assert.equal(await view.guarded(said, view.signal, async () => {}), true);
  assert.equal(await view.guarded(said, AbortSignal.abort(), failing(denied)), false);
  assert.equal(view.failures.length, 1);
});
