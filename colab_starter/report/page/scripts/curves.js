// The curves: the values of a metric at steps, for the runs that have them.

import { allRuns, data } from "./data.js";
import { decodeBytes } from "./bytes.js";

/**
 * @typedef {object} Curves
 * @property {string} name
 * @property {number[]} runs Those with a curve.
 * @property {(run: number) => Curve | null} of
 */

/**
 * @typedef {object} Curve
 * @property {Float64Array} steps Rising.
 * @property {Float32Array} values
 */

/** @type {WeakMap<import("./data.js").PackedCurves, Curves>} */
const unpacked = new WeakMap();

export const curveNames = () => data.curves.map(({ name }) => name);

/** @returns {Curves | undefined} The curves of a metric; undefined if there are none. */
export function findCurves(name) {
  const packed = data.curves.find((one) => one.name === name);
  if (packed && !unpacked.has(packed)) unpacked.set(packed, unpack(packed));
  return packed && unpacked.get(packed);
}

// The numbers are little-endian, as those of nearly all computers are.
function unpack(packed) {
  const read = (Kind, name) => new Kind(decodeBytes(packed[name]).buffer);
  const [runs, lengths, starts] = ["runs", "lengths", "starts"].map((name) => read(Uint32Array, name));
  const [steps, values] = [read(Float64Array, "steps"), read(Float32Array, "values")];
  const places = new Int32Array(allRuns.length).fill(-1);
  const offsets = new Uint32Array(runs.length);
  let offset = 0;
  runs.forEach((run, place) => {
    places[run] = place;
    offsets[place] = offset;
    offset += lengths[place];
  });
  const made = [];
  const make = (place) => {
    const [start, first, length] = [starts[place], offsets[place], lengths[place]];
    return { steps: steps.subarray(start, start + length), values: values.subarray(first, first + length) };
  };
  const of = (run) => (places[run] >= 0 ? (made[run] ??= make(places[run])) : null);
  return { name: packed.name, runs: [...runs], of };
}

/** The value of a curve at a step, between its points on a line; NaN outside of it. */
export function valueAt({ steps, values }, step) {
  const last = steps.length - 1;
  if (last < 0 || step < steps[0] || step > steps[last]) return NaN;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle;
    else high = middle;
  }
  const share = steps[high] > steps[low] ? (step - steps[low]) / (steps[high] - steps[low]) : 1;
  return values[low] + share * (values[high] - values[low]);
}

/**
 * The lowest and the highest number that a drawing of these curves shows, of the steps and of the values.
 * @returns {{ x: [number, number], y: [number, number] }}
 */
export function findExtent(curves, runs, { x, y }) {
  /** @type {{ x: [number, number], y: [number, number] }} */
  const extent = { x: [Infinity, -Infinity], y: [Infinity, -Infinity] };
  const widen = (range, number) => {
    if (number < range[0]) range[0] = number;
    if (number > range[1]) range[1] = number;
  };
  for (const run of runs) {
    const { steps, values } = curves.of(run);
    for (let place = 0; place < steps.length; place += 1) {
      const [step, value] = [steps[place], values[place]];
      if (!Number.isFinite(value) || (x && step <= 0) || (y && value <= 0)) continue;
      widen(extent.x, step);
      widen(extent.y, value);
    }
  }
  return extent;
}
