// A measure against every parameter, one beside the other, and over two parameters as a map.

import { RAMP_SCALE } from "./colours.js";
import { data, isNumeric, orderColumn } from "./data.js";
import { isNarrow, makeLayout, POINT_BUTTONS, settings, symbolOf } from "./layout.js";
import { describeRuns, makeRings, MANY_POINTS } from "./plots.js";
import { describeAxis, FEW_TICKS, labelOf, largest, makeScale, smallest, spansDecades } from "./scales.js";
import { average, toNumber } from "./values.js";

const MOST_SLICES = 12;
const ACROSS = 3; // Slices in a row.
const SLICE = 230; // Their height in pixels.
const CELLS = 12; // Of a map, along an axis of many numbers.

const isPlace = Number.isFinite;

/** The measure against each of the parameters, the first ones, coloured by the order in which the runs began. */
export function drawSlices(Plotly, { slices, y, runs, logarithmic }) {
  const shown = slices.slice(0, MOST_SLICES);
  const columns = isNarrow() ? 1 : Math.min(ACROSS, shown.length);
  const rows = Math.ceil(shown.length / columns);
  const up = makeScale(y, runs);
  const drawn = runs.filter((run) => isPlace(up.place(run)));
  const texts = describeRuns(drawn, y);
  const traces = shown.map((column, place) => makeSlice(column, place, { up, drawn, texts }));
  const axes = shown.map((column, place) =>
    describeSlice(column, place, { up, drawn, columns, logarithmic })
  );
  const layout = makeLayout(orderColumn, {
    grid: { rows, columns, pattern: "independent", roworder: "top to bottom", xgap: 0.14, ygap: 0.3 },
    height: SLICE * rows + 40,
    showlegend: false,
    ...Object.assign({}, ...axes),
  });
  return Plotly.react("plot", traces, layout, settings(POINT_BUTTONS)).then(() => drawn.length);
}

const nameAxis = (letter, place) => `${letter}${place ? place + 1 : ""}`;

function makeSlice(column, place, { up, drawn, texts }) {
  const across = makeScale(column, drawn);
  return {
    type: drawn.length > MANY_POINTS ? "scattergl" : "scatter",
    mode: "markers",
    x: drawn.map(across.place),
    y: drawn.map(up.place),
    xaxis: nameAxis("x", place),
    yaxis: nameAxis("y", place),
    customdata: drawn,
    hovertext: texts,
    hoverinfo: "text",
    marker: {
      size: drawn.length > 500 ? 4 : 7,
      opacity: 0.8,
      symbol: drawn.map(symbolOf),
      color: drawn.map((run) => toNumber(orderColumn.values[run])),
      colorscale: RAMP_SCALE,
      showscale: place === 0 && !isNarrow(),
      colorbar: { title: { text: labelOf(orderColumn), side: "right" }, thickness: 12, outlinewidth: 0 },
    },
  };
}

function describeSlice(column, place, { up, drawn, columns, logarithmic }) {
  const across = makeScale(column, drawn);
  const [x, y] = [describeAxis(across, spansDecades(column, drawn)), describeAxis(up, logarithmic.y)];
  x.title.text = labelOf(column, 30);
  if (place % columns) y.title.text = "";
  const key = (letter) => `${letter}axis${place ? place + 1 : ""}`;
  return { [key("x")]: x, [key("y")]: y };
}

/** The mean of the measure over two parameters: a map of cells, and the runs in it. Only runs that were ok count. */
export function drawMap(Plotly, { x, colour: other, y, runs, best, logarithmic }) {
  const isDone = (run) => data.statuses[run] === "ok" && isPlace(toNumber(y.values[run]));
  const done = runs.filter(isDone);
  const [across, up] = [makeScale(x, done), makeScale(other, done)];
  const drawn = done.filter((run) => isPlace(across.place(run)) && isPlace(up.place(run)));
  const isLogarithmic = { x: logarithmic.x, y: spansDecades(other, drawn) };
  const [columns, rows] = [findEdges(across, drawn, isLogarithmic.x), findEdges(up, drawn, isLogarithmic.y)];
  const cells = Map.groupBy(
    drawn,
    (run) => `${findCell(columns, across.place(run))} ${findCell(rows, up.place(run))}`,
  );
  const mean = (row, column) => {
    const members = cells.get(`${column} ${row}`);
    return members ? average(members.map((run) => toNumber(y.values[run]))) : null;
  };
  const places = (edges) => Array.from({ length: edges.length - 1 }, (_, place) => place);
  const heat = {
    type: "heatmap",
    x: columns,
    y: rows,
    z: places(rows).map((row) => places(columns).map((column) => mean(row, column))),
    colorscale: RAMP_SCALE,
    colorbar: { title: { text: labelOf(y), side: "right" }, thickness: 12, outlinewidth: 0 },
    hoverinfo: "skip",
    opacity: 0.85,
  };
  const axes = {
    xaxis: { ...describeAxis(across, isLogarithmic.x), showgrid: false },
    yaxis: { ...describeAxis(up, isLogarithmic.y), showgrid: false },
  };
  const ringed = best.filter((run) => drawn.includes(run));
  const traces = [heat, makeDots(drawn, across, up, y), makeRings(ringed, across, up)];
  return Plotly.react(
    "plot",
    traces,
    makeLayout(null, { ...axes, showlegend: false }),
    settings(POINT_BUTTONS),
  )
    .then(() => drawn.length);
}

function makeDots(runs, across, up, y) {
  return {
    type: runs.length > MANY_POINTS ? "scattergl" : "scatter",
    mode: "markers",
    x: runs.map(across.place),
    y: runs.map(up.place),
    customdata: runs,
    hovertext: describeRuns(runs, y),
    hoverinfo: "text",
    marker: { size: 5, color: "#000", opacity: 0.55, line: { width: 0.5, color: "#fff" } },
  };
}

// Where the cells along an axis begin and end: a cell for each of a few values, or cells of equal width.
function findEdges({ column, place, ticks }, runs, isLogarithmic) {
  if (!isNumeric(column)) return Array.from({ length: ticks.length + 1 }, (_, tick) => tick - 0.5);
  const [there, back] = isLogarithmic
    ? [Math.log10, (value) => 10 ** value]
    : [(value) => value, (value) => value];
  const places = [...new Set(runs.map((run) => there(place(run))))].sort((left, right) => left - right);
  if (places.length < 2) return [back((places[0] ?? 0) - 0.5), back((places[0] ?? 0) + 0.5)];
  if (places.length > FEW_TICKS) {
    const [least, most] = [smallest(places), largest(places)];
    return Array.from({ length: CELLS + 1 }, (_, cell) => back(least + ((most - least) * cell) / CELLS));
  }
  const between = places.slice(1).map((value, index) => (value + places[index]) / 2);
  const [first, last] = [2 * places[0] - between[0], 2 * places.at(-1) - between.at(-1)];
  return [first, ...between, last].map(back);
}

function findCell(edges, value) {
  const last = edges.length - 2;
  const cell = edges.findLastIndex((edge) => edge <= value);
  return Math.min(last, Math.max(0, cell));
}
