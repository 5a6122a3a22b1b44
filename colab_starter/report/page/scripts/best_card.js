// The best setting by a measure, and where a search has two objectives, the runs that are best in one or both.

import { directionOf, rank, rateMeasure, twoObjectives } from "./choices.js";
import { isNumeric, measures, parameters } from "./data.js";
import { byId, makeElement, makeLinks } from "./elements.js";
import { tell } from "./events.js";
import { chooseRuns } from "./selection.js";
import { chosenColumn, fillSelect } from "./selects.js";
import { findBestSetting, findFront, repeating } from "./settings.js";
import { runsShown, showRun } from "./table.js";
import { formatNumber, formatValue, isKnown } from "./values.js";

const MOST_OF_FRONT = 8; // Runs that are listed.

/**
 * The best of the settings whose runs are shown; undefined where none has a value.
 * @returns {import("./settings.js").Setting | undefined}
 */
export function findBest() {
  const column = chosenColumn("best-metric");
  return column && findBestSetting(runsShown(), column, byId("best-way").value === "highest" ? -1 : 1);
}

function guessWay() {
  byId("best-way").value = directionOf(chosenColumn("best-metric")) === 1 ? "lowest" : "highest";
}

// A mean is written to the digits that its deviation leaves.
function writeMean({ mean, deviation, runs }) {
  if (runs.length === 1) return formatNumber(mean);
  const digits = deviation > 0 ? Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(deviation)))) : 4;
  return `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
}

function describeSpread(setting) {
  const names = repeating().map((parameter) => parameter.name).join(", ");
  if (!setting || !names) return "";
  const { runs: { length: count }, leftOut } = setting;
  if (count === 1) return `A single run: no other differs from it only in ${names}.`;
  const others = leftOut === 1 ? "1 setting with fewer runs does" : `${leftOut} settings with fewer runs do`;
  const more = leftOut ? ` ${others} not count: what they reach may be luck.` : "";
  return `The mean of ${count} runs that differ only in ${names}, and their standard deviation.${more}`;
}

function listParameters(run) {
  const told = parameters.filter((parameter) => isKnown(parameter.values[run]) && !parameter.repeats);
  const tellOne = (parameter) => [
    makeElement("dt", {}, parameter.name),
    makeElement("dd", {}, formatValue(parameter, parameter.values[run])),
  ];
  return told.map((parameter) => makeElement("div", {}, ...tellOne(parameter)));
}

const makeButton = (text, onclick) =>
  makeElement("button", { type: "button", className: "link", onclick }, text);

/** Shows the best setting, and the front. */
export function drawBest() {
  if (byId("best").hidden) return;
  const column = chosenColumn("best-metric");
  const setting = findBest();
  byId("best-value").textContent = !setting
    ? "no run has a value"
    : setting.runs.length > 1
    ? writeMean(setting)
    : formatValue(column, column.values[setting.runs[0]]);
  byId("best-title").textContent = setting?.runs.length > 1 ? "Best setting" : "Best run";
  byId("best-spread").textContent = describeSpread(setting);
  byId("best-parameters").replaceChildren(...(setting ? listParameters(setting.runs[0]) : []));
  byId("best-links").replaceChildren(...(setting ? makeBestLinks(setting) : []));
  drawFront();
}

function makeBestLinks({ runs }) {
  const best = runs[0];
  const links = [makeButton("in the table", () => showRun(best)), " "];
  if (runs.length > 1) links.push(makeButton("side by side", () => chooseRuns(runs)), " ");
  return [...links, makeLinks(best)];
}

/** The best runs by two objectives; empty unless a search has two. */
export function frontRuns() {
  const objectives = twoObjectives();
  return objectives ? findFront(runsShown(), objectives) : [];
}

function drawFront() {
  const objectives = twoObjectives();
  const front = frontRuns();
  byId("front").hidden = front.length === 0;
  if (!front.length) return;
  const names = objectives.map(({ column }) => column.name);
  const text = `The Pareto front of ${names.join(" and ")}, ${front.length} run${
    front.length === 1 ? "" : "s"
  }: `;
  const head = names.map((name) => makeElement("th", { scope: "col", className: "number" }, name));
  const rows = front.slice(0, MOST_OF_FRONT).map((run) =>
    makeElement(
      "tr",
      {},
      ...objectives.map(({ column }) =>
        makeElement("td", { className: "number" }, formatValue(column, column.values[run]))
      ),
      makeElement("td", {}, makeButton("in the table", () => showRun(run))),
    )
  );
  const more = front.length > MOST_OF_FRONT
    ? `and ${front.length - MOST_OF_FRONT} more, ringed in the plot`
    : "";
  byId("front").replaceChildren(
    makeElement("p", { className: "quiet" }, `${text}no other is better in both.`),
    makeElement(
      "table",
      {},
      makeElement("thead", {}, makeElement("tr", {}, ...head, makeElement("td"))),
      makeElement("tbody", {}, ...rows),
    ),
    makeElement("p", { className: "quiet" }, more),
  );
}

/** Offers the measures, where there are any; what is chosen stays chosen. */
export function offerBest() {
  const choices = measures.filter(isNumeric);
  byId("best").hidden = !choices.length;
  if (!choices.length) return;
  const chosen = chosenColumn("best-metric");
  fillSelect(byId("best-metric"), choices, chosen ?? rank(choices, rateMeasure)[0]);
  if (!chosen) guessWay();
}

/** Keeps the card up to date. */
export function watchBest() {
  byId("best-metric").addEventListener("change", guessWay);
  for (const id of ["best-metric", "best-way"]) byId(id).addEventListener("change", () => tell("measure"));
}
