// The best run by a measure.

import { BAD, rank, rateMeasure } from "./choices.js";
import { data, isNumeric, measures, parameters } from "./data.js";
import { byId, makeElement, makeLinks } from "./elements.js";
import { chosenColumn, fillSelect } from "./selects.js";
import { runsShown, showRun } from "./table.js";
import { compareValues, formatValue, isKnown, toNumber } from "./values.js";

/** The best of the runs shown that succeeded; undefined where none has a value. */
export function findBest(table) {
  const column = chosenColumn("best-metric");
  if (!column) return undefined;
  const direction = byId("best-way").value === "highest" ? -1 : 1;
  let best;
  for (const run of runsShown(table)) {
    const value = column.values[run];
    if (data.statuses[run] !== "ok" || !Number.isFinite(toNumber(value))) continue;
    if (best === undefined || compareValues(column, value, column.values[best], direction) < 0) best = run;
  }
  return best;
}

function guessWay() {
  byId("best-way").value = BAD.test(chosenColumn("best-metric").name) ? "lowest" : "highest";
}

function showBest(table) {
  const run = findBest(table);
  const column = chosenColumn("best-metric");
  byId("best-value").textContent = run === undefined
    ? "no run has a value"
    : formatValue(column, column.values[run]);
  const pairs = run === undefined ? [] : parameters.filter((parameter) => isKnown(parameter.values[run]));
  const tell = (parameter) => [
    makeElement("dt", {}, parameter.name),
    makeElement("dd", {}, formatValue(parameter, parameter.values[run])),
  ];
  byId("best-parameters").replaceChildren(
    ...pairs.map((parameter) => makeElement("div", {}, ...tell(parameter))),
  );
  byId("best-links").replaceChildren();
  if (run === undefined) return;
  const show = makeElement(
    "button",
    { type: "button", className: "link", onclick: () => showRun(table, run) },
    "in the table",
  );
  byId("best-links").append(show, " ", makeLinks(run));
}

/** Shows the card and keeps it up to date, where there is something to compare. */
export function startBest(table) {
  const choices = measures.filter(isNumeric);
  if (!choices.length) return;
  byId("best").hidden = false;
  fillSelect(byId("best-metric"), choices, rank(choices, rateMeasure)[0]);
  guessWay();
  showBest(table);
  byId("best-metric").addEventListener("change", guessWay);
  for (const id of ["best-metric", "best-way"]) byId(id).addEventListener("change", () => showBest(table));
  table.on("search", () => showBest(table));
}
