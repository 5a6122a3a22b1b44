// The head of the page: how many runs have each status and cause, and which are shown.
//
// A live page replaces these elements now and then: so their containers listen, and not they themselves.

import { data } from "./data.js";
import { byId, findAll } from "./elements.js";
import { causeOf, filter, runsOfVersion } from "./filter.js";
import { drawTable } from "./table.js";

const MOST_CAUSES = 6; // More are hidden.

function pressButtons() {
  for (const button of findAll(".statuses button")) {
    button.setAttribute("aria-pressed", String(filter.statuses.has(button.dataset.status)));
  }
  for (const button of findAll("button.cause")) {
    button.setAttribute("aria-pressed", String(isPressed(button.dataset)));
  }
}

const isPressed = ({ status, cause }) => filter.cause === cause && filter.statuses.has(status);

function filterStatus({ status }) {
  filter.cause = null;
  if (!filter.statuses.delete(status)) filter.statuses.add(status);
}

// A second click shows all runs again.
function filterCause({ status, cause }) {
  const wasPressed = isPressed({ status, cause });
  filter.cause = wasPressed ? null : cause;
  filter.statuses.clear();
  if (!wasPressed) filter.statuses.add(status);
}

function watchFilters() {
  byId("head").addEventListener("click", (event) => {
    const button = event.target.closest(".statuses button");
    if (!button) return;
    filterStatus(button.dataset);
    pressButtons();
    drawTable();
  });
  byId("facts").addEventListener("click", (event) => {
    const button = event.target.closest("button.cause");
    if (!button) return;
    filterCause(button.dataset);
    pressButtons();
    drawTable();
    byId("runs-card").scrollIntoView({ behavior: "smooth" });
  });
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
  for (const card of findAll(".causes")) countCauses(card, runs);
}

function countCauses(card, runs) {
  let causes = 0;
  for (const button of card.querySelectorAll("button.cause")) {
    const { status, cause } = button.dataset;
    const number = runs.filter((run) => data.statuses[run] === status && causeOf(run) === cause).length;
    button.querySelector(".status").textContent = `${number.toLocaleString("en")} × ${data.words[status]}`;
    if (number) causes += 1;
    button.parentElement.hidden = number === 0 || causes > MOST_CAUSES;
  }
  card.hidden = causes === 0;
  const more = card.querySelector(".more");
  more.hidden = causes <= MOST_CAUSES;
  more.textContent = `and ${causes - MOST_CAUSES} more, in the table`;
}

function watchVersion() {
  byId("head").addEventListener("change", (event) => {
    if (event.target.id !== "version") return;
    const { value } = event.target;
    filter.version = value === "all" ? null : Number(value);
    filter.cause = null;
    filter.statuses.clear();
    pressButtons();
    countRuns();
    drawTable();
  });
}

function chooseVersion() {
  const select = byId("version");
  if (!select) return;
  select.value = filter.version === null ? "all" : String(filter.version);
  countRuns();
}

/** Writes the times as the user's country does. */
export function writeTimes() {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of findAll("time")) {
    const [from, to] = [time.dateTime, time.dataset.until || time.dateTime].map((moment) => new Date(moment));
    time.title = time.textContent;
    time.textContent = format.formatRange(from, to);
  }
}

/**
 * Replaces parts of the page by newer ones; the focus and what is pressed stay.
 * @param {Record<string, string>} fragments HTML by the IDs of elements, in which text is escaped.
 */
export function replaceHead(fragments) {
  const { activeElement } = document;
  const { status, cause } = /** @type {HTMLElement} */ (activeElement)?.dataset ?? {};
  const focused = activeElement?.id;
  for (const [id, html] of Object.entries(fragments)) byId(id).innerHTML = html;
  writeTimes();
  pressButtons();
  chooseVersion();
  const isSame = (button) => button.dataset.status === status && button.dataset.cause === cause;
  const buttons = [...findAll(".statuses button, button.cause")];
  (focused ? byId(focused) : status && buttons.find(isSame))?.focus();
}

/** Keeps the head up to date. */
export function watchHead() {
  watchFilters();
  watchVersion();
  chooseVersion();
}
