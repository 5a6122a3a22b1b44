// Settings: the runs that have the same parameters, but for those that repeat a setting, such as the seed.

import { data, parameters } from "./data.js";
import { average, toNumber } from "./values.js";

/**
 * @typedef {object} Setting
 * @property {number[]} runs Those that succeeded and have a value, the best first.
 * @property {number} mean
 * @property {number} deviation The standard deviation between the runs; NaN for a single one.
 * @property {number} leftOut How many settings do not count, because they have too few runs.
 */

/** The parameters that repeat settings. */
export const repeating = () => parameters.filter((parameter) => parameter.repeats);

const isDone = (run, column) => data.statuses[run] === "ok" && Number.isFinite(toNumber(column.values[run]));

/** Groups the runs that succeeded and have a finite value by their settings. */
function groupRunsBySetting(runs, column) {
  const done = runs.filter((run) => isDone(run, column));
  if (!repeating().length) return done.map((run) => [run]);
  const telling = parameters.filter((parameter) => !parameter.repeats);
  const keyOfRun = (run) =>
    JSON.stringify([data.versionOf[run], ...telling.map(({ values }) => values[run])]);
  return [...Map.groupBy(done, keyOfRun).values()];
}

/**
 * The setting with the best mean of a column; undefined if no run has a value. Settings with less than half as many
 * repetitions as others have do not count: one of them would be the best by luck.
 * @param {number[]} runs
 * @param {import("./data.js").Column} column
 * @param {1 | -1} direction 1 if the lowest is best.
 * @returns {Setting | undefined}
 */
export function findBestSetting(runs, column, direction) {
  const groups = groupRunsBySetting(runs, column);
  const most = groups.reduce((count, group) => Math.max(count, group.length), 0);
  const valuesOf = (group) => group.map((run) => toNumber(column.values[run]));
  const counting = groups.filter((group) => group.length * 2 >= most);
  let best;
  let least = Infinity;
  for (const group of counting) {
    const cost = direction * average(valuesOf(group));
    if (best === undefined || cost < least) [best, least] = [group, cost];
  }
  return best && { ...describe(best, column, direction), leftOut: groups.length - counting.length };
}

function describe(group, column, direction) {
  const value = (run) => toNumber(column.values[run]);
  const mean = average(group.map(value));
  const squares = group.reduce((sum, run) => sum + (value(run) - mean) ** 2, 0);
  return {
    runs: group.toSorted((left, right) => direction * (value(left) - value(right))),
    mean: group.length > 1 ? mean : value(group[0]),
    deviation: Math.sqrt(squares / (group.length - 1)),
  };
}

/**
 * The runs than which no other is better in both columns.
 * @param {number[]} runs
 * @param {{ column: import("./data.js").Column, direction: 1 | -1 }[]} objectives Two.
 * @returns {number[]} By the first objective, the best first.
 */
export function findFront(runs, objectives) {
  const [first, second] = objectives.map(({ column, direction }) => (run) =>
    direction * toNumber(column.values[run])
  );
  const done = runs.filter((run) => objectives.every(({ column }) => isDone(run, column)));
  done.sort((left, right) => first(left) - first(right) || second(left) - second(right));
  let least = Infinity;
  return done.filter((run) => {
    const isBetter = second(run) < least;
    least = Math.min(least, second(run));
    return isBetter;
  });
}
