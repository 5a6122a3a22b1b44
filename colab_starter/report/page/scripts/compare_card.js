// The chosen runs side by side: parameters, metrics, curves and pictures.

import { PALETTE } from "./colours.js";
import { drawCurves } from "./curve_plot.js";
import { findCurves } from "./curves.js";
import { columns, data, statusColumn } from "./data.js";
import { byId, makeElement, makeLinks } from "./elements.js";
import { chooseRuns, chosenRuns, MOST_CHOSEN, toggleRun } from "./selection.js";
import { showRun, tickBoxes } from "./table.js";
import { formatValue } from "./values.js";

const ROLES = ["parameter", "metric", "fact"];

/** @type {Map<number, string[]>} Pictures that a live page has fetched. */
const fetched = new Map();

function isDiffering(column) {
  return new Set(chosenRuns.map((run) => JSON.stringify(column.values[run]))).size > 1;
}

function makeHead() {
  const heads = chosenRuns.map((run, place) => {
    const mark = makeElement("i", { className: "mark", ariaHidden: "true" });
    mark.style.background = PALETTE[place];
    const name = makeElement(
      "button",
      { type: "button", className: "link", onclick: () => showRun(run) },
      data.names[run],
    );
    const drop = makeElement(
      "button",
      {
        type: "button",
        className: "drop",
        ariaLabel: `leave out ${data.names[run]}`,
        onclick: () => toggleRun(run),
      },
      "×",
    );
    return makeElement("th", { scope: "col" }, mark, name, " ", drop, makeElement("div", {}, makeLinks(run)));
  });
  return makeElement("thead", {}, makeElement("tr", {}, makeElement("td"), ...heads));
}

function makeRow(column) {
  const isStatus = column === statusColumn;
  const cells = chosenRuns.map((run) => {
    const text = formatValue(column, column.values[run]);
    const className = isStatus ? `status ${data.statuses[run]}` : "";
    return makeElement(
      "td",
      { title: text.length > 40 ? text : "" },
      makeElement("span", { className }, text),
    );
  });
  const className = `${column.role} ${isDiffering(column) ? "differs" : ""}`;
  return makeElement("tr", { className }, makeElement("th", { scope: "row" }, column.name), ...cells);
}

function listColumns() {
  const only = byId("compare-differing").checked;
  const ordered = ROLES.flatMap((role) => columns.filter((column) => column.role === role));
  return [statusColumn, ...ordered].filter((column) => !only || isDiffering(column));
}

const findPictures = (run) => data.pictures[run] ?? fetched.get(run);

function makePictures(run) {
  const pictures = findPictures(run);
  if (!pictures) {
    const why = data.live ? "…" : "Not in this page, to keep it small; see the run's own page.";
    return makeElement("td", { className: "quiet" }, hasNotebook(run) ? why : "");
  }
  const images = pictures.map((picture, place) =>
    makeElement("img", {
      src: `data:image/png;base64,${picture}`,
      alt: `picture ${place + 1} of ${data.names[run]}`,
    })
  );
  return makeElement("td", { className: "pictures" }, ...images);
}

const hasNotebook = (run) => Boolean(data.notebooks[run]);

function makePictureRow() {
  const hasAny = Object.keys(data.pictures).length > 0 || (data.live && chosenRuns.some(hasNotebook));
  if (!hasAny) return [];
  return [
    makeElement("tr", {}, makeElement("th", { scope: "row" }, "pictures"), ...chosenRuns.map(makePictures)),
  ];
}

// A live page asks its server for the pictures.
function fetchPictures() {
  if (!data.live) return;
  const missing = chosenRuns.filter((run) => hasNotebook(run) && !findPictures(run));
  for (const run of missing) {
    fetch(`pictures/${encodeURIComponent(data.names[run])}`)
      .then((answer) => (answer.ok ? answer.json() : []))
      .then((pictures) => {
        fetched.set(run, pictures);
        drawTable();
      }, () => {});
  }
}

function drawTable() {
  const body = makeElement("tbody", {}, ...listColumns().map(makeRow), ...makePictureRow());
  byId("compare").replaceChildren(makeHead(), body);
}

function drawChosenCurves(Plotly) {
  const curves = findCurves(byId("curves-metric").value);
  const runs = curves ? chosenRuns.filter(curves.of) : [];
  byId("compare-curves").hidden = runs.length === 0;
  if (!runs.length) return;
  /** @type {import("./data.js").Column} */
  const colour = { name: "run", role: "fact", kind: "text", values: data.names };
  const colours = new Map(runs.map((run) => [run, PALETTE[chosenRuns.indexOf(run)]]));
  const logarithmic = { x: byId("curves-x-log").checked, y: byId("curves-y-log").checked };
  drawCurves(Plotly, byId("compare-curves"), {
    curves,
    runs,
    strong: new Set(),
    colour,
    colours,
    logarithmic,
  });
}

function drawRegion() {
  const count = chosenRuns.length;
  byId("chosen").hidden = count === 0;
  const most = count === MOST_CHOSEN ? ", which is the most" : "";
  byId("chosen-count").textContent = count === 1
    ? "1 run chosen; choose another one"
    : `${count} runs chosen${most}`;
  byId("chosen-show").hidden = count < 2;
}

/** Draws what is chosen; the card is there as soon as two runs are. */
export function drawCompare(Plotly) {
  tickBoxes(chosenRuns);
  drawRegion();
  byId("compare-card").hidden = chosenRuns.length < 2;
  if (chosenRuns.length < 2) return;
  drawTable();
  fetchPictures();
  if (Plotly) drawChosenCurves(Plotly);
}

/** Keeps the card up to date. */
export function watchCompare(Plotly) {
  byId("compare-differing").addEventListener("change", drawTable);
  byId("chosen-clear").addEventListener("click", () => chooseRuns([]));
  byId("chosen-show").addEventListener("click", () => {
    byId("compare-card").scrollIntoView({ behavior: "smooth" });
    byId("compare-title").focus({ preventScroll: true });
  });
  for (const id of ["curves-metric", "curves-x-log", "curves-y-log"]) {
    byId(id).addEventListener("change", () => drawCompare(Plotly));
  }
}
