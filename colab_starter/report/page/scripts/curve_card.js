// The card of the curves and its controls.

import { findBest } from "./best_card.js";
import { objectiveOf, rank, rateMeasure } from "./choices.js";
import { drawCurves, markCurve } from "./curve_plot.js";
import { curveNames, findCurves, findExtent, valueAt } from "./curves.js";
import { data, isNumeric, measures, parameters, statusColumn } from "./data.js";
import { byId, makeElement } from "./elements.js";
import { chosenRuns, toggleRun } from "./selection.js";
import { chosenColumn, fillSelect } from "./selects.js";
import { runsShown } from "./table.js";
import { countDistinct, formatNumber, formatValue, isKnown } from "./values.js";

const NEAR = 40; // Pixels; a curve farther away is not under the mouse.
const DECADES = 100;
const MOST_TOLD = 6; // Parameters that are told of the curve under the mouse.

let drawn = null;
let marked = null;

const chosenCurves = () => findCurves(byId("curves-metric").value);

/** Shows the controls, where there are curves; what is chosen stays chosen. */
export function offerCurves() {
  const names = curveNames();
  byId("curves-card").hidden = !names.length;
  if (!names.length) return;
  const select = byId("curves-metric");
  const chosen = names.includes(select.value) ? select.value : guessMetric(names);
  const isNew = chosen !== select.value;
  select.replaceChildren(...names.map((name) => makeElement("option", { selected: name === chosen }, name)));
  offerColours();
  if (isNew) suggestLog();
}

function guessMetric(names) {
  const columns = names.map((name) => ({ name, kind: "series", role: "metric", values: [] }));
  const best = chosenColumn("best-metric");
  const known = columns.find((column) => column.name === best?.name && !objectiveOf(column));
  return (columns.find(objectiveOf) ?? known ?? rank(columns, rateMeasure)[0]).name;
}

function offerColours() {
  const select = byId("curves-colour");
  const chosen = select.options.length ? chosenColumn("curves-colour") : guessColour();
  if (!select.options.length) select.append(makeElement("option", { value: "" }, "nothing"));
  fillSelect(select, [...parameters, ...measures.filter(isNumeric), statusColumn], chosen);
}

function guessColour() {
  const { runs } = chosenCurves();
  if (countDistinct(statusColumn, runs, 2) > 1) return statusColumn;
  return parameters.find((parameter) => countDistinct(parameter, runs, 9) <= 8);
}

function suggestLog() {
  const curves = chosenCurves();
  const { x, y } = findExtent(curves, curves.runs, { x: false, y: false });
  for (const [axis, [least, most]] of Object.entries({ x, y })) {
    byId(`curves-${axis}-log`).disabled = !(least > 0);
    byId(`curves-${axis}-log`).checked = axis === "y" && least > 0 && most / least >= DECADES;
  }
}

/** Draws the curves of the runs that are shown. */
export function drawCurveCard(Plotly) {
  if (byId("curves-card").hidden) return;
  const curves = chosenCurves();
  const runs = runsShown().filter(curves.of);
  const best = (findBest()?.runs ?? []).filter(curves.of);
  const strong = new Set([...chosenRuns.filter((run) => runs.includes(run)), ...best]);
  const logarithmic = { x: byId("curves-x-log").checked, y: byId("curves-y-log").checked };
  drawn = { curves, runs, strong, colour: chosenColumn("curves-colour") ?? null, logarithmic };
  marked = null;
  drawCurves(Plotly, byId("curves"), drawn);
  writeNote();
}

function writeNote() {
  const count = (number) => number.toLocaleString("en");
  const { runs, strong } = drawn;
  const parts = [`${count(runs.length)} run${runs.length === 1 ? "" : "s"}`];
  if (strong.size) parts.push("the best and the chosen ones are thick");
  if (data.thinned) parts.push(`of ${count(data.thinned)} long curves only some points are in this page`);
  byId("curves-note").textContent = `${parts.join("; ")}.`;
}

// The run whose curve is nearest to a place of the plot; undefined if none is near.
function findNear(event) {
  const element = byId("curves");
  const { xaxis, yaxis } = element._fullLayout;
  const box = element.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left - xaxis._offset, event.clientY - box.top - yaxis._offset];
  if (x < 0 || x > xaxis._length || y < 0 || y > yaxis._length) return undefined;
  const step = xaxis.p2d(x);
  let [near, distance] = [undefined, NEAR];
  for (const run of drawn.runs) {
    const value = valueAt(drawn.curves.of(run), step);
    const away = Math.abs(yaxis.d2p(value) - y);
    if (away < distance) [near, distance] = [run, away];
  }
  return near;
}

function describeRun(run) {
  const { curves } = drawn;
  const { steps, values } = curves.of(run);
  const told = parameters.filter((parameter) => isKnown(parameter.values[run])).slice(0, MOST_TOLD);
  const set = told.map((parameter) => `${parameter.name} ${formatValue(parameter, parameter.values[run])}`);
  const end = `${statusColumn.values[run]}, ${curves.name} ${formatNumber(values.at(-1))} at step ${
    formatNumber(steps.at(-1))
  }`;
  return [...set, end].join(" · ");
}

function markNear(Plotly, event) {
  if (!drawn) return;
  const run = findNear(event);
  if (run === marked) return;
  marked = run;
  markCurve(Plotly, byId("curves"), run === undefined ? null : drawn.curves.of(run));
  byId("curves-hint").textContent = run === undefined ? "" : describeRun(run);
}

// A click on a curve chooses its run.
function chooseNear() {
  if (marked !== undefined && marked !== null) toggleRun(marked);
}

/** Draws the curves, and keeps them up to date. */
export function watchCurves(Plotly) {
  const redraw = () => drawCurveCard(Plotly);
  byId("curves-metric").addEventListener("change", suggestLog);
  for (const control of byId("curves-card").querySelectorAll("select, input")) {
    control.addEventListener("change", redraw);
  }
  byId("curves").addEventListener("mousemove", (event) => markNear(Plotly, event));
  byId("curves").addEventListener("mouseleave", (event) => markNear(Plotly, event));
  byId("curves").addEventListener("click", chooseNear);
}
