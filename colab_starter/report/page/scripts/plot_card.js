// The plots and their controls.

import { findBest } from "./best_card.js";
import { explainVariance, rank, rateMeasure } from "./choices.js";
import { allRuns, isNumeric, measures, parameters, statusColumn, versionColumn } from "./data.js";
import { byId, makeElement } from "./elements.js";
import { drawParallel, drawPoints, drawSeries } from "./plots.js";
import { canBeLogarithmic, spansDecades } from "./scales.js";
import { chosenColumn, fillSelect } from "./selects.js";
import { runsShown, showRun } from "./table.js";

const MOST_PARALLEL = 12; // Parallel coordinates with more axes cannot be read.

let seen = null;

/** Shows the controls, set to what explains most. */
export function offerPlots() {
  byId("plot-card").hidden = false;
  byId("parallel-card").hidden = parameters.length < 3 || parameters.length >= MOST_PARALLEL;
  const measure = rank(measures, rateMeasure)[0];
  const ranked = rank(parameters, (parameter) => explainVariance(parameter, measure));
  const across = ranked.find(isNumeric) ?? ranked[0];
  fillSelect(byId("plot-y"), measures, measure);
  fillSelect(byId("plot-x"), [...parameters, ...measures.filter(isNumeric)], across);
  byId("plot-colour").append(makeElement("option", { value: "" }, "nothing"));
  const facts = versionColumn ? [statusColumn, versionColumn] : [statusColumn];
  const colours = [...parameters, ...measures.filter(isNumeric), ...facts];
  fillSelect(
    byId("plot-colour"),
    colours,
    ranked.find((parameter) => parameter !== across),
  );
  suggestLog("plot-x");
  suggestLog("plot-y");
}

function noteRuns(drawn, shown) {
  const column = chosenColumn("plot-y");
  const needed = column.kind === "series"
    ? column.name
    : `finite ${column.name}, or without ${chosenColumn("plot-x").name}`;
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

function drawPlots(Plotly, table) {
  const choice = {
    x: chosenColumn("plot-x"),
    y: chosenColumn("plot-y"),
    colour: chosenColumn("plot-colour"),
    logarithmic: { x: byId("plot-x-log").checked, y: byId("plot-y-log").checked },
    runs: runsShown(table),
    best: findBest(table),
  };
  const isSeries = choice.y.kind === "series";
  byId("plot-x").disabled = isSeries;
  const draw = isSeries ? drawSeries : drawPoints;
  draw(Plotly, choice).then((drawn) => noteRuns(drawn, choice.runs.length));
  if (!isSeries) drawWhenSeen(byId("parallel"), () => drawParallel(Plotly, choice));
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

/** Draws the plots, and draws them again whenever what they show changes. */
export function watchPlots(Plotly, table) {
  const redraw = () => drawPlots(Plotly, table);
  redraw();
  byId("plot").on("plotly_click", (event) => showRun(table, event.points[0].customdata));
  for (const id of ["plot-x", "plot-y"]) byId(id).addEventListener("change", () => suggestLog(id));
  for (const select of byId("plot-card").querySelectorAll("select, input")) {
    select.addEventListener("change", redraw);
  }
  for (const id of ["best-metric", "best-way"]) byId(id).addEventListener("change", redraw);
  table.on("search", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
