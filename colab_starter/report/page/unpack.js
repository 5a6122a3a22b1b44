// Libraries are kept compressed in the page: unpacks the one in the element of that id, and runs it.
async function loadLibrary(id) {
  const packed = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(packed.length);
  for (let place = 0; place < packed.length; place += 1) bytes[place] = packed.charCodeAt(place);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = await new Response(stream, { headers: { "Content-Type": "text/javascript" } }).blob();
  const address = URL.createObjectURL(script);
  return import(address).finally(() => URL.revokeObjectURL(address));
}
