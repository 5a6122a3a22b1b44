// The plots: a metric against a parameter, and all parameters at once.

import { data, isNumeric, parameters } from "./data.js";
import { byId } from "./elements.js";
import { chosenRuns } from "./selection.js";
import { groupRuns, RAMP_SCALE } from "./colours.js";
import { makeLayout, POINT_BUTTONS, settings, symbolOf } from "./layout.js";
import {
  describeAxis,
  finite,
  hasMarks,
  labelOf,
  largest,
  makeScale,
  smallest,
  spansDecades,
  style,
} from "./scales.js";
import { average, escapeMarkup, formatNumber, formatValue, shorten, takeEvenly, toNumber } from "./values.js";

export const MANY_POINTS = 2000; // More points are drawn with WebGL.
const MOST_PARALLEL_LINES = 1500;
const PARALLEL_MARKS = 20; // A vertical axis with more texts has ticks at evenly spaced ones.

export function describeRuns(runs, metric) {
  const shown = [metric, ...parameters].map((column) => [column, labelOf(column, 40)]);
  return runs.map((run) => {
    const lines = shown.map(([column, label]) => {
      const value = escapeMarkup(shorten(formatValue(column, column.values[run]), 60));
      return `${label}: ${column === metric ? `<b>${value}</b>` : value}`;
    });
    if (data.statuses[run] !== "ok") lines.push(escapeMarkup(data.words[data.statuses[run]]));
    return lines.join("<br>");
  });
}

function makeMarker(group, colour, count) {
  const marker = { size: count > MANY_POINTS ? 5 : 9, opacity: count > 500 ? 0.6 : 0.9, line: { width: 0 } };
  const allOk = group.runs.every((run) => data.statuses[run] === "ok");
  marker.symbol = allOk ? "circle" : group.runs.map(symbolOf);
  if (!group.continuous) return { ...marker, color: group.colour };
  const bar = { title: { text: labelOf(colour), side: "right" }, thickness: 12, outlinewidth: 0 };
  return {
    ...marker,
    color: group.runs.map((run) => toNumber(colour.values[run])),
    colorscale: RAMP_SCALE,
    colorbar: bar,
  };
}

function makePoints(group, x, y, colour, count) {
  return {
    type: count > MANY_POINTS ? "scattergl" : "scatter",
    mode: "markers",
    name: escapeMarkup(shorten(group.name, 30)),
    legendgroup: group.name,
    showlegend: group.name !== "",
    x: group.runs.map(x.place),
    y: group.runs.map(y.place),
    customdata: group.runs,
    hovertext: describeRuns(group.runs, y.column),
    hoverinfo: "text",
    marker: makeMarker(group, colour, count),
  };
}

// A line through the means of the runs that share a position on the axis.
function makeMeans(group, x, y) {
  const places = new Map();
  for (const run of group.runs) {
    const [at, value] = [x.place(run), y.place(run)];
    if (Number.isFinite(at) && Number.isFinite(value)) places.set(at, [...(places.get(at) ?? []), value]);
  }
  const ordered = [...places.keys()].sort((left, right) => left - right);
  return {
    type: "scatter",
    mode: "lines",
    legendgroup: group.name,
    showlegend: false,
    x: ordered,
    y: ordered.map((place) => average(places.get(place))),
    line: { color: group.colour, width: 1.5 },
    opacity: 0.6,
    hoverinfo: "skip",
  };
}

function hasSteps(x, runs) {
  const alone = parameters.length === 1;
  return (
    isNumeric(x.column) &&
    x.ticks.length > 1 &&
    x.ticks.length <= 30 &&
    (alone || x.ticks.length < runs.length)
  );
}

export function makeRings(runs, x, y) {
  return {
    type: "scatter",
    mode: "markers",
    x: runs.map(x.place),
    y: runs.map(y.place),
    showlegend: false,
    hoverinfo: "skip",
    marker: { size: 17, symbol: "circle-open", color: style("--text"), line: { width: 2 } },
  };
}

export function drawPoints(Plotly, { x, y, colour, runs, best, logarithmic }) {
  const [across, up] = [makeScale(x, runs), makeScale(y, runs)];
  const drawn = runs.filter((run) => Number.isFinite(across.place(run)) && Number.isFinite(up.place(run)));
  const groups = groupRuns(colour, drawn);
  /** @type {object[]} */
  const traces = groups.map((group) => makePoints(group, across, up, colour, drawn.length));
  const lined = hasSteps(across, drawn) ? groups.filter((group) => !group.continuous) : [];
  traces.unshift(...lined.map((group) => makeMeans(group, across, up)));
  const ringed = [...new Set([...best, ...chosenRuns])].filter((run) => drawn.includes(run));
  if (ringed.length) traces.push(makeRings(ringed, across, up));
  const axes = { xaxis: describeAxis(across, logarithmic.x), yaxis: describeAxis(up, logarithmic.y) };
  return Plotly.react("plot", traces, makeLayout(colour, axes), settings(POINT_BUTTONS)).then(
    () => drawn.length,
  );
}

// Of very many runs, evenly chosen ones: without a GPU, a browser takes seconds for all.
export function drawParallel(Plotly, { y, runs }) {
  const known = runs.filter((run) => Number.isFinite(toNumber(y.values[run])));
  const drawn = takeEvenly(known, MOST_PARALLEL_LINES);
  byId("parallel-note").textContent = drawn.length < known.length
    ? `${drawn.length.toLocaleString("en")} of ${
      known.length.toLocaleString("en")
    } runs are drawn, evenly chosen.`
    : "";
  const dimensions = [...parameters, y].map((column) => makeDimension(column, drawn));
  const line = { color: drawn.map((run) => toNumber(y.values[run])), colorscale: RAMP_SCALE };
  const trace = {
    type: "parcoords",
    dimensions,
    line,
    unselected: { line: { color: style("--line") } },
    labelfont: { size: 13 },
  };
  const layout = makeLayout(null, { margin: { l: 80, r: 80, t: 56, b: 24 }, height: 360 });
  return Plotly.react("parallel", [trace], layout, settings([["toImage"]]));
}

function makeDimension(column, runs) {
  const scale = makeScale(column, runs);
  const logarithmic = spansDecades(column, runs);
  const place = (number) => (logarithmic ? Math.log10(number) : number);
  const dimension = { label: labelOf(column, 24), values: runs.map((run) => place(scale.place(run))) };
  if (hasMarks(scale)) {
    const every = Math.ceil(scale.ticks.length / PARALLEL_MARKS);
    const marked = scale.ticks.filter((_, index) => index % every === 0);
    dimension.tickvals = marked.map((value, index) =>
      column.kind === "text" ? index * every : place(toNumber(value))
    );
    dimension.ticktext = marked.map((value) => shorten(formatValue(column, value), 14)); // Plotly reads no markup here.
  } else if (logarithmic) {
    const exponents = finite(dimension.values);
    const [first, last] = [Math.floor(smallest(exponents)), Math.ceil(largest(exponents))];
    dimension.tickvals = Array.from({ length: last - first + 1 }, (_, step) => first + step);
    dimension.ticktext = dimension.tickvals.map((decade) => formatNumber(10 ** decade));
  } else {
    dimension.tickformat = "~g";
  }
  return dimension;
}
