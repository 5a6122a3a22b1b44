// The page of a sweep.

import { drawBest, offerBest, watchBest } from "./best_card.js";
import { drawCompare, watchCompare } from "./compare_card.js";
import { drawCurveCard, offerCurves, watchCurves } from "./curve_card.js";
import { allRuns, data } from "./data.js";
import { byId } from "./elements.js";
import { listen } from "./events.js";
import { watchHead, writeTimes } from "./head.js";
import { drawImportance } from "./importance_card.js";
import { loadDataTables, loadPlotly } from "./libraries.js";
import { follow } from "./live.js";
import { drawPlots, drawRings, offerPlots, watchPlots } from "./plot_card.js";
import { drawTable, makeTable, remakeTable, updateRows } from "./table.js";

const darkness = matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  const apply = () => document.documentElement.classList.toggle("dark", darkness.matches);
  apply();
  darkness.addEventListener("change", apply);
}

function offerAll() {
  offerBest();
  offerCurves();
  offerPlots();
}

function drawFacts() {
  drawBest();
  drawImportance();
}

function drawFigures(Plotly) {
  drawPlots(Plotly);
  drawCurveCard(Plotly);
  drawCompare(Plotly);
}

function drawAll(Plotly) {
  drawFacts();
  drawFigures(Plotly);
}

const needsPlots = () => !byId("plot-card").hidden || !byId("curves-card").hidden;

function watchAll(Plotly) {
  watchPlots(Plotly);
  watchCurves(Plotly);
  watchCompare(Plotly);
  listen("shown", () => drawAll(Plotly));
  listen("measure", () => drawAll(Plotly));
  listen("chosen", () => {
    drawRings(Plotly);
    drawCurveCard(Plotly);
    drawCompare(Plotly);
  });
  darkness.addEventListener("change", () => drawAll(Plotly));
}

async function start() {
  followTheme();
  writeTimes();
  if (!allRuns.length) {
    if (data.live) follow(() => {});
    return;
  }
  const DataTable = await loadDataTables();
  makeTable(DataTable);
  drawTable();
  watchHead();
  watchBest();
  offerAll();
  drawFacts();
  const Plotly = needsPlots() || data.live ? await loadPlotly() : null;
  drawFigures(Plotly);
  watchAll(Plotly);
  if (!data.live) return;
  follow((isSame, changed) => {
    offerAll();
    if (isSame) updateRows(changed); // which draws all else
    else remakeTable(DataTable);
  });
}

start().then(
  () => {
    document.documentElement.classList.add("ready");
    performance.mark("ready");
  },
  (error) => {
    byId("trouble").hidden = false;
    byId("trouble").textContent =
      `This browser could not draw the table or the plots (${error.message}); a newer one will.`;
    console.error(error);
  },
);
