// What the page shows at first: the measure, and the parameters that explain most of it.

import { allRuns, data, isNumeric, measures, parameters } from "./data.js";
import { isOfVersion } from "./filter.js";
import { average, countDistinct, distinctValues, takeEvenly, toNumber } from "./values.js";

const GOOD = /acc|auc|f1|score|r2|precision|recall|reward|iou|correct/i;
const BAD = /loss|err|mae|mse|rmse|perplexity|seconds|time|memory|deviation/i;
const BINS = 8;
const FEWEST = 4; // Runs; fewer say nothing about parameters.
const MOST_RATED = 2000; // Runs used to rate parameters; more would give the same order.

// What a search optimises comes first, numbers that differ between runs say more than those that don't, and test results
// more than training results.
export function rateMeasure(column) {
  const differs = isNumeric(column) && countDistinct(column, allRuns.filter(isOfVersion), 2) > 1;
  const kind = GOOD.test(column.name) ? 4 : BAD.test(column.name) ? 2 : 1;
  const place = /test/i.test(column.name) ? 1 : /val/i.test(column.name) ? 0.5 : 0;
  const objective = objectiveOf(column) ? 1000 : 0;
  return objective + (column.role === "metric" ? 100 : 0) + (differs ? 10 : 0) + kind + place;
}

/** What a search does with a measure; undefined if it is none of its objectives. */
export const objectiveOf = (column) => column.role === "metric" ? data.objectives[column.name] : undefined;

/** The objectives of a search that has two and whose values are known: the columns, and 1 where the lowest is best. */
export function twoObjectives() {
  const found = measures.filter(objectiveOf).map((column) => ({ column, direction: directionOf(column) }));
  return found.length === 2 ? found : null;
}

/** @returns {1 | -1} 1 if the lowest value of a measure is presumably best. */
export function directionOf(column) {
  const isLow = objectiveOf(column) ? objectiveOf(column) === "minimize" : BAD.test(column.name);
  return isLow ? 1 : -1;
}

export function rank(list, rate) {
  const rates = new Map(list.map((column) => [column, rate(column)]));
  return [...list].sort((left, right) => rates.get(right) - rates.get(left));
}

let rated = { measure: null, runs: null, shares: null };

/**
 * How much of a measure each parameter explains among the runs that succeeded.
 * @returns {{ shares: Map<import("./data.js").Column, number>, count: number }} Of so many runs; no share if too few.
 */
export function rateParameters(measure, runs) {
  if (rated.measure === measure && rated.runs === runs) return rated.shares;
  const hasValue = (run) => data.statuses[run] === "ok" && Number.isFinite(toNumber(measure.values[run]));
  const done = takeEvenly(runs.filter(hasValue), MOST_RATED);
  const shares = new Map(
    parameters.map((parameter) => [parameter, explainVariance(parameter, measure, done)]),
  );
  rated = { measure, runs, shares: { shares, count: done.length } };
  return rated.shares;
}

/**
 * The share of a measure's variance that lies between a parameter's values and not within them, without what as many
 * groups would explain by chance (epsilon squared). 0 if nothing is known.
 */
export function explainVariance(parameter, measure, runs) {
  const groups = [...Map.groupBy(runs, groupValues(parameter, runs)).values()];
  const free = runs.length - groups.length;
  if (runs.length < FEWEST || groups.length < 2 || free < 1) return 0;
  const valuesOf = (group) => group.map((run) => toNumber(measure.values[run]));
  const squares = (values, mean) => values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const all = valuesOf(runs);
  const total = squares(all, average(all));
  const within = groups.map(valuesOf).reduce((sum, values) => sum + squares(values, average(values)), 0);
  const byChance = (groups.length - 1) * (within / free);
  return total > 0 ? Math.max(0, (total - within - byChance) / total) : 0;
}

// Of many numbers, similar ones form one group.
function groupValues(parameter, runs) {
  if (!isNumeric(parameter)) return (run) => parameter.values[run];
  const values = distinctValues(parameter, runs);
  const width = Math.ceil(values.length / BINS);
  const groups = new Map(values.map((value, place) => [value, Math.floor(place / width)]));
  return (run) => groups.get(parameter.values[run]);
}
