// What parts of the page tell one another.

const target = new EventTarget();

/** @typedef {"shown" | "chosen" | "measure"} Kind Other runs are shown, or chosen, or another measure is. */

/** @param {Kind} kind */
export const tell = (kind) => target.dispatchEvent(new Event(kind));

/**
 * @param {Kind} kind
 * @param {() => void} handle
 */
export const listen = (kind, handle) => target.addEventListener(kind, handle);
