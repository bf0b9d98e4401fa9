/**
 * The metrics of a server (`GET /metrics`, the text format of Prometheus): counters and histograms between two
 * readings.
 *
 * @module
 */

/** @typedef {{labels: Record<string, string>, value: number}} Metric */

/** One reading. */
export class Reading {
  /**
   * @param {Map<string, Metric[]>} metrics
   * @param {number} time Milliseconds since 1970.
   */
  constructor(metrics, time) {
    this.metrics = metrics;
    this.time = time;
  }

  /** @param {string} text @param {number} time */
  static of(text, time) {
    return new Reading(parse(text), time);
  }

  /** The instance of the server that answered. */
  get instance() {
    return this.metrics.get("eventstore_info")?.[0]?.labels.instance ?? "";
  }

  /**
   * The sum of a metric over all its labels; undefined if there is none.
   *
   * @param {string} name
   */
  sum(name) {
    return this.metrics.get(name)?.reduce((sum, { value }) => sum + value, 0);
  }
}

/**
 * Return how fast a counter grew between two readings of one instance, per second.
 *
 * @param {Reading} before
 * @param {Reading} now
 * @param {string} name
 */
export function rate(before, now, name) {
  const [first, last] = [before.sum(name) ?? 0, now.sum(name)];
  const seconds = (now.time - before.time) / 1000;
  if (last === undefined || seconds <= 0 || before.instance !== now.instance || last < first) return undefined;
  return (last - first) / seconds;
}

/**
 * Return below which value a part of what a histogram counted between two readings lies: the bound of its bucket, as
 * Prometheus interpolates it.
 *
 * @param {Reading | undefined} before Undefined for all since the start.
 * @param {Reading} now
 * @param {string} name
 * @param {number} part Such as 0.99.
 */
export function quantile(before, now, name, part) {
  const last = buckets(now, name);
  const isComparable = before !== undefined && before.instance === now.instance;
  const first = isComparable ? buckets(before, name) : new Map();
  const counts = [...last].map(([bound, count]) => ({ bound, count: count - (first.get(bound) ?? 0) }));
  const total = counts.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  let lower = { bound: 0, count: 0 };
  for (const bucket of counts) {
    if (bucket.count >= total * part) {
      if (bucket.bound === Infinity) return lower.bound;
      const inside = bucket.count - lower.count;
      return lower.bound + (inside > 0 ? (total * part - lower.count) / inside : 1) * (bucket.bound - lower.bound);
    }
    lower = bucket;
  }
  return undefined;
}

/**
 * The cumulative counts of a histogram by the bounds of its buckets, summed over all other labels.
 *
 * @param {Reading} reading
 * @param {string} name
 * @returns {Map<number, number>}
 */
function buckets(reading, name) {
  /** @type {Map<number, number>} */
  const sums = new Map();
  for (const { labels, value } of reading.metrics.get(`${name}_bucket`) ?? []) {
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    sums.set(bound, (sums.get(bound) ?? 0) + value);
  }
  return new Map([...sums].sort(([one], [other]) => one - other));
}

/**
 * @param {string} text
 * @returns {Map<string, Metric[]>}
 */
function parse(text) {
  /** @type {Map<string, Metric[]>} */
  const metrics = new Map();
  for (const line of text.split("\n")) {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
    if (match === null) continue;
    const [, name = "", inner = "", value = ""] = match;
    const labels = Object.fromEntries(
      [...inner.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)].map(([, label, quoted = ""]) => [
        label,
        quoted.replace(/\\(.)/g, (_, escaped) => (escaped === "n" ? "\n" : escaped)),
      ]),
    );
    const list = metrics.get(name) ?? [];
    metrics.set(name, list);
    list.push({ labels, value: Number(value) });
  }
  return metrics;
}
