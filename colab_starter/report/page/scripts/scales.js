// Values as positions: axes.

import { isNumeric } from "./data.js";
import { distinctValues, escapeMarkup, formatValue, isKnown, shorten, toNumber } from "./values.js";

export const FEW_TICKS = 12; // An axis with at most this many different values has a tick at each of them.
const LONGEST_MARK = 6; // In characters.
const MOST_MARKS = 40; // An axis with more texts has ticks at evenly spaced ones.
const DECADES = 100; // An axis whose largest value is this many times the smallest starts out logarithmic.

export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const finite = (values) => values.filter(Number.isFinite);

export const smallest = (values) => values.reduce((least, value) => Math.min(least, value), Infinity);
export const largest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);

// Plotly reads markup in most texts that it shows.
export const labelOf = (column, length = 30) => escapeMarkup(shorten(column.name, length));

// A column as numbers that can be drawn: the index of a text among the texts.
export function makeScale(column, runs) {
  const values = distinctValues(column, runs);
  if (isNumeric(column)) {
    const ticks = values.filter((value) => Number.isFinite(toNumber(value)));
    return { column, place: (run) => toNumber(column.values[run]), ticks };
  }
  const texts = values;
  const places = new Map(texts.map((text, place) => [text, place]));
  return { column, place: (run) => places.get(column.values[run]) ?? NaN, ticks: texts };
}

export function spansDecades(column, runs) {
  if (!isNumeric(column)) return false;
  if (column.log && canBeLogarithmic(column)) return true;
  const values = finite(runs.map((run) => toNumber(column.values[run])));
  return values.length > 1 && smallest(values) > 0 && largest(values) / smallest(values) >= DECADES;
}

export function canBeLogarithmic(column) {
  return isNumeric(column) && column.values.every((value) => !isKnown(value) || !(toNumber(value) <= 0));
}

/** Whether an axis has a tick at each value: those that somebody chose, and not the long numbers of a search. */
export function hasMarks({ column, ticks }) {
  if (column.kind === "text") return true;
  const isShort = (value) => formatValue(column, value).length <= LONGEST_MARK;
  return column.role === "parameter" && ticks.length <= FEW_TICKS && ticks.every(isShort);
}

export function describeAxis(scale, logarithmic) {
  const { column, ticks } = scale;
  const axis = {
    title: { text: labelOf(column, 60) },
    type: logarithmic ? "log" : "linear",
    automargin: true,
    gridcolor: style("--line"),
    zeroline: false,
    exponentformat: "e",
    minexponent: 5,
    linecolor: style("--line"),
  };
  if (hasMarks(scale)) {
    const every = Math.ceil(ticks.length / MOST_MARKS);
    const marked = ticks.filter((_, place) => place % every === 0);
    axis.tickvals = marked.map((value, place) => (column.kind === "text" ? place * every : toNumber(value)));
    axis.ticktext = marked.map((value) => escapeMarkup(shorten(formatValue(column, value), 24)));
    if (column.kind === "text") axis.range = [-0.5, ticks.length - 0.5];
  }
  return axis;
}
