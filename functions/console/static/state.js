/** The URL's state: `#/<view>/<path>?<query>`. Each state of the console is a link. */

/** One state. It never changes; `with` returns another one. */
export class State {
  /**
   * @param {string} view The name of a view, such as `tail`.
   * @param {string[]} [path] What it shows, such as the name of a stream.
   * @param {Record<string, string | string[] | undefined> | URLSearchParams} [query] How it shows that.
   */
  constructor(view, path = [], query = {}) {
    this.view = view;
    this.path = path;
    this.query = query instanceof URLSearchParams ? query : parameters(query);
  }

  /** @param {string} hash That of `location`. */
  static of(hash) {
    const [path, query = ""] = split(hash.replace(/^#\/?/, ""));
    const [view, ...rest] = path.split("/").map(decoded);
    return new State(view, rest.filter((segment) => segment !== ""), new URLSearchParams(query));
  }

  /** The link to this state. */
  get href() {
    const path = [this.view, ...this.path].map(encodeURIComponent).join("/");
    const query = this.query.toString();
    return `#/${path}${query ? `?${query}` : ""}`;
  }

  /** One value of the query, or an empty string. */
  get(name) {
    return this.query.get(name) ?? "";
  }

  /** This state with other parameters; an empty one, or `undefined`, leaves it out. */
  with(changes) {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(changes)) {
      query.delete(name);
      for (const each of [value].flat()) if (each !== undefined && each !== "") query.append(name, each);
    }
    return new State(this.view, this.path, query);
  }
}

/** Go to a state. `replace` leaves no step in the history: for what changes while one types. */
export function go(state, { replace = false } = {}) {
  if (state.href === location.hash) return;
  if (!replace) {
    location.hash = state.href;
    return;
  }
  history.replaceState(null, "", state.href);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

function parameters(values) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of [value].flat()) if (each !== undefined && each !== "") query.append(name, each);
  }
  return query;
}

function split(text) {
  const at = text.indexOf("?");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
