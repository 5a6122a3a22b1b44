// What the page shows at first: the measure, and the parameters that explain most of it.

import { allRuns, isNumeric } from "./data.js";
import { isOfVersion } from "./filter.js";
import { average, countDistinct, distinctValues, takeEvenly, toNumber } from "./values.js";

const GOOD = /acc|auc|f1|score|r2|precision|recall|reward|iou|correct/i;
export const BAD = /loss|err|mae|mse|rmse|perplexity|seconds|time|memory|deviation/i;
const BINS = 8;
const MOST_RATED = 2000; // Runs used to rate parameters; more would give the same order.

// Numbers that differ between runs say more than those that don't, and test results more than training results.
export function rateMeasure(column) {
  const differs = isNumeric(column) && countDistinct(column, allRuns.filter(isOfVersion), 2) > 1;
  const kind = GOOD.test(column.name) ? 4 : BAD.test(column.name) ? 2 : 1;
  const place = /test/i.test(column.name) ? 1 : /val/i.test(column.name) ? 0.5 : 0;
  return (column.role === "metric" ? 100 : 0) + (differs ? 10 : 0) + kind + place;
}

export function rank(list, rate) {
  const rates = new Map(list.map((column) => [column, rate(column)]));
  return [...list].sort((left, right) => rates.get(right) - rates.get(left));
}

// The share of a measure's variance that lies between a parameter's values, not within them.
export function explainVariance(parameter, measure) {
  const hasValue = (run) => isOfVersion(run) && Number.isFinite(toNumber(measure.values[run]));
  const runs = takeEvenly(allRuns.filter(hasValue), MOST_RATED);
  const groups = Object.values(Object.groupBy(runs, binRuns(parameter, runs)));
  const valuesOf = (group) => group.map((run) => toNumber(measure.values[run]));
  const mean = average(valuesOf(runs));
  const between = groups.reduce(
    (sum, group) => sum + group.length * (average(valuesOf(group)) - mean) ** 2,
    0,
  );
  const all = valuesOf(runs).reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return all > 0 ? between / all : 0;
}

// Of many values, similar ones form one group.
function binRuns(parameter, runs) {
  const values = distinctValues(parameter, runs);
  const width = Math.ceil(values.length / BINS);
  const bins = new Map(values.map((value, place) => [value, Math.floor(place / width)]));
  return (run) => bins.get(parameter.values[run]);
}
