/**
 * Publish, read and follow the events of a flunq-eventstore hub, in browsers and in Node.js.
 *
 * One file without dependencies: a hub serves it as /api/v1/eventstore.js, and npm installs it as a package.
 * The hub's protocol is docs/protocol.md; docs/client.md describes this module.
 *
 * EventStoreError
 * ├── ProblemError             the hub rejected the request; `code` and `detail` say why
 * │   ├── Invalid              the request is invalid: correct it; retrying does not help
 * │   │   └── TooLarge         the request is too large: send fewer or smaller events
 * │   ├── Conflict             the hub's state differs from what the caller expects: read it, then decide
 * │   │   ├── WrongExpectedVersion   the stream does not end at the expected sequence
 * │   │   └── EventConflict    the stream holds another event of the same source and id
 * │   ├── NotFound             the resource does not exist, or not yet
 * │   ├── Gone                 the resource was deleted permanently: use another name, or start over
 * │   ├── Denied               the credentials are missing, invalid or not sufficient: use other credentials
 * │   └── Unavailable          the hub cannot process the request for now: retry later, which is safe
 * ├── ConnectFailed            the hub cannot be reached, or the token is not available: retried like Unavailable
 * ├── UnexpectedAnswer         the response is not from a hub: correct the address
 * └── HistoryLost              events were removed before they were received: decide, then resume from `cursor`
 *
 * @module
 */

/**
 * A CloudEvent in the JSON format. `specversion` and `id` are added where they are missing.
 *
 * @typedef {Record<string, any> & {source: string, type: string}} NewEvent
 *
 * An event as the hub stores it; `hubsequence` is a decimal number.
 *
 * @typedef {Record<string, any> & {
 *   id: string, source: string, type: string, hubstream: string, hubsequence: string, hubtime: string
 * }} RecordedEvent
 *
 * The position of a published event; `duplicate` says that it was stored before.
 *
 * @typedef {{stream: string, sequence: number, id: string, duplicate: boolean}} Published
 *
 * Events that were removed before they were received: by retention or deletion (`missing`, incomplete if `more`), with
 * their stream (`gone`), or because partitions were reset (`renewed`).
 *
 * @typedef {{
 *   missing: {stream: string, first: number, last: number}[], more: boolean, gone: string[], renewed: number[]
 * }} Loss
 *
 * A page of events; `next` is the cursor of the following page, and absent on the last one.
 *
 * @typedef {{events: RecordedEvent[], next?: string, [member: string]: any}} Page
 *
 * The state of a subscription: `connected` to the hub; `live` after all stored events were handled; `retrying` after
 * `error`, in `delayMs`; `closed`, by the caller or with an error.
 *
 * @typedef {{state: "connected" | "live" | "retrying" | "closed", error?: Error, delayMs?: number}} Status
 *
 * @typedef {{getItem(key: string): string | null, setItem(key: string, value: string): void,
 *   removeItem(key: string): void}} CursorStorage
 *
 * @typedef {object} StoreOptions
 * @property {string} [webSocketUrl] The WebSocket address; by default `/ws` of a hub whose address has no path.
 * @property {string | (() => string | Promise<string>)} [token] A bearer token, or a function that returns a valid one.
 *   The function is called for every new connection, and again after a 401.
 * @property {string} [apiKey] An API key, instead of a token.
 * @property {number} [patienceMs] How long a request is retried; 30,000 by default.
 * @property {number} [timeoutMs] How long the hub may take for one answer; 35,000 by default.
 * @property {number} [firstDelayMs] The bound of the first pause between attempts, which doubles; 100 by default.
 * @property {number} [longestDelayMs] The greatest bound; 10,000 by default.
 * @property {number} [pingEveryMs] After how long without a message the connection is probed; 60,000 by default.
 * @property {{warn(text: string): void} | null} [log] Receives what delays a subscription; `console` by default.
 * @property {typeof globalThis.fetch} [fetch] Instead of the global function.
 * @property {typeof globalThis.WebSocket} [WebSocket] Instead of the global class.
 *
 * @typedef {object} RequestOptions
 * @property {AbortSignal} [signal] Ends the request, which then fails with the signal's reason.
 * @property {number} [patienceMs] Instead of the store's.
 *
 * @typedef {RequestOptions & {stream?: string, expected?: number}} PublishOptions
 *
 * Parameters of the URL, such as `from`, `limit` and `type` (/api/v1/docs); a list is repeated.
 *
 * @typedef {RequestOptions & {onLoss?: (loss: Loss) => unknown, filterName?: string, [parameter: string]: any}}
 *   ReadOptions
 *
 * @typedef {object} SubscribeOptions
 * @property {string | string[]} [type] Only these types; one that ends in `*` is a prefix.
 * @property {object[]} [filters] Filters of docs/protocol.md, all of which must match.
 * @property {string} [filterName] A named filter, which must match as well.
 * @property {string | string[]} [stream] Only these streams.
 * @property {"now" | "start"} [from] Where to start without a cursor; `now` by default.
 * @property {string} [cursor] The position to resume from.
 * @property {string} [keep] A name under which the position is kept in `storage`, and resumed from.
 * @property {CursorStorage} [storage] By default `sessionStorage`, which belongs to one tab and survives reloads.
 * @property {AbortSignal} [signal] Closes the subscription.
 * @property {number} [patienceMs] How long connecting is retried; for ever by default.
 * @property {(loss: Loss) => unknown} [onLoss] Accepts losses; without it, a loss ends the subscription.
 * @property {(status: Status) => unknown} [onStatus] Receives changes of the state.
 * @property {boolean} [fetchData] Whether to fetch the data of events that are too large for a frame; yes by default.
 */

const SUBPROTOCOL = "eventstore.v1";
const OWN_PATH = "/api/v1/eventstore.js";
/** The id of every subscription: a connection carries only one. */
const ID = "s";
/** How many frames, of at most 96 KiB, may wait to be handled; more are read again later, from the cursor. */
const MOST_WAITING = 128;
const FIRST_WARNING_MS = 10_000;
const LONGEST_WARNING_MS = 600_000;
/** With these codes the hub ends a connection, not the subscription. */
const ENDS_CONNECTION = new Set(["connection-not-found", "going-away", "store-reset"]);
/** An iterator's result after its end. */
const END = Object.freeze({ done: /** @type {const} */ (true), value: undefined });

