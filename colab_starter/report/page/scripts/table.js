// The table of all runs.

import { allRuns, columns, data, isNumeric, statusColumn, tableColumns } from "./data.js";
import { byId, makeElement, makeLinks } from "./elements.js";
import { isShown } from "./filter.js";
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

function describeColumn(column, index) {
  return {
    title: escapeMarkup(column.name),
    name: `${column.role}:${column.name}`,
    className: `${column.role} ${isNumeric(column) ? "number" : "text"}`,
    type: `column-${index}`,
    data: (row, what) => tellValue(column, row[0], what),
    render: (value, what, row) => (what === "display" ? drawCell(column, row[0]) : value),
    columnControl: [
      "order",
      { extend: "dropdown", icon: "search", text: "Filter", content: describeFilter(column) },
    ],
  };
}

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
  tableColumns.forEach((column, index) => {
    DataTable.type(`column-${index}`, {
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
  const searchable = [statusColumn, null, ...columns];
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

export function makeTable(DataTable) {
  addOrders(DataTable);
  const described = [
    describeColumn(statusColumn, 0),
    linksColumn,
    ...columns.map((column, index) => describeColumn(column, index + 1)),
  ];
  const heads = described.map(() => makeElement("th", { scope: "col" }));
  byId("runs").append(makeElement("thead", {}, makeElement("tr", {}, ...heads)));
  const table = new DataTable("#runs", {
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
  DataTable.ext.search.push((_settings, _texts, run) => isShown(run));
  return table;
}

export const runsShown = (table) => table.rows({ search: "applied" }).indexes().toArray();

export function showRun(table, run) {
  const place = table.rows({ search: "applied", order: "applied" }).indexes().toArray().indexOf(run);
  if (place < 0) return;
  table.page(Math.floor(place / table.page.len())).draw("page");
  document.querySelectorAll("#runs tr.chosen").forEach((row) => row.classList.remove("chosen"));
  const row = table.row(run).node();
  row.classList.add("chosen");
  row.scrollIntoView({ block: "center", behavior: "smooth" });
}
