// The head of the page: how many runs have each status and cause, and which are shown.

import { data } from "./data.js";
import { byId, findAll } from "./elements.js";
import { causeOf, filter, runsOfVersion } from "./filter.js";

const MOST_CAUSES = 6; // More are hidden.

function pressStatuses() {
  for (const button of findAll(".statuses button")) {
    button.setAttribute("aria-pressed", String(filter.statuses.has(button.dataset.status)));
  }
}

function watchFilters(table) {
  for (const button of findAll(".statuses button")) {
    button.addEventListener("click", () => {
      const { status } = button.dataset;
      filter.cause = null;
      if (!filter.statuses.delete(status)) filter.statuses.add(status);
      pressStatuses();
      table.draw();
    });
  }
  for (const button of findAll("button.cause")) {
    button.addEventListener("click", () => {
      const { status, cause } = button.dataset;
      filter.cause = cause;
      filter.statuses.clear();
      filter.statuses.add(status);
      pressStatuses();
      table.draw();
      byId("runs-card").scrollIntoView({ behavior: "smooth" });
    });
  }
}

// Counts only the runs of the version that is shown.
function countRuns() {
  const runs = runsOfVersion();
  const count = (status) => runs.filter((run) => data.statuses[run] === status).length;
  for (const element of findAll(".statuses button, .proportions i")) {
    const number = count(element.dataset.status);
    element.hidden = number === 0;
    if (element.tagName === "I") element.style.flexGrow = number;
    else element.textContent = `${number.toLocaleString("en")} ${data.words[element.dataset.status]}`;
  }
  countCauses(runs);
}

function countCauses(runs) {
  let causes = 0;
  for (const button of findAll("button.cause")) {
    const { status, cause } = button.dataset;
    const number = runs.filter((run) => data.statuses[run] === status && causeOf(run) === cause).length;
    button.querySelector(".status").textContent = `${number.toLocaleString("en")} × ${data.words[status]}`;
    if (number) causes += 1;
    button.parentElement.hidden = number === 0 || causes > MOST_CAUSES;
  }
  if (!byId("failures")) return;
  byId("failures").hidden = causes === 0;
  byId("more-causes").hidden = causes <= MOST_CAUSES;
  byId("more-causes").textContent = `and ${causes - MOST_CAUSES} causes more, in the table`;
}

function watchVersion(table) {
  if (filter.version === null) return;
  countRuns();
  byId("version").addEventListener("change", () => {
    const { value } = byId("version");
    filter.version = value === "all" ? null : Number(value);
    filter.cause = null;
    filter.statuses.clear();
    pressStatuses();
    countRuns();
    table.draw();
  });
}

export function watchHead(table) {
  watchFilters(table);
  watchVersion(table);
}
