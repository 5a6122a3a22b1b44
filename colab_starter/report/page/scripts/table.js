// The table of all runs.

import { allRuns, columns, data, isNumeric, keyOf, statusColumn, tableColumns } from "./data.js";
import { byId, findAll, makeElement, makeLinks } from "./elements.js";
import { tell } from "./events.js";
import { isShown } from "./filter.js";
import { isChosen, MOST_CHOSEN, toggleRun } from "./selection.js";
import {
  compareValues,
  countDistinct,
  distinctValues,
  escapeMarkup,
  formatValue,
  isKnown,
  shorten,
} from "./values.js";

const PAGE = 25; // Rows.
const FEW = 50; // A column with at most this many different values is filtered by ticking them.
const LINE_ENDS = /[\r\n\u2028]/g; // DataTables takes them out of what it searches.

function drawStatus(run) {
  return makeElement("span", { className: `status ${data.statuses[run]}` }, statusColumn.values[run]);
}

function drawBox(run) {
  return makeElement("input", {
    type: "checkbox",
    className: "choose",
    checked: isChosen(run),
    ariaLabel: `compare ${data.names[run]}`,
    onchange: () => toggleRun(run),
  });
}

function drawCell(column, run) {
  if (column === statusColumn) return drawStatus(run);
  const value = column.values[run];
  const text = formatValue(column, value);
  const isWhole = text === String(value) && text.length < 24;
  return makeElement(
    "span",
    { className: "cell", title: isWhole || !isKnown(value) ? "" : String(value) },
    text,
  );
}

function describeFilter(column) {
  if (isNumeric(column)) return ["searchNumber"];
  const number = column.kind === "text" ? countDistinct(column, allRuns, FEW + 1) : 0;
  if (number === 0 || number > FEW) return ["searchText"];
  const texts = distinctValues(column, allRuns);
  const options = texts.map((text) => ({
    label: escapeMarkup(shorten(text, 60)),
    value: text.replace(LINE_ENDS, ""),
  }));
  if (!column.values.every(isKnown)) options.push({ label: "<i>none</i>", value: "" });
  return [{ extend: "searchList", options, search: options.length > 8 }];
}

// DataTables sorts by the value itself; it searches a text, which it reads as markup.
function tellValue(column, run, what) {
  const value = column.values[run];
  return what === "sort" || what === "type" ? value : escapeMarkup(formatValue(column, value));
}

function describeColumn(column) {
  return {
    title: escapeMarkup(column.name),
    name: keyOf(column),
    className: `${column.role} ${isNumeric(column) ? "number" : "text"}`,
    type: `column-${keyOf(column)}`,
    data: (row, what) => tellValue(column, row[0], what),
    render: (value, what, row) => (what === "display" ? drawCell(column, row[0]) : value),
    columnControl: [
      "order",
      { extend: "dropdown", icon: "search", text: "Filter", content: describeFilter(column) },
    ],
  };
}

const boxColumn = {
  title: '<span class="unseen">compare</span>',
  className: "choose",
  orderable: false,
  searchable: false,
  data: (row) => row[0],
  render: (run, what) => (what === "display" ? drawBox(run) : ""),
  columnControl: [],
};

const linksColumn = {
  title: "notebook",
  className: "links",
  orderable: false,
  searchable: false,
  data: (row) => row[0],
  render: (run, what) => (what === "display" ? makeLinks(run) : ""),
  columnControl: [],
};

function addOrders(DataTable) {
  tableColumns.forEach((column) => {
    DataTable.type(`column-${keyOf(column)}`, {
      order: {
        asc: (left, right) => compareValues(column, left, right, 1),
        desc: (left, right) => compareValues(column, left, right, -1),
      },
    });
  });
}

// DataTables writes out every cell, for searching, before it draws the first row. Here, getters write a row out when a
// search first needs it. They stand where DataTables keeps its texts; a version that keeps them elsewhere writes its own.
function searchLazily(table) {
  const texts = { run: 0 };
  const searchable = [null, statusColumn, null, ...columns];
  searchable.forEach((column, place) => {
    const tell = (run) => (column ? formatValue(column, column.values[run]).replace(LINE_ENDS, "") : "");
    Object.defineProperty(texts, place, {
      get() {
        return tell(this.run);
      },
    });
  });
  const join = {
    get() {
      return searchable.map((_, place) => this._aFilterData[place]).join("  ");
    },
  };
  for (const one of table.settings()[0].aoData) {
    one._aFilterData = Object.assign(Object.create(texts), { run: one._aData[0] });
    Object.defineProperty(one, "_sFilterRow", join);
  }
}

