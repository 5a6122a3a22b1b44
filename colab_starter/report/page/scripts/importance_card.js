// How much of the measure each parameter explains.

import { rateParameters } from "./choices.js";
import { parameters } from "./data.js";
import { byId, makeElement } from "./elements.js";
import { chosenColumn } from "./selects.js";
import { runsShown } from "./table.js";

const MOST = 12; // Parameters shown.
const FEWEST_RUNS = 8;

const describe = (measure, count) =>
  `How much of the differences in ${measure.name} between ${
    count.toLocaleString("en")
  } runs that were ok each ` +
  "parameter explains by itself (ε²: numbers in up to 8 groups, less what is explained by chance). What " +
  "parameters do only together is not in it.";

function makeBar([parameter, share]) {
  const text = `${Math.round(100 * share)} %`;
  const bar = makeElement("i", { className: "bar", ariaHidden: "true" });
  bar.style.width = `${100 * share}%`;
  return makeElement(
    "tr",
    {},
    makeElement("th", { scope: "row", title: parameter.name }, parameter.name),
    makeElement("td", {}, bar, makeElement("span", {}, text)),
  );
}

/** Shows the card, where there are enough runs to say something. */
export function drawImportance() {
  const measure = chosenColumn("best-metric");
  const { shares, count } = measure && parameters.length > 1
    ? rateParameters(measure, runsShown())
    : { shares: new Map(), count: 0 };
  byId("importance").hidden = count < FEWEST_RUNS;
  if (byId("importance").hidden) return;
  const ranked = [...shares].sort(([, left], [, right]) => right - left).slice(0, MOST);
  byId("importance-note").textContent = describe(measure, count);
  byId("importance-bars").replaceChildren(...ranked.map(makeBar));
}
