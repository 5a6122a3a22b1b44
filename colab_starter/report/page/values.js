// The page's data, and how its values are compared and written.

const data = JSON.parse(document.getElementById("data").textContent);
const columns = data.columns;
const allRuns = data.names.map((_, run) => run);
const collator = new Intl.Collator(undefined, { numeric: true });

const byId = (id) => document.getElementById(id);
const withRole = (role) => columns.filter((column) => column.role === role);
const isNumeric = (column) => column.kind === "number";
const isKnown = (value) => value !== null && value !== undefined;

// Texts in number columns are what JSON or JavaScript cannot hold: NaN, Infinity, large integers.
const toNumber = (value) => (isKnown(value) ? Number(value) : NaN);

const unusualNumbers = { NaN: "nan", Infinity: "inf", "-Infinity": "-inf" };

const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const DIGITS = 5;

// A number as long as it needs to be, but no longer than some digits.
function formatNumber(value) {
  if (typeof value === "string") return unusualNumbers[value] ?? value;
  if (Number.isInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(DIGITS));
  return Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

function formatValue(column, value) {
  if (!isKnown(value)) return "";
  if (column.kind === "number") return formatNumber(value);
  if (column.kind === "text") return value;
  const numbers = value.map(formatNumber);
  return `[${(numbers.length > 3 ? [numbers[0], "…", numbers.at(-1)] : numbers).join(", ")}]`;
}

// Numbers before nan, and runs without a value last, whichever way one sorts.
function compareValues(column, left, right, direction) {
  if (!isKnown(left) || !isKnown(right)) return isKnown(right) - isKnown(left);
  if (column.kind === "text") return direction * collator.compare(left, right);
  const isSeries = column.kind === "series";
  const a = toNumber(isSeries ? left.at(-1) : left);
  const b = toNumber(isSeries ? right.at(-1) : right);
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return direction * (a < b ? -1 : Number(a > b));
}

function distinctValues(column, runs) {
  const known = runs.map((run) => column.values[run]).filter(isKnown);
  return [...new Set(known)].sort((left, right) => compareValues(column, left, right, 1));
}

// How many different values there are, but no more than `most`.
function countDistinct(column, runs, most) {
  const known = new Set();
  for (const run of runs) {
    if (isKnown(column.values[run])) known.add(column.values[run]);
    if (known.size === most) break;
  }
  return known.size;
}

// Of a long list, evenly chosen items: `most` of them at most.
function takeEvenly(list, most) {
  const every = Math.ceil(list.length / most);
  return list.filter((_, place) => place % every === 0);
}

const MARKUP = /[&<>"']/g;
const escapeMarkup = (text) => String(text).replace(MARKUP, (letter) => `&#${letter.charCodeAt(0)};`);
const shorten = (text, length) => (text.length > length ? `${text.slice(0, length)}…` : text);

function makeElement(tag, attributes, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

function makeLinks(run) {
  const links = document.createElement("span");
  if (data.pages[run]) links.append(makeElement("a", { href: data.pages[run] }, "page"), " ");
  if (data.notebooks[run]) links.append(makeElement("a", { href: data.notebooks[run] }, "ipynb"));
  return links;
}
