// Select elements that offer columns.

import { tableColumns } from "./data.js";
import { byId, makeElement } from "./elements.js";

const TITLES = { parameter: "Parameters", metric: "Metrics", fact: "The runs" };

/** Offers the columns, in a group for each role. */
export function fillSelect(select, choices, chosen) {
  for (const [role, label] of Object.entries(TITLES)) {
    const group = makeElement("optgroup", { label });
    for (const column of choices.filter((choice) => choice.role === role)) {
      const attributes = { value: tableColumns.indexOf(column), selected: column === chosen };
      group.append(makeElement("option", attributes, column.name));
    }
    if (group.children.length) select.append(group);
  }
}

/** The column that is chosen in the select with that id; undefined if none is. */
export const chosenColumn = (id) => tableColumns[byId(id).value];
