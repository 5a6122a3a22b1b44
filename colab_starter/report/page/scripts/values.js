// Values of a column: how they are compared and written.

const collator = new Intl.Collator(undefined, { numeric: true });

export const isKnown = (value) => value !== null && value !== undefined;

// In a number column, a text is a number that JSON or JavaScript cannot hold: NaN, Infinity, a large integer.
export const toNumber = (value) => (isKnown(value) ? Number(value) : NaN);

const unusualNumbers = { NaN: "nan", Infinity: "inf", "-Infinity": "-inf" };

export const average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const DIGITS = 5;

// As many digits as the number needs, but no more than DIGITS.
export function formatNumber(value) {
  if (typeof value === "string") return unusualNumbers[value] ?? value;
  if (Number.isInteger(value)) return String(value);
  const rounded = Number(value.toPrecision(DIGITS));
  return Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

export function formatValue(column, value) {
  if (!isKnown(value)) return "";
  if (column.kind === "number") return formatNumber(value);
  if (column.kind === "text") return value;
  return `[${value.map((number) => (isKnown(number) ? formatNumber(number) : "…")).join(", ")}]`;
}

// Whatever the direction, nan comes after the numbers, and runs without a value come last.
export function compareValues(column, left, right, direction) {
  if (!isKnown(left) || !isKnown(right)) return Number(isKnown(right)) - Number(isKnown(left));
  if (column.kind === "text") return direction * collator.compare(left, right);
  const isSeries = column.kind === "series";
  const a = toNumber(isSeries ? left.at(-1) : left);
  const b = toNumber(isSeries ? right.at(-1) : right);
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return direction * (a < b ? -1 : Number(a > b));
}

export function distinctValues(column, runs) {
  const known = runs.map((run) => column.values[run]).filter(isKnown);
  return [...new Set(known)].sort((left, right) => compareValues(column, left, right, 1));
}

// The number of different values, counted up to `most`.
export function countDistinct(column, runs, most) {
  const known = new Set();
  for (const run of runs) {
    if (isKnown(column.values[run])) known.add(column.values[run]);
    if (known.size === most) break;
  }
  return known.size;
}

// At most `most` items of the list, evenly spaced.
export function takeEvenly(list, most) {
  const every = Math.ceil(list.length / most);
  return list.filter((_, place) => place % every === 0);
}

const MARKUP = /[&<>"']/g;
export const escapeMarkup = (text) => String(text).replace(MARKUP, (letter) => `&#${letter.charCodeAt(0)};`);
export const shorten = (text, length) => (text.length > length ? `${text.slice(0, length)}…` : text);
