/**
 * Figures over time, collected while the page is open.
 *
 * @module
 */

/** @typedef {{time: number, value: number}} Sample */

/** Keeps the newest figures of whatever has a key and a name. */
export class Samples {
  #most;
  /** @type {Map<string, Sample[]>} */
  #series = new Map();

  /** @param {{most?: number}} [options] How many samples of a series are kept. */
  constructor({ most = 300 } = {}) {
    this.#most = most;
  }

  /**
   * Add what was measured; a figure that is missing leaves a gap.
   *
   * @param {string} key
   * @param {number} time Milliseconds since 1970.
   * @param {Record<string, number | null | undefined>} values
   */
  add(key, time, values) {
    for (const [name, value] of Object.entries(values)) {
      if (typeof value !== "number" || !Number.isFinite(value)) continue;
      const series = this.#series.get(`${key} ${name}`) ?? [];
      this.#series.set(`${key} ${name}`, series);
      series.push({ time, value });
      if (series.length > this.#most) series.shift();
    }
  }

  /** @param {string} key @param {string} name @returns {readonly Sample[]} */
  series(key, name) {
    return this.#series.get(`${key} ${name}`) ?? [];
  }
}

/**
 * Return how fast a number grows, per second, from sample to sample. What was removed meanwhile is no growth.
 *
 * @param {readonly Sample[]} counter
 * @returns {Sample[]}
 */
export function rates(counter) {
  return counter.slice(1).map(({ time, value }, index) => {
    const before = /** @type {Sample} */ (counter[index]);
    const seconds = Math.max((time - before.time) / 1000, 0.001);
    return { time, value: Math.max(0, value - before.value) / seconds };
  });
}

/** What this page has collected, whichever view is shown. */
export const collected = new Samples();
