/**
 * The events of a stream: those that are stored, and then those that are published, each once and in order.
 *
 * @module
 */

/** @typedef {import("./model.js").StoredEvent} StoredEvent */

/** The most events that are shown unless the reader asks for earlier ones. */
export const MOST = 10_000;
const PAGE = 1000;
/** How many pages are read side by side. */
const READERS = 4;

/**
 * What a feed needs of the hub.
 *
 * @typedef {object} Source
 * @property {(query: Record<string, unknown>) => Promise<{head: number, events: StoredEvent[], next?: string}>} read
 *   Returns a page of the stream.
 * @property {((handler: (event: StoredEvent) => unknown, onLive: () => void) => void) | null} follow Subscribes to what
 *   is published; calls `onLive` once nothing that is published from then on can be missed. Null where that is not
 *   permitted.
 */

/** Reads and follows one stream. */
export class Feed {
  #source;
  #receive;
  /** Live events, until all before them were read; null after that. @type {StoredEvent[] | null} */
  #early = [];
  #next = 1;

  /**
   * @param {Source} source
   * @param {(events: StoredEvent[]) => void} receive Called with the events in the order of their sequences.
   */
  constructor(source, receive) {
    this.#source = source;
    this.#receive = receive;
  }

  /**
   * Read what is stored, and follow what is published.
   *
   * @param {number} [from] The first sequence; by default that of the newest 10,000 events.
   * @returns {Promise<{first: number, head: number, live: Promise<void>}>} Once all that was stored has been received:
   *   the first sequence that was read, and the head of the stream. `live` resolves once nothing more can be missed.
   */
  async open(from) {
    const connected = this.#source.follow === null ? Promise.resolve() : this.#follow(this.#source.follow);
    const page = await this.#source.read({ ...(from === undefined ? {} : { from }), limit: PAGE });
    const first = from ?? Math.max(1, page.head - MOST + 1);
    this.#next = first;
    // What retention left may be all there is, however high the head; `#pass` drops what is before `first`.
    if (from !== undefined || first === 1 || page.next === undefined) this.#pass(page.events);
    if (page.next !== undefined) await this.#rest(this.#next, page.head);
    this.#next = Math.max(this.#next, page.head + 1);
    const live = connected.then(() => this.refresh());
    // The caller may look at it later.
    live.catch(() => {});
    return { first, head: page.head, live };
  }

  /** Read what was published since. */
  async refresh() {
    for (;;) {
      const page = await this.#source.read({ from: this.#next, limit: PAGE });
      this.#pass(page.events);
      if (page.next === undefined || page.events.length === 0) break;
    }
    const early = this.#early ?? [];
    if (this.#source.follow !== null) this.#early = null;
    this.#pass(early);
  }

  /**
   * Read the pages up to the head, some side by side.
   *
   * @param {number} from
   * @param {number} head
   */
  async #rest(from, head) {
    /** @type {number[]} */
    const starts = [];
    for (let start = from; start <= head; start += PAGE) starts.push(start);
    /** @type {Promise<StoredEvent[]>[]} */
    const reading = [];
    for (const [index, start] of starts.entries()) {
      while (reading.length < Math.min(index + READERS, starts.length)) {
        const begin = /** @type {number} */ (starts[reading.length]);
        const promise = this.#range(begin, Math.min(begin + PAGE - 1, head));
        // A failure is thrown when its turn comes, or not at all if an earlier page failed.
        promise.catch(() => {});
        reading.push(promise);
      }
      this.#pass(await /** @type {Promise<StoredEvent[]>} */ (reading[index]));
      this.#next = Math.max(this.#next, Math.min(start + PAGE, head + 1));
    }
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  async #range(from, to) {
    /** @type {StoredEvent[]} */
    const events = [];
    // A page may hold fewer events than it was asked for.
    for (let cursor; ;) {
      const page = await this.#source.read({ from, to, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      events.push(...page.events);
      if (page.next === undefined) return events;
      cursor = page.next;
    }
  }

  /** @param {NonNullable<Source["follow"]>} follow @returns {Promise<void>} */
  #follow(follow) {
    return new Promise((resolve) => {
      follow((event) => {
        if (this.#early === null) this.#pass([event]);
        else this.#early.push(event);
      }, resolve);
    });
  }

  /** @param {StoredEvent[]} events */
  #pass(events) {
    const fresh = events.filter((event) => Number(event.hubsequence) >= this.#next);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#next = Number(last.hubsequence) + 1;
    this.#receive(fresh);
  }
}
