// The page's data: columns that hold a value for every run, and runs, which are numbers from 0.

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {"parameter" | "metric" | "fact"} role
 * @property {"number" | "text" | "series"} kind
 * @property {any[]} values One for each run; null where it has none.
 */

/**
 * What page.py writes.
 * @typedef {object} Data
 * @property {string[]} names
 * @property {string[]} statuses
 * @property {Record<string, string>} words The names of the statuses, as shown.
 * @property {number} versions Number of versions of the notebook.
 * @property {number[]} versionOf The version of each run; 0 is the newest.
 * @property {(string | null)[]} notebooks Addresses.
 * @property {(string | null)[]} pages Addresses.
 * @property {Column[]} columns
 */

/** @type {Data} */
export const data = JSON.parse(document.getElementById("data").textContent);
export const allRuns = data.names.map((_, run) => run);
export const columns = data.columns;

/** @param {Column} column */
export const isNumeric = (column) => column.kind === "number";
const withRole = (role) => columns.filter((column) => column.role === role);
const findFact = (name) => withRole("fact").find((column) => column.name === name);

/** @type {Column} */
export const statusColumn = {
  name: "status",
  role: "fact",
  kind: "text",
  values: data.statuses.map((status) => data.words[status]),
};
export const causeColumn = findFact("cause");
export const versionColumn = findFact("notebook version");
export const tableColumns = [statusColumn, ...columns];

export const parameters = withRole("parameter");
const metrics = withRole("metric").filter((column) => column.kind !== "text");
const numericFacts = withRole("fact").filter((column) => isNumeric(column) && column.name !== "attempts");

/** What can be drawn and compared. */
export const measures = [...metrics, ...numericFacts];
