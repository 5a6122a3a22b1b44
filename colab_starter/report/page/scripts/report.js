// The page of a sweep.

import { startBest } from "./best_card.js";
import { allRuns, measures, parameters } from "./data.js";
import { byId, findAll } from "./elements.js";
import { watchHead } from "./head.js";
import { loadDataTables, loadPlotly } from "./libraries.js";
import { offerPlots, watchPlots } from "./plot_card.js";
import { makeTable } from "./table.js";

function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
  follow();
  dark.addEventListener("change", follow);
}

function writeTimes() {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of findAll("time")) {
    const [from, to] = [time.dateTime, time.dataset.until || time.dateTime].map((moment) => new Date(moment));
    time.title = time.textContent;
    time.textContent = format.formatRange(from, to);
  }
}

async function start() {
  followTheme();
  writeTimes();
  if (!allRuns.length) return;
  const table = makeTable(await loadDataTables());
  table.draw();
  startBest(table);
  watchHead(table);
  if (!measures.length || !parameters.length) return;
  offerPlots();
  watchPlots(await loadPlotly(), table);
}

start().then(
  () => document.documentElement.classList.add("ready"),
  (error) => {
    byId("trouble").hidden = false;
    byId("trouble").textContent =
      `This browser could not draw the table or the plots (${error.message}); a newer one will.`;
    console.error(error);
  },
);
