/** A hub in this process: requests and connections of the module end here, and a test answers them. */

/** What a test waits for, with a limit, so that a mistake fails and does not hang. */
export const within = (promise, what, ms = 5_000) =>
  Promise.race([
    promise,
    new Promise((_, reject) => setTimeout(() => reject(new Error(`timeout: ${what}`)), ms).unref()),
  ]);

/** A list whose items can be awaited. */
export class Arrivals {
  #items = [];
  #waiting = [];

  add(item) {
    const next = this.#waiting.shift();
    if (next) next(item);
    else this.#items.push(item);
  }

  next(what = "an arrival") {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return within(new Promise((resolve) => this.#waiting.push(resolve)), what);
  }

  get size() {
    return this.#items.length;
  }
}

export class FakeHub {
  sockets = new Arrivals();
  requests = [];
  /** Answers by "METHOD path", or for all: each is called, or taken from the front of a list. */
  answers = {};
  /** How connections are answered. */
  accepts = true;
  refuses = (socket) => socket.onclose?.({ code: 1006, reason: "" });
  warnings = [];

  options = (more = {}) => {
    const hub = this;
    return {
      firstDelayMs: 1,
      longestDelayMs: 4,
      log: { warn: (text) => hub.warnings.push(text) },
      fetch: (url, request) => hub.#answer(url, request),
      WebSocket: class extends FakeSocket {
        constructor(url, protocols) {
          super(url, protocols, hub);
        }
      },
      ...more,
    };
  };

  async #answer(url, request) {
    const { pathname, search } = new URL(url);
    const { method = "GET", headers, body } = request;
    const call = { method, path: pathname + search, headers, body };
    this.requests.push(call);
    const listed = this.answers[`${call.method} ${pathname}`];
    const answer = Array.isArray(listed) ? (listed.length > 1 ? listed.shift() : listed[0]) : listed;
    const made = typeof answer === "function" ? await answer(call, request) : answer;
    if (made === undefined) throw new TypeError("fetch failed");
    return made;
  }
}

export const json = (status, value, headers = {}) =>
  new Response(value === undefined ? null : JSON.stringify(value), { status, headers });

export const problem = (status, code, members = {}) =>
  json(status, { status, code, detail: `about ${code}`, ...members });

class FakeSocket {
  onopen = null;
  onclose = null;
  onerror = null;
  onmessage = null;
  sent = new Arrivals();
  isClosed = false;

  constructor(url, protocols, hub) {
    this.url = url;
    this.protocols = protocols;
    setTimeout(() => {
      if (!hub.accepts) return hub.refuses(this);
      this.onopen?.();
      hub.sockets.add(this);
    });
  }

  send(text) {
    this.sent.add(JSON.parse(text));
  }

  close() {
    this.isClosed = true;
  }

  /** Send a message of the hub. */
  give(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** Confirm the subscription; return the request. */
  async confirm(members = {}) {
    const request = await this.sent.next("a subscribe");
    const begun = { cursor: "start", recovery: "complete", partitions: [0, 1] };
    this.give({ type: "subscribed", id: request.id, ...begun, ...members });
    return request;
  }

  frame(partition, frame, events, members = {}) {
    this.give({ type: "events", id: "s", partition, frame, events, cursor: `p${partition}-${frame}`, ...members });
  }

  lose() {
    this.onclose?.({ code: 1006, reason: "" });
  }
}

export const recorded = (stream, sequence, members = {}) => ({
  specversion: "1.0",
  id: `${stream}-${sequence}`,
  source: "/test",
  type: "t",
  hubstream: stream,
  hubsequence: String(sequence),
  hubtime: "2026-01-01T00:00:00Z",
  ...members,
});
