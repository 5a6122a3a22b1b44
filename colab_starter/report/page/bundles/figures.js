(() => {
  // bytes.js
  function decodeBytes(text) {
    const packed = atob(text);
    const bytes = new Uint8Array(packed.length);
    for (let place = 0;place < packed.length; place += 1)
      bytes[place] = packed.charCodeAt(place);
    return bytes;
  }

  // libraries.js
  async function loadLibrary(id) {
    const bytes = decodeBytes(document.getElementById(id).textContent);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = await new Response(stream, { headers: { "Content-Type": "text/javascript" } }).blob();
    const address = URL.createObjectURL(script);
    return import(address).finally(() => URL.revokeObjectURL(address));
  }
  async function loadDataTables() {
    return (await loadLibrary("tables-library")).default;
  }
  async function loadPlotly() {
    await loadLibrary("plots-library");
    return globalThis.Plotly;
  }

  // figures.js
  var config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendChartToCloud"] };
  loadPlotly().then((Plotly) => {
    for (const figure of document.querySelectorAll("script.figure")) {
      const { data, layout } = JSON.parse(figure.textContent);
      const place = document.createElement("div");
      figure.after(place);
      Plotly.newPlot(place, data, layout, config);
    }
  });
})();
