// Which runs are shown: the buttons and the choice of a version at the head of the page decide it.

import { allRuns, causeColumn, data, statusColumn } from "./data.js";

/** Null: any. */
export const filter = {
  /** Empty: any. */
  statuses: new Set(),
  cause: null,
  // Runs of two versions of a notebook are not compared unless the user wants that: the newest.
  version: data.versions > 1 ? 0 : null,
};

export const isOfVersion = (run) => filter.version === null || data.versionOf[run] === filter.version;
export const runsOfVersion = () => allRuns.filter(isOfVersion);
export const causeOf = (run) => causeColumn?.values[run] ?? statusColumn.values[run];

export function isShown(run) {
  const hasCause = filter.cause === null || causeOf(run) === filter.cause;
  const hasStatus = filter.statuses.size === 0 || filter.statuses.has(data.statuses[run]);
  return isOfVersion(run) && hasCause && hasStatus;
}
