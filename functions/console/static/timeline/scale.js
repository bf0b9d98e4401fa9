/**
 * Where a point of the timeline is on the screen, by its time or by the number of its event.
 *
 * @module
 */

/** @typedef {import("./model.js").Point} Point */
/** @typedef {import("./model.js").Run} Run */

/**
 * The visible part: milliseconds since 1970, or numbers of events.
 *
 * @typedef {{from: number, to: number}} Range
 */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  SECOND,
  2 * SECOND,
  5 * SECOND,
  10 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  30 * DAY,
  90 * DAY,
  365 * DAY,
];
/** The least range: bars of a millisecond can be told apart. */
const LEAST = { time: 10, order: 5 };

/** What is open is drawn up to now if the newest event is not older than this, or than half of what is shown. */
const FRESH = 10 * MINUTE;

/**
 * Return all that can be seen of some runs.
 *
 * @param {readonly Run[]} runs
 * @param {"time" | "order"} by
 * @param {number} now
 * @returns {Range}
 */
export function wholeOf(runs, by, now) {
  if (runs.length === 0) return { from: 0, to: 1 };
  // There may be more runs than a call has arguments.
  const least = (/** @type {(run: Run) => number} */ of) =>
    runs.reduce((value, run) => Math.min(value, of(run)), Infinity);
  const most = (/** @type {(run: Run) => number} */ of) =>
    runs.reduce((value, run) => Math.max(value, of(run)), -Infinity);
  if (by === "order") return { from: least(({ begun }) => begun.index), to: most(({ last }) => last.index) + 1 };
  const from = least(({ begun }) => begun.time);
  const last = most((run) => run.last.time);
  const grows =
    runs.some(({ ended, state }) => ended === null && state !== null) &&
    now - last < Math.max(FRESH, (last - from) / 2);
  return { from, to: grows ? Math.max(now, last) : last };
}

/** A scale of a width in pixels. */
export class Scale {
  /**
   * @param {"time" | "order"} by
   * @param {Range} whole All that can be seen.
   * @param {Range} [range] What is seen; the whole by default.
   * @param {number} [width]
   */
  constructor(by, whole, range = whole, width = 1) {
    this.by = by;
    this.whole = whole.to > whole.from ? whole : { from: whole.from, to: whole.from + LEAST[by] };
    this.range = within(range, this.whole, LEAST[by]);
    this.width = width;
  }

  /** The pixel of a point. @param {Point} point */
  x(point) {
    return this.at(this.by === "time" ? point.time : point.index);
  }

  /** The pixel of a value of the axis. @param {number} value */
  at(value) {
    return ((value - this.range.from) / (this.range.to - this.range.from)) * this.width;
  }

  /** The value of the axis at a pixel. @param {number} x */
  valueAt(x) {
    return this.range.from + (x / this.width) * (this.range.to - this.range.from);
  }

  /**
   * Return a scale that shows more or less, in which what is at a pixel stays there.
   *
   * @param {number} factor Below 1 to see less of it, in greater detail.
   * @param {number} [x]
   */
  zoomed(factor, x = this.width / 2) {
    const fixed = this.valueAt(x);
    const length = (this.range.to - this.range.from) * factor;
    const from = fixed - (x / this.width) * length;
    return new Scale(this.by, this.whole, { from, to: from + length }, this.width);
  }

  /** Return a scale that shows what is before or behind. @param {number} part Of its width; negative for before. */
  moved(part) {
    const by = (this.range.to - this.range.from) * part;
    return new Scale(this.by, this.whole, { from: this.range.from + by, to: this.range.to + by }, this.width);
  }

  /** Whether it shows all. */
  get isWhole() {
    return this.range.from <= this.whole.from && this.range.to >= this.whole.to;
  }

  /**
   * Return the marks of the axis, at least 90 pixels apart: by time as distances from the beginning.
   *
   * @returns {{x: number, label: string}[]}
   */
  ticks() {
    const { from, to } = this.range;
    const least = ((to - from) / this.width) * 90;
    const step = this.by === "time" ? timeStep(least) : Math.max(1, decimalStep(least));
    const zero = this.by === "time" ? this.whole.from : 0;
    const ticks = [];
    for (let value = zero + Math.ceil((from - zero) / step) * step; value <= to && ticks.length < 100; value += step) {
      ticks.push({ x: this.at(value), label: this.by === "time" ? elapsed(value - zero) : String(value + 1) });
    }
    return ticks;
  }
}

/** @param {Range} range @param {Range} whole @param {number} least @returns {Range} */
function within(range, whole, least) {
  const most = whole.to - whole.from;
  const length = Math.min(most, Math.max(range.to - range.from, Math.min(least, most)));
  const from = Math.min(Math.max(range.from, whole.from), whole.to - length);
  return Number.isFinite(from) ? { from, to: from + length } : whole;
}

/** @param {number} least */
function timeStep(least) {
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / (365 * DAY)) * 365 * DAY;
}

/** @param {number} least */
function decimalStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return ([1, 2, 5, 10].find((digit) => digit * power >= least) ?? 10) * power;
}

/**
 * Return a duration as people say it, of its two greatest units.
 *
 * @param {number} milliseconds
 */
export function elapsed(milliseconds) {
  const ms = Math.round(Math.abs(milliseconds));
  const sign = milliseconds < 0 ? "−" : "";
  if (ms < SECOND) return `${sign}${ms} ms`;
  if (ms < MINUTE) return `${sign}${trimmed(ms / SECOND)} s`;
  /** @type {[number, string][]} */
  const units = [
    [DAY, "d"],
    [HOUR, "h"],
    [MINUTE, "min"],
    [SECOND, "s"],
  ];
  const first = units.findIndex(([unit]) => ms >= unit);
  const [unit, name] = /** @type {[number, string]} */ (units[first]);
  const rest = units[first + 1];
  const whole = Math.floor(ms / unit);
  const more = rest === undefined ? 0 : Math.floor((ms - whole * unit) / rest[0]);
  return `${sign}${whole} ${name}${more > 0 && rest ? ` ${more} ${rest[1]}` : ""}`;
}

/** @param {number} seconds */
function trimmed(seconds) {
  return seconds.toFixed(seconds < 10 ? 2 : 1).replace(/\.?0+$/, "");
}
