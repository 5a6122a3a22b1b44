// A plot of curves: those that matter as lines, and behind them all others as one faint picture, for a browser draws ten
// thousand lines at once far faster than one by one.

import { groupShades, makeShadeBar } from "./colours.js";
import { findExtent } from "./curves.js";
import { data } from "./data.js";
import { drawFaintly } from "./faint.js";
import { makeLayout, POINT_BUTTONS, settings, symbolOf } from "./layout.js";
import { describeAxis, style } from "./scales.js";
import { escapeMarkup, shorten } from "./values.js";

export const FEW = 100; // So many curves are all drawn as lines.
const HEIGHT = 420; // In pixels, as of all plots,
const MARGINS = { x: 72, y: 64 }; // with what is around them.
/**
 * @typedef {object} Choice
 * @property {import("./curves.js").Curves} curves
 * @property {number[]} runs Those with a curve, which are drawn.
 * @property {Set<number>} strong The runs that are drawn as strong lines: the best, and the chosen ones.
 * @property {import("./data.js").Column | null} colour
 * @property {Map<number, string>} [colours] Those of the runs, where each has its own.
 * @property {{ x: boolean, y: boolean }} logarithmic
 */

/** @param {Choice} choice */
const groupSingly = ({ runs, colours }) =>
  runs.map((run) => ({ name: data.names[run], runs: [run], colour: colours.get(run) }));

/**
 * Draws curves into an element.
 * @param {Choice} choice
 */
export function drawCurves(Plotly, element, choice) {
  const ranges = findRanges(choice);
  const groups = choice.colours ? groupSingly(choice) : groupShades(choice.colour, choice.runs);
  const lines = choice.runs.length <= FEW ? new Set(choice.runs) : choice.strong;
  const traces = groups.flatMap((group) => makeLines(group, choice, lines));
  traces.push(makeEnds(groups, choice, lines), makeMarked());
  const faint = choice.runs.length > lines.size;
  if (!choice.colours) traces.unshift(...makeShadeBar(choice.colour, choice.runs));
  if (faint && choice.colour) traces.unshift(...nameGroups(groups, choice, lines));
  const layout = makeLayout(choice.colour, {
    hovermode: false,
    dragmode: "zoom",
    images: faint ? [makeBackground(element, choice, groups, ranges)] : [],
    xaxis: { ...describeAxis(stepScale, choice.logarithmic.x), range: ranges.x },
    yaxis: { ...describeAxis(makeScale(choice), choice.logarithmic.y), range: ranges.y },
  });
  return Plotly.react(element, traces, layout, settings(POINT_BUTTONS));
}

const stepScale = { column: { name: "step", kind: "number", role: "fact" }, ticks: [] };
const makeScale = ({ curves }) => ({
  column: { name: curves.name, kind: "number", role: "metric" },
  ticks: [],
});

// The ranges of the axes; of a logarithmic one, as exponents.
function findRanges({ curves, runs, logarithmic }) {
  const extent = findExtent(curves, runs, logarithmic);
  const pad = ([least, most], isLogarithmic, share) => {
    if (!(least <= most)) return [0, 1];
    const [low, high] = isLogarithmic ? [Math.log10(least), Math.log10(most)] : [least, most];
    const margin = (high - low || Math.abs(high) * 0.1 || 1) * share;
    return [low - margin, high + margin];
  };
  return { x: pad(extent.x, logarithmic.x, 0.015), y: pad(extent.y, logarithmic.y, 0.04) };
}

function makeLines(group, { curves, strong, colour }, lines) {
  const isFew = lines !== strong;
  const drawn = group.runs.filter((run) => lines.has(run));
  return drawn.map((run, place) => {
    const { steps, values } = curves.of(run);
    const isStrong = strong.has(run);
    return {
      type: "scatter",
      mode: steps.length > 1 ? "lines" : "markers",
      name: escapeMarkup(shorten(group.name, 30)),
      legendgroup: group.name,
      showlegend: Boolean(colour) && place === 0 && group.name !== "",
      x: [...steps],
      y: [...values].map((value) => (Number.isFinite(value) ? value : null)),
      customdata: [run],
      line: { color: group.colour, width: isStrong ? 4 : 1.5 },
      marker: { color: group.colour, size: 7 },
      opacity: isStrong || !isFew || !strong.size ? 1 : 0.65,
    };
  });
}

// Entries of the legend for the groups that are only in the background.
function nameGroups(groups, { colour }, lines) {
  const unnamed = groups.filter(({ name, runs }) => name && !runs.some((run) => lines.has(run)));
  return unnamed.map((group) => ({
    type: "scatter",
    mode: "lines",
    name: escapeMarkup(shorten(group.name, 30)),
    showlegend: Boolean(colour),
    x: [null],
    y: [null],
    line: { color: group.colour, width: 1.5 },
  }));
}

// Where runs ended that did not come to their end.
function makeEnds(groups, { curves }, lines) {
  const ends = groups.flatMap((group) =>
    group.runs.filter((run) => lines.has(run) && data.statuses[run] !== "ok").map((run) => ({ run, group }))
  );
  const last = (run, what) => curves.of(run)[what].at(-1);
  return {
    type: "scatter",
    mode: "markers",
    x: ends.map(({ run }) => last(run, "steps")),
    y: ends.map(({ run }) => last(run, "values")),
    showlegend: false,
    marker: {
      symbol: ends.map(({ run }) => symbolOf(run)),
      size: 9,
      color: ends.map(({ group }) => group.colour),
      line: { width: 2, color: ends.map(({ group }) => group.colour) },
    },
  };
}

/** The trace of the curve under the mouse is the last one. */
const makeMarked = () => ({
  type: "scatter",
  mode: "lines",
  x: [],
  y: [],
  showlegend: false,
  line: { color: style("--text"), width: 3 },
});

/** Marks the curve of a run, or none. */
export function markCurve(Plotly, element, curve) {
  const marked = { x: [curve ? [...curve.steps] : []], y: [curve ? [...curve.values] : []] };
  return Plotly.restyle(element, marked, [element.data.length - 1]);
}

let painted = { key: [], source: "" };

// A picture of all curves, in the place of the plot. It is kept until other curves are shown, or in another way.
function makeBackground(element, choice, groups, ranges) {
  const { curves, runs, colour, logarithmic } = choice;
  const [width, height] = [Math.max(300, element.clientWidth - MARGINS.x), HEIGHT - MARGINS.y];
  const key = [curves, runs.join(), colour, logarithmic.x, logarithmic.y, width, style("--card")];
  if (key.some((part, place) => part !== painted.key[place])) {
    painted = { key, source: paintCurves(choice, groups, ranges, { width, height }) };
  }
  const [left, right, low, high] = [...ranges.x, ...ranges.y];
  const size = { x: left, y: high, sizex: right - left, sizey: high - low, sizing: "stretch" };
  return { source: painted.source, xref: "x", yref: "y", layer: "below", ...size };
}

function paintCurves({ curves, logarithmic }, groups, ranges, { width, height }) {
  const across = makePlace(ranges.x, width, logarithmic.x);
  const up = makePlace(ranges.y, height, logarithmic.y);
  const drawn = groups.map(({ colour, runs }) => ({ colour, curves: runs.map(curves.of) }));
  return drawFaintly({ width, height, across, up: (value) => height - up(value) }, drawn);
}

function makePlace([least, most], size, isLogarithmic) {
  const factor = size / (most - least);
  return isLogarithmic
    ? (value) => (Math.log10(value) - least) * factor
    : (value) => (value - least) * factor;
}
