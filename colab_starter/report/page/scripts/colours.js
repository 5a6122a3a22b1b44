// Colours of runs: a colour for each value of a column, or a scale from the lowest to the highest.

import { data, isNumeric, statusColumn } from "./data.js";
import { labelOf, largest, smallest, spansDecades, style } from "./scales.js";
import { distinctValues, formatNumber, formatValue, toNumber } from "./values.js";

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

// Visible on a light and on a dark background.
const RAMP = [
  [92, 92, 214],
  [42, 140, 190],
  [46, 165, 120],
  [165, 180, 50],
  [240, 150, 40],
];
export const RAMP_SCALE = RAMP.map((rgb, step) => [step / (RAMP.length - 1), `rgb(${rgb})`]);
const SHADES = 24; // Of a scale, where each needs a drawing of its own.

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
  if (colour === statusColumn) return groupStatuses(runs);
  const values = distinctValues(colour, runs);
  if (isNumeric(colour) && values.length > PALETTE.length) return [{ name: "", runs, continuous: true }];
  const named = values.slice(0, PALETTE.length - 1);
  const members = Map.groupBy(runs, (run) => colour.values[run]);
  const groups = named.map((value, place) => ({
    name: formatValue(colour, value),
    runs: members.get(value),
    colour: isNumeric(colour)
      ? sampleRamp(values.length > 1 ? place / (values.length - 1) : 0.5)
      : PALETTE[place],
  }));
  const grouped = new Set(named);
  const others = runs.filter((run) => !grouped.has(colour.values[run]));
  const name = values.length >= PALETTE.length ? "others" : "none";
  if (others.length) groups.push({ name, runs: others, colour: style("--quiet") });
  return groups;
}

function groupStatuses(runs) {
  const members = Map.groupBy(runs, (run) => data.statuses[run]);
  const order = Object.keys(data.words);
  const found = [...members].sort(([left], [right]) => order.indexOf(left) - order.indexOf(right));
  return found.map(([status, group]) => ({
    name: data.words[status] ?? status,
    runs: group,
    colour: style(`--${status}`),
  }));
}

/**
 * Groups of runs with a colour each, also where the colours are a scale.
 * @returns {Group[]}
 */
export function groupShades(colour, runs) {
  const groups = groupRuns(colour, runs);
  if (!groups[0]?.continuous) return groups;
  const { place, least, most } = measureShades(colour, runs);
  const shade = (run) => Math.round((SHADES * (place(run) - least)) / (most - least || 1));
  return [...Map.groupBy(runs, shade)].map(([step, group]) => ({
    name: "",
    runs: group,
    colour: Number.isFinite(step) ? sampleRamp(step / SHADES) : style("--quiet"),
  }));
}

// Where the runs are on a scale of colours.
function measureShades(colour, runs) {
  const isLogarithmic = spansDecades(colour, runs);
  const place = (run) => {
    const value = toNumber(colour.values[run]);
    return isLogarithmic ? Math.log10(value) : value;
  };
  const places = runs.map(place).filter(Number.isFinite);
  return { place, isLogarithmic, least: smallest(places), most: largest(places) };
}

const TICKS = 5; // Of a scale.

/** An empty trace with the bar that explains the shades of a column; none where the colours are no scale. */
export function makeShadeBar(colour, runs) {
  if (!colour || !groupRuns(colour, runs)[0]?.continuous) return [];
  const { isLogarithmic, least, most } = measureShades(colour, runs);
  const tickvals = Array.from({ length: TICKS }, (_, tick) => least + ((most - least) * tick) / (TICKS - 1));
  const write = (place) => formatNumber(Number((isLogarithmic ? 10 ** place : place).toPrecision(3)));
  const title = { text: labelOf(colour), side: "right" };
  const colorbar = { title, thickness: 12, outlinewidth: 0, tickvals, ticktext: tickvals.map(write) };
  const marker = {
    color: [least],
    cmin: least,
    cmax: most,
    colorscale: RAMP_SCALE,
    showscale: true,
    colorbar,
  };
  return [{
    type: "scatter",
    mode: "markers",
    x: [null],
    y: [null],
    showlegend: false,
    hoverinfo: "skip",
    marker,
  }];
}

function sampleRamp(share) {
  const position = share * (RAMP.length - 1);
  const step = Math.min(Math.floor(position), RAMP.length - 2);
  const mixed = RAMP[step].map((part, index) =>
    Math.round(part + (position - step) * (RAMP[step + 1][index] - part))
  );
  return `rgb(${mixed})`;
}