/** The base class of the errors of this module. */
export class EventStoreError extends Error {
  /**
   * @param {string} message
   * @param {ErrorOptions} [options]
   */
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The hub rejected the request with a problem (RFC 9457). */
export class ProblemError extends EventStoreError {
  /**
   * @param {{status?: number, code: string, detail: string, problem: Record<string, any>, retryAfterMs?: number}} about
   */
  constructor({ status, code, detail, problem, retryAfterMs }) {
    super(`${detail} (${code}${status === undefined ? "" : `, HTTP ${status}`})`);
    /** The HTTP status; undefined over WebSocket. */
    this.status = status;
    /** The stable code of the problem. */
    this.code = code;
    /** What is wrong, and what would be right. */
    this.detail = detail;
    /** All members; a publish of which a part was stored has `results`. */
    this.problem = problem;
    /** How long the hub asks to wait. */
    this.retryAfterMs = retryAfterMs;
  }
}
/** The request violates a rule; nothing was stored. */
export class Invalid extends ProblemError {}
/** The request exceeds a limit (413). */
export class TooLarge extends Invalid {}
/** The hub's state differs from what the caller expects (409, 412). */
export class Conflict extends ProblemError {}
/** The stream ends at another sequence (412). */
export class WrongExpectedVersion extends Conflict {
  /** The sequence at which the stream ends. @returns {number} */
  get actual() {
    return this.problem.actual;
  }
}
/** The stream holds another event of the same source and id (409). */
export class EventConflict extends Conflict {}
/** There is no such stream, event or filter (404). */
export class NotFound extends ProblemError {}
/** The stream was deleted permanently, or the store was reset since a cursor was issued (410). */
export class Gone extends ProblemError {}
/** The credentials are missing, invalid or not sufficient (401, 403). */
export class Denied extends ProblemError {}
/** The hub cannot process the request for now (408, 429, 5xx). */
export class Unavailable extends ProblemError {}
/** The hub cannot be reached, a connection was lost, or the token is not available. A `token` function may throw it. */
export class ConnectFailed extends EventStoreError {}
/** The response is not one that a hub sends. */
export class UnexpectedAnswer extends EventStoreError {}
/** Events were removed before they were received. */
export class HistoryLost extends EventStoreError {
  /**
   * @param {Loss} loss
   * @param {string} [cursor]
   */
  constructor(loss, cursor) {
    super(`${describeLoss(loss)}; pass onLoss to continue${cursor ? ", or resume from the error's cursor" : ""}`);
    /** What was lost. */
    this.loss = loss;
    /** The position behind the loss, if a subscription lost events. */
    this.cursor = cursor;
  }
}

/**
 * The error of each code, and of a status without a known code. Every other 5xx is `Unavailable`.
 *
 * @type {Record<string | number, typeof ProblemError>}
 */
const KINDS = {
  "backend-mismatch": Unavailable, "format-mismatch": Unavailable, "index-diverged": Unavailable, internal: Unavailable,
  "outcome-unknown": Unavailable, "partition-mismatch": Unavailable, "queue-unavailable": Unavailable,
  "shard-mismatch": Unavailable, "store-closed": Unavailable, "store-full": Unavailable,
  "store-unavailable": Unavailable, unavailable: Unavailable, "event-conflict": EventConflict,
  "filter-not-found": NotFound, forbidden: Denied, "stream-gone": Gone, "too-large": TooLarge,
  "too-many-subscriptions": Conflict, unauthorized: Denied,
  "wrong-expected-version": WrongExpectedVersion,
  401: Denied, 403: Denied, 404: NotFound, 408: Unavailable, 409: Conflict, 410: Gone, 412: WrongExpectedVersion,
  413: TooLarge, 429: Unavailable,
};

/** One hub: its REST and WebSocket addresses, and the credentials for both. */
export class EventStore {
  #url;
  #webSocketUrl;
  #credentials;
  #options;

  /**
   * @param {string | URL} [url] The hub's address, such as http://127.0.0.1:8081. By default the hub that served this
   *   module.
   * @param {StoreOptions} [options]
   */
  constructor(url, options = {}) {
    this.#url = baseUrl(url ?? servedFrom(import.meta.url));
    this.#webSocketUrl = options.webSocketUrl;
    this.#credentials = new Credentials(options);
    this.#options = {
      patienceMs: 30_000, timeoutMs: 35_000, firstDelayMs: 100, longestDelayMs: 10_000, pingEveryMs: 60_000,
      log: /** @type {StoreOptions["log"]} */ (console),
      ...options,
    };
    this.#credentials.requireEncrypted(this.#url);
  }

  /** The hub's REST address. */
  get url() {
    return this.#url;
  }

  /**
   * Store one event or a batch, and return the position of each. A batch is stored whole or not at all per stream.
   *
   * Retries are safe: an event with the same source and id is stored once, and ids are made before the first attempt.
   *
   * @param {NewEvent | NewEvent[]} events
   * @param {PublishOptions} [options] `stream` for all events; `expected`, the sequence at which the stream ends, or 0
   *   for a new one.
   * @returns {Promise<Published[]>}
   * @throws {WrongExpectedVersion} The stream ends elsewhere: `actual`.
   * @throws {EventConflict} The stream holds another event of the same source and id.
   * @throws {Invalid | TooLarge} An event violates a rule.
   * @throws {ConnectFailed | Unavailable} The hub was away for longer than `patienceMs`.
   */
  async publish(events, { stream, expected, ...options } = {}) {
    const batch = (Array.isArray(events) ? events : [events]).map(completed);
    const body = JSON.stringify(Array.isArray(events) ? batch : batch[0]);
    const headers = {
      "Content-Type": `application/cloudevents${Array.isArray(events) ? "-batch" : ""}+json`,
      ...precondition(expected),
    };
    const answer = await this.#request("POST", `/api/v1/events${query({ stream })}`, { headers, body, ...options });
    if (!Array.isArray(answer?.results) || answer.results.length !== batch.length) {
      throw new UnexpectedAnswer(`${this.#url} answered a publish with ${excerpt(JSON.stringify(answer))}`);
    }
    return answer.results;
  }

