/** The hub as views use it: calls of its REST API, subscriptions, and what the credential permits. */

import { ConnectFailed, Denied, EventStore, ProblemError } from "../../api/v1/eventstore.js";

/** The address of the hub: that of this file without `/console/<digest>/hub.js`. */
const BASE = new URL("../..", import.meta.url).href.replace(/\/$/, "");

/** A call for each scope, which changes nothing, and what it is permitted by (`eventstore doctor` asks the same). */
const PROBES = {
  read: ["GET", "/api/v1/streams", { query: { limit: 1 } }],
  publish: ["POST", "/api/v1/events", { body: [], type: "application/cloudevents-batch+json" }],
  subscribe: ["GET", "/api/v1/handshake", {}],
  admin: ["GET", "/api/v1/stats", {}],
};

/** The hub that served the console, with the credential of the tab. */
export class Hub {
  #credential;
  #store;
  #scopes = new Set();

  /**
   * @param {{auth: string, websocket?: string}} configuration What `hub.json` says.
   * @param {string} [credential] A key or a token.
   */
  constructor(configuration, credential) {
    this.configuration = configuration;
    this.#credential = credential;
    this.#store = new EventStore(BASE, {
      ...(credential === undefined ? {} : { token: credential }),
      ...(configuration.websocket ? { webSocketUrl: configuration.websocket } : {}),
      longestDelayMs: 3000,
      log: null,
    });
  }

  /** Load what the page has to know before it calls the hub. */
  static async configuration() {
    const response = await fetch(`${BASE}/console/hub.json`);
    return response.json();
  }

  /** The address of the hub. */
  get url() {
    return BASE;
  }

  /** The client of `eventstore.js`: `subscribe` for what is live. */
  get store() {
    return this.#store;
  }

  /** Whether requests carry a credential. */
  get signedIn() {
    return this.#credential !== undefined;
  }

  /** Whether the credential has a scope: `read`, `publish`, `subscribe` or `admin`. Known after `discover`. */
  can(scope) {
    return this.#scopes.has(scope);
  }

  /** The scopes of the credential. @returns {string[]} */
  get scopes() {
    return [...this.#scopes];
  }

  /**
   * Find out what the credential permits.
   *
   * @throws {Denied} The credential is not valid, or there is none and the hub asks for one.
   */
  async discover(signal) {
    const found = await Promise.all(Object.entries(PROBES).map(([scope, probe]) => this.#permits(scope, probe, signal)));
    this.#scopes = new Set(found.filter((scope) => scope !== undefined));
  }

  async #permits(scope, [method, path, options], signal) {
    try {
      await this.request(method, path, { ...options, signal });
      return scope;
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status === 401) throw error;
      if (error.status === 403) return undefined;
      // The request is refused for what it says, not for who sends it.
      if (error.status < 500 && error.status !== 429) return scope;
      throw error;
    }
  }

  /** The JSON of a GET. @param {string} path Such as `/api/v1/streams`; segments are encoded by the caller. */
  async get(path, query = {}, signal = undefined) {
    return (await this.request("GET", path, { query, signal })).body;
  }

  /**
   * Send a request once.
   *
   * @param {string} method
   * @param {string} path
   * @param {{query?: Record<string, any>, body?: any, type?: string, headers?: Record<string, string>, signal?: AbortSignal}}
   *   [options] `body` is sent as JSON; a list in `query` is repeated, and `undefined` left out.
   * @returns {Promise<{status: number, headers: Headers, body: any}>} `body` is undefined where there is none.
   * @throws {ProblemError} The hub rejected it: `status`, `code`, `detail`, and all members in `problem`.
   * @throws {ConnectFailed} The hub cannot be reached.
   */
  async request(method, path, { query = {}, body, type = "application/json", headers = {}, signal } = {}) {
    const response = await this.#fetch(BASE + path + search(query), {
      method,
      headers: {
        ...(this.#credential === undefined ? {} : { Authorization: `Bearer ${this.#credential}` }),
        ...(body === undefined ? {} : { "Content-Type": type }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      signal,
    });
    const text = await response.text();
    if (!response.ok) throw problemOf(response, text);
    return { status: response.status, headers: response.headers, body: text === "" ? undefined : isJson(response) ? JSON.parse(text) : text };
  }

  async #fetch(url, request) {
    try {
      return await fetch(url, request);
    } catch (error) {
      if (request.signal?.aborted) throw error;
      throw new ConnectFailed("the hub cannot be reached", { cause: error });
    }
  }
}

/** The path of a stream, or of what is below it. */
export function streamPath(stream, below = "") {
  return `/api/v1/streams/${encodeURIComponent(stream)}${below}`;
}

function isJson(response) {
  return /^application\/([^;]*\+)?json\b/.test(response.headers.get("Content-Type") ?? "");
}

function problemOf(response, text) {
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy between the page and the hub answered.
  }
  const { code = "unknown", detail = `the hub answered ${response.status} ${response.statusText}` } = problem;
  const Kind = response.status === 401 || response.status === 403 ? Denied : ProblemError;
  return new Kind({ status: response.status, code, detail, problem });
}

function search(query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== undefined && each !== "") parameters.append(name, each);
  }
  const text = parameters.toString();
  return text ? `?${text}` : "";
}
