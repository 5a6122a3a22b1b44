// How all plots look.

import { data } from "./data.js";
import { labelOf, style } from "./scales.js";

const NARROW = 640; // Pixels; on a narrower screen, the legend is below the plot.

export const isNarrow = () => innerWidth < NARROW;

export function makeLayout(colour, more) {
  return {
    paper_bgcolor: "transparent",
    plot_bgcolor: "transparent",
    font: { family: style("--font"), color: style("--text"), size: 13 },
    margin: { l: 56, r: 16, t: 16, b: 48 },
    height: 420,
    hovermode: "closest",
    hoverlabel: {
      align: "left",
      bgcolor: style("--card"),
      bordercolor: style("--line"),
      font: { color: style("--text") },
    },
    modebar: { bgcolor: "transparent", color: style("--quiet"), activecolor: style("--text") },
    legend: {
      title: { text: colour ? labelOf(colour) : "" },
      ...(isNarrow() ? { orientation: "h", y: -0.3 } : { y: 0.93 }),
    },
    ...more,
  };
}

// These buttons only: among Plotly's own there is one that uploads.
export const POINT_BUTTONS = [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"], ["toImage"]];
export const settings = (buttons) => ({ responsive: true, displaylogo: false, modeBarButtons: buttons });

const SYMBOLS = {
  ok: "circle",
  pruned: "triangle-down",
  failed: "x",
  timeout: "cross",
  killed: "diamond-x",
  interrupted: "circle-open",
  running: "circle-open",
};

/** The symbol for a run's status. */
export const symbolOf = (run) => SYMBOLS[data.statuses[run]] ?? "x";
