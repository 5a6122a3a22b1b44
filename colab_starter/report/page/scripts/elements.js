// Finding and making elements of the page.

import { data } from "./data.js";

/** @returns {any} The element, or null. */
export const byId = (id) => document.getElementById(id);

/** @returns {Iterable<any>} The elements that a CSS selector finds. */
export const findAll = (selector) => document.querySelectorAll(selector);

/** @returns {any} An element with these properties and children. */
export function makeElement(tag, attributes, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

/** Links to the page and to the notebook of a run. */
export function makeLinks(run) {
  const links = document.createElement("span");
  if (data.pages[run]) links.append(makeElement("a", { href: data.pages[run] }, "page"), " ");
  if (data.notebooks[run]) links.append(makeElement("a", { href: data.notebooks[run] }, "ipynb"));
  return links;
}