  /**
   * Return one page of a stream.
   *
   * @param {string} stream
   * @param {ReadOptions} [options] With `cursor`, the `next` of the page before.
   * @returns {Promise<Page>}
   */
  readPage(stream, options = {}) {
    return this.#page(`/api/v1/streams/${encodeURIComponent(stream)}/events`, options);
  }

  /**
   * Return one page of the events of all streams. `next`, or the page's `cursor`, is a cursor for `subscribe`, too.
   *
   * @param {ReadOptions} [options]
   * @returns {Promise<Page>}
   */
  searchPage(options = {}) {
    return this.#page("/api/v1/events", options);
  }

  /**
   * Iterate over the events of a stream, page by page.
   *
   * @param {string} stream
   * @param {ReadOptions} [options]
   */
  read(stream, options = {}) {
    return this.#pages((more) => this.readPage(stream, { ...options, ...more }), options);
  }

  /**
   * Iterate over the events of all streams, page by page.
   *
   * @param {ReadOptions} [options]
   */
  search(options = {}) {
    return this.#pages((more) => this.searchPage({ ...options, ...more }), options);
  }

  /**
   * Return one event.
   *
   * @param {string} id
   * @param {RequestOptions & {source?: string, stream?: string}} [options] Required where several events have the id.
   * @returns {Promise<RecordedEvent>}
   */
  get(id, { source, stream, ...options } = {}) {
    return this.#request("GET", `/api/v1/events/${encodeURIComponent(id)}${query({ source, stream })}`, options);
  }

