// Values as positions and colours: axes, groups of runs, colour scales.

import { isNumeric } from "./data.js";
import { distinctValues, escapeMarkup, formatValue, isKnown, shorten, toNumber } from "./values.js";

export const PALETTE = [
  "#4c78a8",
  "#f58518",
  "#54a24b",
  "#b279a2",
  "#e45756",
  "#72b7b2",
  "#9d755d",
  "#eeca3b",
  "#ff9da6",
  "#79706e",
];
export const FEW_TICKS = 12; // An axis with at most this many different values has a tick at each of them.
const MOST_MARKS = 40; // An axis with more texts has ticks at evenly spaced ones.
const DECADES = 100; // An axis whose largest value is this many times the smallest starts out logarithmic.

export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const finite = (values) => values.filter(Number.isFinite);

export const smallest = (values) => values.reduce((least, value) => Math.min(least, value), Infinity);
export const largest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);

// Plotly reads markup in most texts that it shows.
export const labelOf = (column, length = 30) => escapeMarkup(shorten(column.name, length));

// A column as numbers that can be drawn: the index of a text among the texts, the last number of a series.
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
  const values = finite(runs.map((run) => toNumber(column.values[run])));
  return values.length > 1 && smallest(values) > 0 && largest(values) / smallest(values) >= DECADES;
}

export function canBeLogarithmic(column) {
  if (column.kind === "text") return false;
  const isPositive = (value) => !isKnown(value) || !(toNumber(value) <= 0);
  return column.values.every((value) => (Array.isArray(value) ? value.every(isPositive) : isPositive(value)));
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
  if (column.kind === "text" || (column.role === "parameter" && ticks.length <= FEW_TICKS)) {
    const every = Math.ceil(ticks.length / MOST_MARKS);
    const marked = ticks.filter((_, place) => place % every === 0);
    axis.tickvals = marked.map((value, place) => (column.kind === "text" ? place * every : toNumber(value)));
    axis.ticktext = marked.map((value) => escapeMarkup(shorten(formatValue(column, value), 24)));
    if (column.kind === "text") axis.range = [-0.5, ticks.length - 0.5];
  }
  return axis;
}

/**
 * @typedef {object} Group
 * @property {string} name
 * @property {number[]} runs
 * @property {string} [colour]
 * @property {boolean} [continuous] The colours are a continuous scale.
 */

/**
 * Groups of runs, each with its colour; one group if the colours are a continuous scale.
 * @returns {Group[]}
 */
export function groupRuns(colour, runs) {
  if (!colour) return [{ name: "", runs, colour: style("--accent") }];
  const values = distinctValues(colour, runs);
  if (isNumeric(colour) && values.length > PALETTE.length) return [{ name: "", runs, continuous: true }];
  const groups = values.slice(0, PALETTE.length - 1).map((value, place) => ({
    name: formatValue(colour, value),
    runs: runs.filter((run) => colour.values[run] === value),
    colour: isNumeric(colour) ? sampleRamp(place, values.length) : PALETTE[place],
  }));
  const grouped = new Set(values.slice(0, PALETTE.length - 1));
  const others = runs.filter((run) => !grouped.has(colour.values[run]));
  const name = values.length >= PALETTE.length ? "others" : "none";
  if (others.length) groups.push({ name, runs: others, colour: style("--quiet") });
  return groups;
}

// Visible on a light and on a dark background.
const RAMP = [
  [92, 92, 214],
  [42, 140, 190],
  [46, 165, 120],
  [165, 180, 50],
  [240, 150, 40],
];
export const RAMP_SCALE = RAMP.map((rgb, step) => [step / (RAMP.length - 1), `rgb(${rgb})`]);

function sampleRamp(place, count) {
  const position = (count > 1 ? place / (count - 1) : 0.5) * (RAMP.length - 1);
  const step = Math.min(Math.floor(position), RAMP.length - 2);
  const mixed = RAMP[step].map((part, index) =>
    Math.round(part + (position - step) * (RAMP[step + 1][index] - part))
  );
  return `rgb(${mixed})`;
}
