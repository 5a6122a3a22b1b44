// The runs that the user has chosen, to see them side by side.

import { tell } from "./events.js";

export const MOST_CHOSEN = 8;

/** In the order in which they were chosen. @type {number[]} */
export let chosenRuns = [];

export const isChosen = (run) => chosenRuns.includes(run);

/** Chooses these runs, and no others; of too many, the first. */
export function chooseRuns(runs) {
  chosenRuns = [...new Set(runs)].slice(0, MOST_CHOSEN);
  tell("chosen");
}

/** Chooses a run, or no longer. Nothing changes if too many are chosen already. */
export function toggleRun(run) {
  chooseRuns(isChosen(run) ? chosenRuns.filter((one) => one !== run) : [...chosenRuns, run]);
}
