// The libraries, which the page holds compressed (see libraries.py).

import { decodeBytes } from "./bytes.js";

// Unpacks the library in the element with that id and imports it.
async function loadLibrary(id) {
  const bytes = decodeBytes(document.getElementById(id).textContent);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = await new Response(stream, { headers: { "Content-Type": "text/javascript" } }).blob();
  const address = URL.createObjectURL(script);
  return import(address).finally(() => URL.revokeObjectURL(address));
}

/** @returns {Promise<any>} The DataTable class. */
export async function loadDataTables() {
  return (await loadLibrary("tables-library")).default;
}

/** @returns {Promise<any>} Plotly, which is not a module: it defines a global. */
export async function loadPlotly() {
  await loadLibrary("plots-library");
  return /** @type {any} */ (globalThis).Plotly;
}
