// What every frame needs; figures.js is only for those with figures.

import "./links.js";
import "./failed_cell.js";
