// The page's data: columns that hold a value for every run, and runs, which are numbers from 0.
//
// A live page takes newer data now and then. Runs keep their numbers, and columns stay the same objects.

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {"parameter" | "metric" | "fact"} role
 * @property {"number" | "text" | "series"} kind
 * @property {any[]} values One for each run; null where it has none.
 * @property {boolean} [log] Whether a search looked for its values on a logarithmic scale.
 * @property {boolean} [repeats] Whether its values repeat the same setting, as those of a seed do.
 */

/**
 * The curves of a metric. The numbers are arrays in base64: see curves.js.
 * @typedef {object} PackedCurves
 * @property {string} name
 * @property {string} runs
 * @property {string} lengths
 * @property {string} starts
 * @property {string} steps
 * @property {string} values
 */

/**
 * What page.py writes.
 * @typedef {object} Data
 * @property {boolean} live Whether the page asks its server for newer data.
 * @property {string[]} names
 * @property {string[]} statuses
 * @property {Record<string, string>} words The names of the statuses, as shown.
 * @property {number} versions Number of versions of the notebook.
 * @property {number[]} versionOf The version of each run; 0 is the newest.
 * @property {(string | null)[]} notebooks Addresses.
 * @property {(string | null)[]} pages Addresses.
 * @property {Column[]} columns
 * @property {Record<string, "maximize" | "minimize">} objectives Those of a search.
 * @property {PackedCurves[]} curves
 * @property {number} thinned How many curves lack some of their points.
 * @property {Record<string, string[]>} pictures Of some runs: PNGs in base64.
 */

/** @param {Column} column */
export const isNumeric = (column) => column.kind === "number";
export const keyOf = (column) => `${column.role}:${column.name}`;
const withRole = (role) => columns.filter((column) => column.role === role);
const findFact = (name) => withRole("fact").find((column) => column.name === name);
const SERIAL = ["attempts", "trial"]; // Numbers that measure nothing.

/** @type {Data} */
export let data;
/** @type {number[]} */
export let allRuns = [];
/** @type {Column[]} */
export let columns = [];
/** @type {Column} */
export const statusColumn = { name: "status", role: "fact", kind: "text", values: [] };
/** @type {Column | undefined} */
export let causeColumn;
/** @type {Column | undefined} */
export let versionColumn;
/** The order in which the runs began. @type {Column} */
export let orderColumn;
/** @type {Column[]} */
export let tableColumns = [];
/** @type {Column[]} */
export let parameters = [];
/** What can be drawn and compared. @type {Column[]} */
export let measures = [];

/**
 * Takes newer data.
 * @param {Data} news
 * @returns {boolean} Whether it has the same columns as before.
 */
export function takeData(news) {
  const described = (list) => JSON.stringify(list.map((column) => [keyOf(column), column.kind]));
  const isSame = described(columns) === described(news.columns);
  const known = new Map(columns.map((column) => [keyOf(column), column]));
  data = news;
  allRuns = data.names.map((_, run) => run);
  columns = data.columns.map((column) => Object.assign(known.get(keyOf(column)) ?? {}, column));
  statusColumn.values = data.statuses.map((status) => data.words[status] ?? status);
  causeColumn = findFact("cause");
  versionColumn = findFact("notebook version");
  orderColumn = findFact("trial") ?? { name: "run", role: "fact", kind: "number", values: allRuns };
  tableColumns = [statusColumn, ...columns];
  parameters = withRole("parameter");
  const isMeasure = (column) => isNumeric(column) && !SERIAL.includes(column.name);
  measures = [...withRole("metric"), ...withRole("fact")].filter(isMeasure);
  return isSame;
}

takeData(JSON.parse(document.getElementById("data").textContent));