let table;
let makeDataTable;
let shown = null;

/** Makes the table of all runs. */
export function makeTable(DataTable) {
  makeDataTable = (options) => new DataTable("#runs", options);
  DataTable.ext.search.push((_settings, _texts, run) => isShown(run));
  fillTable(DataTable);
}

function fillTable(DataTable) {
  addOrders(DataTable);
  const described = [boxColumn, describeColumn(statusColumn), linksColumn, ...columns.map(describeColumn)];
  const heads = described.map(() => makeElement("th", { scope: "col" }));
  byId("runs").append(makeElement("thead", {}, makeElement("tr", {}, ...heads)));
  table = makeDataTable({
    columns: described,
    order: [],
    deferRender: true,
    autoWidth: false,
    scrollX: true,
    paging: allRuns.length > PAGE,
    pageLength: PAGE,
    layout: { topStart: "pageLength", topEnd: "search", bottomStart: "info", bottomEnd: "paging" },
    language: {
      search: "",
      searchPlaceholder: "Search",
      info: "_START_ to _END_ of _TOTAL_ runs",
      infoEmpty: "no run",
      infoFiltered: "(of _MAX_)",
      lengthMenu: "_MENU_ a page",
      zeroRecords: "No run is like that.",
    },
    ordering: { indicators: false, handler: true },
  });
  table.rows.add(allRuns.map((run) => [run]));
  searchLazily(table);
  table.on("search", () => {
    shown = null;
    tell("shown");
  });
  nameParts();
}

// What DataTables leaves without a name.
function nameParts() {
  for (const box of findAll(".dt-search input")) box.setAttribute("aria-label", "Search the runs");
  for (const part of findAll("#runs-card .dt-scroll-body")) {
    part.tabIndex = 0;
    part.setAttribute("role", "group");
    part.setAttribute("aria-label", "The runs; scrolls sideways");
  }
}

export const drawTable = () => table.draw();

/** The runs that pass all filters, in the order of their numbers. Until they change, the same array. */
export function runsShown() {
  shown ??= table.rows({ search: "applied", order: "index" }).indexes().toArray();
  return shown;
}

/** Goes to a run's row and marks it. */
export function showRun(run) {
  const place = table.rows({ search: "applied", order: "applied" }).indexes().toArray().indexOf(run);
  if (place < 0) return;
  table.page(Math.floor(place / table.page.len())).draw("page");
  for (const row of findAll("#runs tr.chosen")) row.classList.remove("chosen");
  const row = table.row(run).node();
  row.classList.add("chosen");
  row.scrollIntoView({ block: "center", behavior: "smooth" });
}

/** Ticks the boxes of the runs that are chosen, in the rows that have been drawn. */
export function tickBoxes(chosen) {
  const isFull = chosen.length >= MOST_CHOSEN;
  for (const node of table.rows({ page: "current" }).nodes().toArray()) {
    const run = table.row(node).index();
    const box = node.querySelector("input.choose");
    box.checked = isChosen(run);
    box.disabled = isFull && !box.checked;
    node.classList.toggle("ticked", box.checked);
  }
}

/** Shows newer values of these runs, and the runs that are new; what the user sees stays where it is. */
export function updateRows(changed) {
  const known = table.rows().count();
  table.rows.add(allRuns.slice(known).map((run) => [run]));
  if (changed.length) table.rows(changed.filter((run) => run < known)).invalidate();
  searchLazily(table);
  table.draw("full-hold");
}

/** Makes the table anew, for it has other columns now; order, search and page stay as they are. */
export function remakeTable(DataTable) {
  const names = table.columns().names().toArray();
  const order = table.order().map(([place, way]) => [names[place], way]);
  const [words, page, length] = [table.search(), table.page(), table.page.len()];
  table.destroy();
  byId("runs").replaceChildren();
  fillTable(DataTable);
  const places = table.columns().names().toArray();
  table.order(order.map(([name, way]) => [places.indexOf(name), way]).filter(([place]) => place >= 0));
  table.search(words).page.len(length);
  table.draw();
  table.page(page).draw("page");
}
