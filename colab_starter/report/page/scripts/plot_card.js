// The plots of measures and parameters, and their controls.

import { findBest, frontRuns } from "./best_card.js";
import { rank, rateMeasure, rateParameters, twoObjectives } from "./choices.js";
import {
  allRuns,
  isNumeric,
  keyOf,
  measures,
  orderColumn,
  parameters,
  statusColumn,
  versionColumn,
} from "./data.js";
import { byId, makeElement } from "./elements.js";
import { drawMap, drawSlices } from "./maps.js";
import { drawParallel, drawPoints, MANY_POINTS } from "./plots.js";
import { canBeLogarithmic, spansDecades } from "./scales.js";
import { chosenColumn, fillSelect } from "./selects.js";
import { runsShown, showRun } from "./table.js";

const MOST_PARALLEL = 12; // Parallel coordinates with more axes cannot be read.
const VIEWS = { points: "One parameter", slices: "Every parameter", map: "Two parameters" };

let seen = null;

/** Shows the controls, set to what explains most; what is chosen stays chosen. */
export function offerPlots() {
  const hasPlots = measures.length > 0 && parameters.length > 0;
  byId("plot-card").hidden = !hasPlots;
  byId("parallel-card").hidden = !hasPlots || parameters.length < 3 || parameters.length >= MOST_PARALLEL;
  if (!hasPlots) return;
  offerViews();
  const front = twoObjectives();
  const measure = front ? front[1].column : rank(measures, rateMeasure)[0];
  const { shares } = rateParameters(measure, runsShown());
  const ranked = rank(parameters, (parameter) => shares.get(parameter) - Number(Boolean(parameter.repeats)));
  const across = front ? front[0].column : ranked.find(isNumeric) ?? ranked[0];
  const chosen = (id, otherwise) => chosenColumn(id) ?? otherwise;
  const isNew = { x: !chosenColumn("plot-x"), y: !chosenColumn("plot-y") };
  fillSelect(byId("plot-y"), measures, chosen("plot-y", measure));
  fillSelect(byId("plot-x"), [...parameters, ...measures.filter(isNumeric)], chosen("plot-x", across));
  offerColours(ranked.find((parameter) => parameter !== across));
  if (isNew.x) suggestLog("plot-x");
  if (isNew.y) suggestLog("plot-y");
}

function offerViews() {
  const select = byId("plot-view");
  const offered = parameters.length > 1 ? ["points", "slices", "map"] : ["points"];
  const chosen = offered.includes(select.value) ? select.value : "points";
  const options = offered.map((view) =>
    makeElement("option", { value: view, selected: view === chosen }, VIEWS[view])
  );
  select.replaceChildren(...options);
}

function offerColours(otherwise) {
  const select = byId("plot-colour");
  const isNew = !select.options.length;
  const chosen = isNew ? otherwise : chosenColumn("plot-colour");
  if (isNew) select.append(makeElement("option", { value: "" }, "nothing"));
  const facts = [statusColumn, versionColumn, orderColumn.name === "trial" ? orderColumn : null].filter(
    Boolean,
  );
  fillSelect(select, [...parameters, ...measures.filter(isNumeric), ...facts], chosen);
}

function noteRuns(view, drawn, shown) {
  const [y, x] = [chosenColumn("plot-y").name, chosenColumn("plot-x").name];
  const needed = {
    points: `finite ${y}, or without ${x}`,
    slices: `finite ${y}`,
    map: `finite ${y}, or that were not ok`,
  }[view];
  const [missing, all] = [shown - drawn, shown].map((count) => count.toLocaleString());
  byId("plot-note").textContent = drawn < shown
    ? `Not drawn: ${missing} of ${all} runs, those without a ${needed}.`
    : "";
}

function suggestLog(id) {
  const column = chosenColumn(id);
  const box = byId(`${id}-log`);
  box.disabled = !canBeLogarithmic(column);
  box.checked = !box.disabled && spansDecades(column, allRuns);
}

// The second parameter of a map: what the points are coloured by, if that is one.
function chooseOther(x, slices) {
  const colour = chosenColumn("plot-colour");
  return colour?.role === "parameter" && colour !== x ? colour : slices.find((parameter) => parameter !== x);
}

// On a map, both axes are parameters.
function chooseMap(slices) {
  if (chosenColumn("plot-x").role !== "parameter") {
    byId("plot-x").value = keyOf(slices[0]);
    suggestLog("plot-x");
  }
  byId("plot-colour").value = keyOf(chooseOther(chosenColumn("plot-x"), slices));
}

function nameControls(view) {
  byId("plot-x-label").hidden = view === "slices";
  byId("plot-x-log-label").hidden = view === "slices";
  byId("plot-colour-label").hidden = view === "slices";
  byId("plot-y-log-label").hidden = view === "map";
  byId("plot-colour-word").textContent = view === "map" ? "and" : "coloured by";
}

/** Draws the plots of the runs that are shown. */
export function drawPlots(Plotly) {
  if (byId("plot-card").hidden) return;
  const view = byId("plot-view").value;
  const runs = runsShown();
  const y = chosenColumn("plot-y");
  const { shares } = rateParameters(y, runs);
  const slices = rank(parameters, (parameter) => shares.get(parameter) - Number(Boolean(parameter.repeats)));
  if (view === "map") chooseMap(slices);
  const choice = {
    x: chosenColumn("plot-x"),
    y,
    slices,
    colour: chosenColumn("plot-colour"),
    logarithmic: { x: byId("plot-x-log").checked, y: byId("plot-y-log").checked },
    runs,
    best: [...(findBest()?.runs ?? []), ...frontRuns()],
  };
  nameControls(view);
  const draw = { points: drawPoints, slices: drawSlices, map: drawMap }[view];
  draw(Plotly, choice).then((drawn) => noteRuns(view, drawn, runs.length));
  if (!byId("parallel-card").hidden) drawWhenSeen(byId("parallel"), () => drawParallel(Plotly, choice));
}

/** Rings the chosen runs, where that is quickly done: among thousands, they are ringed when the plot is next drawn. */
export function drawRings(Plotly) {
  if (runsShown().length <= MANY_POINTS) drawPlots(Plotly);
}

// Parallel coordinates take a while to draw: that waits until the user scrolls to them.
function drawWhenSeen(element, draw) {
  seen?.disconnect();
  seen = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      draw();
    },
    { rootMargin: "400px" },
  );
  seen.observe(element);
}

/** Draws the plots again whenever the user chooses something else. */
export function watchPlots(Plotly) {
  byId("plot").on?.("plotly_click", (event) => showRun(event.points[0].customdata));
  for (const id of ["plot-x", "plot-y"]) byId(id).addEventListener("change", () => suggestLog(id));
  for (const control of byId("plot-card").querySelectorAll("select, input")) {
    control.addEventListener("change", () => drawPlots(Plotly));
  }
}