  /**
   * Follow stored and new events: a subscription that reconnects for ever, and resumes where it was.
   *
   * Events of a stream arrive in the order of their sequences, and each arrives once while the page lives. With `keep`,
   * that holds over reloads, too; only the event that was being handled arrives again.
   *
   * @param {SubscribeOptions} [options]
   * @param {(event: RecordedEvent) => unknown} [handler] Called with each event; a promise is awaited before the next
   *   one, and an error ends the subscription. Without a handler, iterate: `for await (const event of subscription)`.
   * @returns {Subscription}
   */
  subscribe(options = {}, handler = undefined) {
    const url = webSocketUrl(this.#webSocketUrl, this.#url);
    this.#credentials.requireEncrypted(url);
    if (!this.#options.WebSocket && typeof WebSocket === "undefined") {
      throw new TypeError(
        "there is no WebSocket here: use Node.js 22, run node --experimental-websocket, or pass the class of a package " +
          "such as ws as the option WebSocket",
      );
    }
    /** @type {Hub} */
    const hub = {
      url: this.#url,
      ...this.#options,
      open: (signal) => this.#open(url, signal),
      fetchEvent: (event, signal) =>
        this.get(event.id, { source: event.source, stream: event.hubstream, signal, patienceMs: Infinity }),
    };
    return new Subscription(hub, options, handler);
  }

  /**
   * @param {string} path
   * @param {ReadOptions} options
   * @returns {Promise<Page>}
   */
  async #page(path, { signal, patienceMs, onLoss: _, filterName, ...parameters }) {
    const page = await this.#request("GET", path + query({ ...parameters, filter_name: filterName }), {
      signal,
      ...(patienceMs === undefined ? {} : { patienceMs }),
    });
    if (!Array.isArray(page?.events)) {
      throw new UnexpectedAnswer(`${this.#url} answered a read with ${excerpt(JSON.stringify(page))}`);
    }
    return page;
  }

  /**
   * @param {(more: {cursor?: string}) => Promise<Page>} read
   * @param {ReadOptions} options
   * @returns {AsyncGenerator<RecordedEvent, void, undefined>}
   */
  async *#pages(read, { onLoss, cursor }) {
    for (let next = cursor; ; ) {
      const page = await read(next === undefined ? {} : { cursor: next });
      if (page.missing || page.missing_more || page.gone) {
        const loss = lossOf(page);
        if (!onLoss) throw new HistoryLost(loss);
        await onLoss(loss);
      }
      yield* page.events;
      if (page.next === undefined) return;
      next = page.next;
    }
  }

  /**
   * Send a request until it is answered, or `patienceMs` ends.
   *
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions & {headers?: Record<string, string>, body?: string}} options
   * @returns {Promise<any>}
   */
  async #request(method, path, { patienceMs = this.#options.patienceMs, ...options }) {
    const backoff = new Backoff({ ...this.#options, patienceMs });
    for (;;) {
      try {
        return await this.#send(method, path, options);
      } catch (error) {
        if (!isTransient(error)) throw error;
        await sleep(backoff.delayAfter(error), options.signal);
      }
    }
  }

  /**
   * Send a request once, or twice if the first token was rejected.
   *
   * @param {string} method
   * @param {string} path
   * @param {{headers?: Record<string, string>, body?: string, signal?: AbortSignal}} options
   */
  async #send(method, path, { headers, body, signal }) {
    for (let again = false; ; again = true) {
      const own = await this.#credentials.headers(again);
      const request = { method, headers: { ...own, ...headers }, body };
      const { status, ok, text, after } = await this.#fetch(path, request, signal);
      if (ok) return parsed(text, this.#url);
      if (status !== 401 || again || !this.#credentials.renewable) {
        throw problemOf(status, text, { after, credentials: this.#credentials });
      }
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} request
   * @param {AbortSignal} [signal]
   */
  async #fetch(path, request, signal) {
    signal?.throwIfAborted();
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    const timer = setTimeout(stop, this.#options.timeoutMs);
    signal?.addEventListener("abort", stop);
    try {
      const response = await (this.#options.fetch ?? fetch)(this.#url + path, { ...request, signal: attempt.signal });
      const { status, ok, headers } = response;
      return { status, ok, text: await response.text(), after: headers.get("Retry-After") };
    } catch (error) {
      signal?.throwIfAborted();
      const why = attempt.signal.aborted ? `no answer after ${this.#options.timeoutMs} ms` : reasonOf(error);
      throw new ConnectFailed(`${this.#url} cannot be reached: ${why}`, { cause: error });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Open a WebSocket, or find out why the hub refuses it.
   *
   * @param {string} url
   * @param {AbortSignal} signal
   * @returns {Promise<WebSocket>}
   */
  async #open(url, signal) {
    const protocols = [SUBPROTOCOL, ...(await this.#credentials.subprotocols())];
    signal.throwIfAborted();
    const socket = new (this.#options.WebSocket ?? WebSocket)(url, protocols);
    try {
      await opened(socket, signal, this.#options.timeoutMs);
    } catch {
      signal.throwIfAborted();
      throw await this.#refusal(url, signal);
    }
    return socket;
  }

  /**
   * Return why a handshake failed. Browsers report every failure as 1006; the hub gives the reason over REST.
   *
   * @param {string} url
   * @param {AbortSignal} signal
   * @returns {Promise<Error>}
   */
  async #refusal(url, signal) {
    try {
      await this.#send("GET", "/api/v1/handshake", { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof Denied || error instanceof Unavailable) return error;
      if (error instanceof ConnectFailed) return (await this.#isForeign(signal)) ? this.#foreign(error) : error;
      return new ConnectFailed(`${url} refused the connection, and ${this.#url} cannot say why: ${reasonOf(error)}`, {
        cause: error,
      });
    }
    return new ConnectFailed(
      `${url} did not open, although ${this.#url} accepts the handshake: is webSocketUrl right, and does every proxy ` +
        "between them pass WebSockets on?",
    );
  }

  /**
   * Return whether the hub answers, but not to this page: without CORS a page may send a request, not read the answer.
   *
   * @param {AbortSignal} signal
   */
  async #isForeign(signal) {
    if (globalThis.location === undefined || new URL(this.#url).origin === globalThis.location.origin) return false;
    try {
      await this.#fetch("/health", { mode: "no-cors" }, signal);
      return true;
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  /** @param {Error} cause */
  #foreign(cause) {
    return new ConnectFailed(
      `${this.#url} answers, but pages of ${globalThis.location.origin} may not read it: add this origin to the ` +
        "hub's setting ALLOWED_ORIGINS (AllowedOrigins of the template)",
      { cause },
    );
  }
}

/**
 * What a subscription needs of its store.
 *
 * @typedef {Required<Pick<StoreOptions, "firstDelayMs" | "longestDelayMs" | "pingEveryMs" | "timeoutMs">>
 *   & Pick<StoreOptions, "log"> & {
 *   url: string,
 *   open(signal: AbortSignal): Promise<WebSocket>,
 *   fetchEvent(event: RecordedEvent, signal: AbortSignal): Promise<RecordedEvent>,
 * }} Hub
 */

/** Stored and new events in order: an async iterator, or calls of a handler. `EventStore.subscribe` makes it. */
export class Subscription {
  #hub;
  #options;
  #selection;
  #backoff;
  #warnings;
  #keeper;
  #ending = new AbortController();
  #position;
  /** @type {Connection | undefined} */
  #connection;
  /** The message that is being handled, and its events that were not delivered yet. @type {Message | undefined} */
  #message;
  /** @type {RecordedEvent[]} */
  #events = [];
  /** The event that was delivered last, until it is handled. @type {RecordedEvent | undefined} */
  #delivered;
  /** The iteration, one step after the other. @type {Promise<unknown>} */
  #steps = Promise.resolve();
  #hasHandler;
  #hasEnded = false;
  /** @type {() => void} */
  #resolve = () => {};
  /** @type {(error: unknown) => void} */
  #reject = () => {};

  /**
   * @param {Hub} hub
   * @param {SubscribeOptions} options
   * @param {((event: RecordedEvent) => unknown) | undefined} handler
   */
  constructor(hub, options, handler) {
    this.#hub = hub;
    this.#options = options;
    this.#selection = selectionOf(options);
    this.#backoff = new Backoff({ ...hub, patienceMs: options.patienceMs ?? Infinity });
    this.#warnings = new Warnings(hub.log ?? null);
    this.#keeper = options.keep === undefined ? undefined : new Keeper(options.keep, hub, options.storage);
    this.#position = this.#keeper?.load() ?? new Position(options.cursor);
    /** Resolves when the subscription is closed, and rejects with the error that ends it. @type {Promise<void>} */
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#hasHandler = handler !== undefined;
    options.signal?.addEventListener("abort", this.#close);
    if (options.signal?.aborted) this.close();
    if (handler) void this.#run(handler);
    // An iteration reports the error itself.
    else this.done.catch(() => {});
  }

  /** The position to resume from, on any connection. It advances when all events of a frame are handled. */
  get cursor() {
    return this.#position.cursors().join(".");
  }

  /** Count the delivered event as handled before the next one is requested. */
  handled() {
    if (this.#delivered === undefined) return;
    this.#position.handled(this.#delivered);
    this.#delivered = undefined;
    if (this.#events.length === 0) this.#commit();
    else this.#keeper?.save(this.#position);
  }

  /** End the iteration. The event that is being handled is the last one. */
  close() {
    this.#ending.abort();
    this.#connection?.close();
    // With a handler, `done` resolves after it has returned.
    if (!this.#hasHandler) this.#end();
  }

  #close = () => this.close();

  /** Close the subscription, and remove its position from the storage, so that `keep` starts over. */
  forget() {
    this.close();
    this.#keeper?.forget();
    this.#keeper = undefined;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<IteratorResult<RecordedEvent, undefined>>} */
  next() {
    const step = this.#steps.then(() => this.#step());
    this.#steps = step.catch(() => {});
    return step;
  }

  /** @returns {Promise<IteratorResult<RecordedEvent, undefined>>} */
  async return() {
    this.close();
    return END;
  }

  /** @param {(event: RecordedEvent) => unknown} handler */
  async #run(handler) {
    try {
      for (;;) {
        const { done, value } = await this.next();
        if (done) return this.#end();
        await handler(value);
        this.handled();
      }
    } catch (error) {
      this.#end(error);
    }
  }

  /** @returns {Promise<IteratorResult<RecordedEvent, undefined>>} */
  async #step() {
    try {
      const event = await this.#nextEvent();
      return event === undefined ? END : { done: false, value: event };
    } catch (error) {
      if (this.#ending.signal.aborted) return END;
      this.#end(error);
      throw error;
    }
  }

  /** @returns {Promise<RecordedEvent | undefined>} */
  async #nextEvent() {
    this.handled();
    for (;;) {
      if (this.#ending.signal.aborted) return undefined;
      const [event] = this.#events;
      if (event === undefined) {
        this.#commit();
        await this.#begin(await this.#receive());
      } else if (this.#position.has(event)) {
        this.#events.shift();
      } else {
        const whole = await this.#complete(event);
        if (this.#ending.signal.aborted) return undefined;
        this.#delivered = this.#events.shift();
        return whole;
      }
    }
  }

  /** @param {Message} message */
  async #begin(message) {
    if (message.loss) {
      if (!this.#options.onLoss) throw new HistoryLost(message.loss, this.#position.cursors(message).join("."));
      await this.#options.onLoss(message.loss);
      this.#position.forget(message.loss);
    }
    this.#message = message;
    this.#events = [...message.events];
    if (message.isLast) this.#report({ state: "live" });
  }

  #commit() {
    if (this.#message === undefined) return;
    this.#position.commit(this.#message);
    this.#message = undefined;
    this.#keeper?.save(this.#position);
  }

  /**
   * Return the event with its data, which are not in the frame if they are too large.
   *
   * @param {RecordedEvent} event
   */
  async #complete(event) {
    if (this.#options.fetchData === false || !isReference(event, this.#hub.url)) return event;
    try {
      const whole = await this.#hub.fetchEvent(event, this.#ending.signal);
      const same = whole.hubstream === event.hubstream && whole.hubsequence === event.hubsequence;
      return same ? whole : event;
    } catch (error) {
      // It was removed since.
      if (error instanceof NotFound || error instanceof Gone) return event;
      throw error;
    }
  }

  /** @returns {Promise<Message>} */
  async #receive() {
    for (;;) {
      try {
        this.#connection ??= await this.#connect();
        const message = await this.#connection.next();
        // A confirmation does not reset the pauses: a hub that confirms and then drops gets longer and longer ones.
        if (message.partition !== undefined) this.#backoff.succeeded();
        return message;
      } catch (error) {
        this.#connection?.close();
        this.#connection = undefined;
        this.#ending.signal.throwIfAborted();
        if (isInvalidCursor(error)) this.#keeper?.forget();
        if (!isTransient(error)) throw error;
        const delayMs = this.#backoff.delayAfter(error);
        this.#warnings.failed(error);
        this.#report({ state: "retrying", error, delayMs });
        await sleep(delayMs, this.#ending.signal);
      }
    }
  }

  async #connect() {
    const socket = await this.#hub.open(this.#ending.signal);
    const connection = new Connection(socket, this.#hub);
    this.#connection = connection;
    if (this.#ending.signal.aborted) connection.close();
    const cursor = this.#position.cursors();
    const start = cursor.length > 0 ? { cursor } : { from: this.#options.from ?? "now" };
    await connection.subscribe({ ...this.#selection, ...start });
    this.#warnings.succeeded();
    this.#report({ state: "connected" });
    return connection;
  }

  /** @param {Status} status */
  #report(status) {
    this.#options.onStatus?.(status);
  }

  /** @param {unknown} [error] */
  #end(error) {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#ending.abort();
    this.#connection?.close();
    this.#options.signal?.removeEventListener("abort", this.#close);
    if (error === undefined) this.#resolve();
    else this.#reject(error);
    this.#report(error === undefined ? { state: "closed" } : { state: "closed", error: /** @type {Error} */ (error) });
  }
}

/**
 * A confirmation, which has no partition, or a frame of a partition.
 *
 * @typedef {{cursor: string, partition?: number, events: RecordedEvent[], loss?: Loss, isLast?: boolean}} Message
 */

/** One subscription on one connection: every frame once, in the order of its partition, or an error. */
class Connection {
  #socket;
  #pingEveryMs;
  #timeoutMs;
  /** @type {Message[]} */
  #waiting = [];
  /** Frames take another path than the confirmation, and may overtake it. @type {Message[]} */
  #early = [];
  /** The number of the last frame of each partition. @type {Map<number, number>} */
  #last = new Map();
  /** The partitions that are not live yet. @type {Set<number>} */
  #behind = new Set();
  #isConfirmed = false;
  /** @type {Error | undefined} */
  #failure;
  #notify = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {WebSocket} socket
   * @param {Hub} hub
   */
  constructor(socket, { pingEveryMs, timeoutMs }) {
    this.#socket = socket;
    this.#pingEveryMs = pingEveryMs;
    this.#timeoutMs = timeoutMs;
    socket.onmessage = ({ data }) => this.#received(data);
    socket.onclose = ({ code, reason }) =>
      this.#fail(new ConnectFailed(`the connection was lost (${code}${reason ? `, ${reason}` : ""})`));
  }

  /**
   * Send the request, and wait for its confirmation, which `next` returns first.
   *
   * @param {Record<string, unknown>} request
   */
  async subscribe(request) {
    this.#expect("the hub did not confirm the subscription");
    this.#send({ action: "subscribe", id: ID, request: ID, ...request });
    while (!this.#isConfirmed) await this.#change();
  }

  /** @returns {Promise<Message>} */
  async next() {
    for (;;) {
      const message = this.#waiting.shift();
      if (message) return message;
      await this.#change();
    }
  }

  close() {
    this.#fail(new ConnectFailed("the connection was closed"));
  }

  async #change() {
    if (this.#failure) throw this.#failure;
    await new Promise((resolve) => {
      this.#notify = () => resolve(undefined);
    });
  }

  /** @param {unknown} data */
  #received(data) {
    if (this.#failure) return;
    try {
      this.#accept(parsed(typeof data === "string" ? data : "", this.#socket.url));
    } catch (error) {
      this.#fail(/** @type {Error} */ (error));
    }
    if (this.#isConfirmed && !this.#failure) this.#expectMore();
    this.#notify();
  }

  /** @param {any} message */
  #accept(message) {
    switch (message?.type) {
      case "subscribed": {
        const { cursor, recovery, partitions } = message;
        const loss = recovery === "complete" ? undefined : lossOf(message);
        this.#behind = new Set(partitions);
        this.#isConfirmed = true;
        this.#waiting.push({ cursor, events: [], loss }, ...this.#early.splice(0).map((frame) => this.#counted(frame)));
        return;
      }
      case "events":
      case "live":
      case "truncated":
        return this.#frame(message);
      case "error":
        throw errorOf(message);
    }
  }

  /** @param {any} message */
  #frame({ type, partition, frame, cursor, events = [], ...members }) {
    const last = this.#last.get(partition) ?? 0;
    if (frame <= last) return;
    if (frame > last + 1) throw new ConnectFailed(`a frame of partition ${partition} was lost before frame ${frame}`);
    this.#last.set(partition, frame);
    const loss = type === "truncated" ? lossOf(members) : undefined;
    /** @type {Message} */
    const accepted = { partition, cursor, events, loss, isLast: type === "live" };
    if (!this.#isConfirmed) this.#early.push(accepted);
    else this.#waiting.push(this.#counted(accepted));
    // The browser reads on whatever the page does: what is too much is read again from the cursor, once there is time.
    if (this.#waiting.length > MOST_WAITING) throw new Overrun();
  }

  /**
   * Note that a partition is live; the frame of the last one says that all are.
   *
   * @param {Message} frame
   */
  #counted(frame) {
    if (!frame.isLast) return frame;
    const isLast = this.#behind.delete(/** @type {number} */ (frame.partition)) && this.#behind.size === 0;
    return { ...frame, isLast };
  }

  #expectMore() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#expect("the hub did not answer a ping");
      this.#send({ action: "ping" });
    }, this.#pingEveryMs);
  }

  /** @param {string} otherwise What is wrong if no message arrives in time. */
  #expect(otherwise) {
    if (this.#failure) return;
    clearTimeout(this.#timer);
    const text = `${otherwise} within ${this.#timeoutMs} ms`;
    this.#timer = setTimeout(() => this.#fail(new ConnectFailed(text)), this.#timeoutMs);
  }

  /** @param {object} message */
  #send(message) {
    if (this.#failure === undefined) this.#socket.send(JSON.stringify(message));
  }

  /** @param {Error} error */
  #fail(error) {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#timer);
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#notify();
  }
}

/** More frames arrived than are handled. The connection is opened again, without a pause, after they are handled. */
class Overrun extends ConnectFailed {
  constructor() {
    super("frames arrive faster than they are handled");
  }
}

/** The cursors that resume a subscription, and the events that were handled of the frame at hand. */
class Position {
  #start;
  #newest;
  #before;
  /** For streams, the last sequence that was handled of the frame at hand. @type {Record<string, number>} */
  #now = {};

  /**
   * @param {string} [start] A cursor that covers every partition.
   * @param {Record<string, string>} [newest] For each partition, the cursor behind the last frame handled since.
   * @param {Record<string, number>} [before] For streams, the last sequence that an earlier page handled of a frame.
   */
  constructor(start, newest = {}, before = {}) {
    this.#start = start;
    this.#newest = newest;
    this.#before = before;
  }

  /**
   * Return the cursors to subscribe with, as they are or as they will be behind a message.
   *
   * @param {Message} [behind]
   * @returns {string[]}
   */
  cursors(behind) {
    // A confirmation covers every partition: the hub starts where the cursors of the request are.
    if (behind && behind.partition === undefined) return [behind.cursor];
    const newest = behind ? { ...this.#newest, [Number(behind.partition)]: behind.cursor } : this.#newest;
    return [...(this.#start === undefined ? [] : [this.#start]), ...Object.values(newest)];
  }

  /** @param {Message} message */
  commit({ partition, cursor }) {
    if (partition === undefined) [this.#start, this.#newest] = [cursor, {}];
    else this.#newest[partition] = cursor;
    this.#now = {};
  }

  /** @param {RecordedEvent} event */
  handled({ hubstream, hubsequence }) {
    this.#now[hubstream] = Number(hubsequence);
  }

  /**
   * Return whether an earlier page handled the event, in the middle of a frame.
   *
   * @param {RecordedEvent} event
   */
  has({ hubstream, hubsequence }) {
    const last = this.#before[hubstream];
    if (last !== undefined && Number(hubsequence) <= last) return true;
    delete this.#before[hubstream];
    return false;
  }

  /**
   * Forget what was handled of streams whose sequences may begin again.
   *
   * @param {Loss} loss
   */
  forget({ missing, more, gone, renewed }) {
    if (more || renewed.length > 0) this.#before = {};
    for (const stream of [...missing.map((range) => range.stream), ...gone]) delete this.#before[stream];
  }

  toJSON() {
    return { start: this.#start, newest: this.#newest, before: { ...this.#before, ...this.#now } };
  }
}

/** Keeps a position in a storage of the page. */
class Keeper {
  #key;
  #storage;
  #log;
  #hasWarned = false;

  /**
   * @param {string} name
   * @param {Hub} hub
   * @param {CursorStorage} [storage]
   */
  constructor(name, hub, storage) {
    this.#key = `eventstore:${hub.url}:${name}`;
    this.#log = hub.log;
    this.#storage = storage ?? this.#try(() => globalThis.sessionStorage);
    if (!this.#storage && !this.#hasWarned) throw new TypeError("keep needs storage: there is no sessionStorage here");
  }

  /** @returns {Position | undefined} */
  load() {
    return this.#try(() => {
      const text = this.#storage?.getItem(this.#key);
      if (!text) return undefined;
      const { start, newest, before } = JSON.parse(text);
      return new Position(start, newest, before);
    });
  }

  /** @param {Position} position */
  save(position) {
    this.#try(() => this.#storage?.setItem(this.#key, JSON.stringify(position)));
  }

  forget() {
    this.#try(() => this.#storage?.removeItem(this.#key));
  }

  /**
   * Browsers refuse a storage that is full or forbidden. The subscription goes on, and starts over after a reload.
   *
   * @template T
   * @param {() => T} use
   * @returns {T | undefined}
   */
  #try(use) {
    try {
      return use();
    } catch (error) {
      if (!this.#hasWarned) this.#log?.warn(`eventstore: the position cannot be kept: ${reasonOf(error)}`);
      this.#hasWarned = true;
      return undefined;
    }
  }
}

/** The pauses between attempts: random, up to a bound that doubles. */
class Backoff {
  #options;
  #bound;
  /** @type {number | undefined} */
  #since;

  /** @param {{firstDelayMs: number, longestDelayMs: number, patienceMs: number}} options */
  constructor(options) {
    this.#options = options;
    this.#bound = options.firstDelayMs;
  }

  /**
   * Return how long to wait after a failed attempt.
   *
   * @param {Error} error Thrown if the patience has ended.
   */
  delayAfter(error) {
    if (error instanceof Overrun) return 0;
    this.#since ??= Date.now();
    const atLeast = error instanceof ProblemError ? (error.retryAfterMs ?? 0) : 0;
    const delay = atLeast + this.#bound * Math.random();
    if (Date.now() + delay >= this.#since + this.#options.patienceMs) throw error;
    this.#bound = Math.min(this.#bound * 2, this.#options.longestDelayMs);
    return delay;
  }

  succeeded() {
    this.#bound = this.#options.firstDelayMs;
    this.#since = undefined;
  }
}

/** Reports a failure at once, and then ever more rarely. */
class Warnings {
  #log;
  #next = 0;
  #everyMs = 0;

  /** @param {{warn(text: string): void} | null} log */
  constructor(log) {
    this.#log = log;
  }

  /** @param {Error} error */
  failed(error) {
    if (error instanceof Overrun || Date.now() < this.#next) return;
    this.#everyMs = Math.min(this.#everyMs * 2 || FIRST_WARNING_MS, LONGEST_WARNING_MS);
    this.#next = Date.now() + this.#everyMs;
    this.#log?.warn(`eventstore: ${error.message}; retrying`);
  }

  succeeded() {
    this.#next = this.#everyMs = 0;
  }
}

/** What authenticates requests and connections. It is never a part of an error. */
class Credentials {
  #token;
  #apiKey;
  /** @type {string | undefined} */
  #cached;

  /** @param {StoreOptions} options */
  constructor({ token, apiKey }) {
    if (token !== undefined && apiKey !== undefined) throw new TypeError("pass token or apiKey, not both");
    if (token === "" || apiKey === "") throw new TypeError("the credential is empty; omit it if the hub asks for none");
    this.#token = token;
    this.#apiKey = apiKey;
  }

  /** Whether another token can be had. */
  get renewable() {
    return typeof this.#token === "function";
  }

  get isPresent() {
    return this.#token !== undefined || this.#apiKey !== undefined;
  }

  /**
   * @param {boolean} [anew]
   * @returns {Promise<Record<string, string>>}
   */
  async headers(anew) {
    if (this.#apiKey !== undefined) return { "X-Api-Key": this.#apiKey };
    return this.#token === undefined ? {} : { Authorization: `Bearer ${await this.#current(anew)}` };
  }

  /** A browser sends no headers with a handshake. */
  async subprotocols() {
    if (!this.isPresent) return [];
    const bytes = new TextEncoder().encode(this.#apiKey ?? (await this.#current(true)));
    const base64 = btoa(String.fromCharCode(...bytes));
    return [`bearer.${base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`];
  }

  /** @param {string} url */
  requireEncrypted(url) {
    const { protocol, hostname } = new URL(url);
    if (!this.isPresent || protocol === "https:" || protocol === "wss:" || isLoopback(hostname)) return;
    throw new TypeError(`credentials would be sent unencrypted to ${url}: use an https and a wss address`);
  }

  /**
   * @param {boolean} [anew]
   * @returns {Promise<string>}
   */
  async #current(anew) {
    if (typeof this.#token !== "function") return /** @type {string} */ (this.#token);
    if (this.#cached === undefined || anew) {
      this.#cached = undefined;
      try {
        this.#cached = await this.#token();
      } catch (error) {
        throw error instanceof EventStoreError
          ? error
          : new ConnectFailed(`the token is not available: ${reasonOf(error)}`, { cause: error });
      }
      if (typeof this.#cached !== "string" || this.#cached === "") {
        throw new ConnectFailed("the token is not available: the function returned none");
      }
    }
    return this.#cached;
  }
}

/**
 * @param {unknown} event
 * @returns {Record<string, any>}
 */
function completed(event) {
  if (typeof event !== "object" || event === null || Array.isArray(event)) {
    throw new TypeError(`an event must be an object with source and type, not ${excerpt(String(event))}`);
  }
  return { specversion: "1.0", id: newId(), ...event };
}

/** Pages that are not served by https have no `crypto.randomUUID`. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {number | undefined} expected
 * @returns {Record<string, string>}
 */
function precondition(expected) {
  if (expected === undefined) return {};
  if (!Number.isSafeInteger(expected) || expected < 0) {
    throw new TypeError(`expected must be the sequence at which the stream ends, or 0, not ${expected}`);
  }
  return expected === 0 ? { "If-None-Match": "*" } : { "If-Match": `"${expected}"` };
}

/**
 * @param {SubscribeOptions} options
 * @returns {Record<string, unknown>}
 */
function selectionOf({ type, filters = [], filterName, stream, from, cursor }) {
  if (from !== undefined && cursor !== undefined) throw new TypeError("pass from or cursor, not both");
  const types = (Array.isArray(type) ? type : type === undefined ? [] : [type]).map((name) =>
    name.endsWith("*") ? { prefix: { type: name.slice(0, -1) } } : { exact: { type: name } },
  );
  const all = [...(types.length > 1 ? [{ any: types }] : types), ...filters];
  return {
    ...(all.length > 0 ? { filters: all } : {}),
    ...(filterName === undefined ? {} : { filter_name: filterName }),
    ...(stream === undefined ? {} : { stream }),
  };
}

/**
 * Return the query of a URL. A list is repeated; undefined is left out.
 *
 * @param {Record<string, unknown>} parameters
 */
function query(parameters) {
  const entries = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : (Array.isArray(value) ? value : [value]).map((each) => [name, String(each)]),
  );
  return entries.length > 0 ? `?${new URLSearchParams(entries)}` : "";
}

/**
 * @param {string | URL} url
 * @returns {string}
 */
function baseUrl(url) {
  const { protocol, origin, pathname, search, hash } = new URL(url);
  if (!/^https?:$/.test(protocol) || search || hash) {
    throw new TypeError(`the hub's address must be such as http://127.0.0.1:8081, not ${url}`);
  }
  return origin + pathname.replace(/\/+$/, "");
}

/** @param {string} module */
function servedFrom(module) {
  const { protocol, origin, pathname } = new URL(module);
  if (!/^https?:$/.test(protocol) || !pathname.endsWith(OWN_PATH)) {
    throw new TypeError("pass the hub's address, such as http://127.0.0.1:8081: no hub served this module");
  }
  return origin + pathname.slice(0, -OWN_PATH.length);
}

/**
 * @param {string | undefined} configured
 * @param {string} url
 */
function webSocketUrl(configured, url) {
  const { protocol, host, pathname } = new URL(url);
  if (configured === undefined && pathname !== "/") {
    throw new TypeError(`pass webSocketUrl (the stack's output WebSocketUrl): it does not follow from ${url}`);
  }
  const address = configured ?? `${protocol === "https:" ? "wss" : "ws"}://${host}/ws`;
  if (!/^wss?:\/\/[^/?#]+[^?#]*$/.test(address)) {
    throw new TypeError(`webSocketUrl must be such as ws://127.0.0.1:8081/ws, without a query, not ${address}`);
  }
  return address;
}

/** @param {string} hostname */
function isLoopback(hostname) {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Return whether an event lacks its data, and the hub has them: a producer may set `dataref`, too.
 *
 * @param {RecordedEvent} event
 * @param {string} url
 */
function isReference({ dataref, data, data_base64, id, source, hubstream }, url) {
  if (typeof dataref !== "string" || data !== undefined || data_base64 !== undefined) return false;
  try {
    const target = new URL(dataref.startsWith("/") ? url + dataref : dataref);
    return (
      target.origin + target.pathname === `${url}/api/v1/events/${encodeURIComponent(id)}` &&
      target.searchParams.get("source") === source &&
      target.searchParams.get("stream") === hubstream
    );
  } catch {
    return false;
  }
}

/**
 * @param {any} members
 * @returns {Loss}
 */
function lossOf({ missing = [], missing_more: more = false, gone = [], renewed = [] }) {
  return { missing, more, gone, renewed };
}

/** @param {Loss} loss */
function describeLoss({ missing, more, gone, renewed }) {
  const removed = missing.slice(0, 3).map(({ stream, first, last }) => `${stream} ${first} to ${last}`);
  if (more || missing.length > 3) removed.push("others");
  const parts = [];
  if (removed.length > 0) parts.push(`events were removed before they were received: ${removed.join(", ")}`);
  if (gone.length > 0) parts.push(`streams were deleted permanently: ${gone.slice(0, 3).join(", ")}`);
  if (renewed.length > 0) parts.push(`the store was reset in partitions ${renewed.join(", ")}`);
  return parts.join("; ") || "events were removed before they were received";
}

/**
 * @param {number} status
 * @param {string} text
 * @param {{after: string | null, credentials: Credentials}} about
 */
function problemOf(status, text, { after, credentials }) {
  const problem = objectOf(text);
  const code = String(problem.code ?? `http-${status}`);
  const kind = KINDS[code] ?? KINDS[status] ?? (status >= 500 ? Unavailable : status >= 400 ? Invalid : undefined);
  let detail = String(problem.detail ?? problem.title ?? problem.message ?? problem.Message ?? excerpt(text));
  if (kind === undefined) return new UnexpectedAnswer(`unexpected response with HTTP ${status}: ${detail}`);
  if (kind === Denied && !credentials.isPresent) detail += "; the request had no credentials: pass token or apiKey";
  const seconds = Number(after ?? NaN);
  const retryAfterMs = Number.isFinite(seconds) ? Math.min(seconds, 60) * 1000 : undefined;
  return new kind({ status, code, detail, problem, retryAfterMs });
}

/**
 * Return the error of a message of type `error`.
 *
 * @param {any} message
 */
function errorOf(message) {
  const code = String(message.code ?? "unnamed");
  const detail = String(message.detail ?? "no reason given") + (message.pointer ? ` (at ${message.pointer})` : "");
  if (ENDS_CONNECTION.has(code)) return new ConnectFailed(`the hub closed the connection: ${detail} (${code})`);
  const isInvalid = code === "malformed" || code.startsWith("invalid-");
  const kind = KINDS[code] ?? (isInvalid ? Invalid : ProblemError);
  return new kind({ code, detail, problem: message });
}

/**
 * @param {unknown} error
 * @returns {error is ConnectFailed | Unavailable}
 */
function isTransient(error) {
  return error instanceof ConnectFailed || error instanceof Unavailable;
}

/** @param {unknown} error */
function isInvalidCursor(error) {
  return error instanceof Invalid && error.code === "invalid-cursor";
}

/**
 * @param {string} text
 * @param {string} url
 * @returns {any}
 */
function parsed(text, url) {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UnexpectedAnswer(`unexpected response from ${url}: ${excerpt(text)}; is it a hub?`, { cause: error });
  }
}

/**
 * @param {string} text
 * @returns {Record<string, any>}
 */
function objectOf(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** @param {string | undefined} text */
function excerpt(text) {
  return (text ?? "").slice(0, 200).split(/\s+/).join(" ").trim() || "no reason given";
}

/** @param {unknown} error */
function reasonOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Wait until a WebSocket is open.
 *
 * @param {WebSocket} socket
 * @param {AbortSignal} signal
 * @param {number} timeoutMs
 */
async function opened(socket, signal, timeoutMs) {
  /** @type {() => void} */
  let stop = () => {};
  try {
    await new Promise((resolve, reject) => {
      const timer = setTimeout(reject, timeoutMs);
      stop = () => {
        clearTimeout(timer);
        reject();
      };
      signal.addEventListener("abort", stop);
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      // Node.js 20 reports a handshake that failed by an error alone.
      socket.onclose = socket.onerror = stop;
    });
  } catch (error) {
    socket.onopen = socket.onclose = null;
    socket.close();
    throw error;
  } finally {
    socket.onerror = null;
    signal.removeEventListener("abort", stop);
  }
}

/**
 * Wait; shorter if the browser comes back online.
 *
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      globalThis.removeEventListener?.("online", end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
    globalThis.addEventListener?.("online", end);
    if (signal?.aborted) end();
  });
}
