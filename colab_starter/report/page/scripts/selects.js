// Select elements that offer columns.

import { keyOf, tableColumns } from "./data.js";
import { byId, makeElement } from "./elements.js";

const TITLES = { parameter: "Parameters", metric: "Metrics", fact: "The runs" };

/** Offers the columns, in a group for each role, in the place of what was offered before. */
export function fillSelect(select, choices, chosen) {
  select.querySelectorAll("optgroup").forEach((group) => group.remove());
  for (const [role, label] of Object.entries(TITLES)) {
    const group = makeElement("optgroup", { label });
    for (const column of choices.filter((choice) => choice.role === role)) {
      const attributes = { value: keyOf(column), selected: column === chosen };
      group.append(makeElement("option", attributes, column.name));
    }
    if (group.children.length) select.append(group);
  }
}

/** The column that is chosen in the select with that id; undefined if none is. */
export function chosenColumn(id) {
  const { value } = byId(id);
  return tableColumns.find((column) => keyOf(column) === value);
}
