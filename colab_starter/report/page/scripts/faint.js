// Thousands of curves as one picture. A canvas takes half a minute for ten thousand lines where there is no GPU; counting
// in each pixel how many of them pass takes a tenth of a second.

const CONTRAST = 60; // With so many lines or fewer, a single one is half covering.

/**
 * @typedef {object} Picture
 * @property {number} width In pixels.
 * @property {number} height
 * @property {(step: number) => number} across Where a step is, in pixels from the left.
 * @property {(value: number) => number} up Where a value is, in pixels from the top.
 */

/**
 * A picture of curves, as a data URL.
 * @param {Picture} picture
 * @param {{ colour: string, curves: import("./curves.js").Curve[] }[]} groups
 */
export function drawFaintly({ width, height, across, up }, groups) {
  const sums = { red: new Float32Array(width * height), green: null, blue: null, count: null };
  for (const name of ["green", "blue", "count"]) sums[name] = new Float32Array(width * height);
  for (const { colour, curves } of groups) {
    const [red, green, blue] = readColour(colour);
    const mark = (x, y) => {
      if (x < 0 || y < 0 || x >= width || y >= height) return;
      const place = y * width + x;
      sums.red[place] += red;
      sums.green[place] += green;
      sums.blue[place] += blue;
      sums.count[place] += 1;
    };
    for (const { steps, values } of curves) markLine(steps, values, { across, up }, mark);
  }
  const total = groups.reduce((sum, group) => sum + group.curves.length, 0);
  return paint(sums, width, height, Math.max(0.04, Math.min(0.5, CONTRAST / (2 * total))));
}

// A colour of CSS as red, green and blue.
function readColour(colour) {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return pen.getImageData(0, 0, 1, 1).data;
}

// Marks the pixels of a line, once each.
function markLine(steps, values, { across, up }, mark) {
  let [left, top] = [NaN, NaN];
  for (let place = 0; place < steps.length; place += 1) {
    const [x, y] = [across(steps[place]), up(values[place])];
    const count = Math.ceil(Math.max(Math.abs(x - left), Math.abs(y - top)));
    if (count < 1e5) {
      for (let part = 0; part < count; part += 1) {
        mark(Math.round(left + ((x - left) * part) / count), Math.round(top + ((y - top) * part) / count));
      }
    }
    [left, top] = [x, y];
  }
}

function paint({ red, green, blue, count }, width, height, share) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const image = pen.createImageData(width, height);
  for (let place = 0; place < count.length; place += 1) {
    const lines = count[place];
    if (!lines) continue;
    image.data[4 * place] = red[place] / lines;
    image.data[4 * place + 1] = green[place] / lines;
    image.data[4 * place + 2] = blue[place] / lines;
    image.data[4 * place + 3] = 255 * (1 - (1 - share) ** lines);
  }
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL();
}
