// Draws the notebook's Plotly figures.

import { loadPlotly } from "./libraries.js";

const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendChartToCloud"] };

loadPlotly().then((Plotly) => {
  for (const figure of document.querySelectorAll("script.figure")) {
    const { data, layout } = JSON.parse(figure.textContent);
    const place = document.createElement("div");
    figure.after(place);
    Plotly.newPlot(place, data, layout, config);
  }
});
