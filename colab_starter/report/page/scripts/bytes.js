// Binary data that the page holds as base64.

/** @param {string} text */
export function decodeBytes(text) {
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let place = 0; place < packed.length; place += 1) bytes[place] = packed.charCodeAt(place);
  return bytes;
}
