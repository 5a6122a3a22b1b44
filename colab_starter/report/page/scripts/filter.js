// Which runs are shown, as chosen at the head of the page.

import { allRuns, causeColumn, data, statusColumn } from "./data.js";

/** Null means any. */
export const filter = {
  /** Empty means any. */
  statuses: new Set(),
  cause: null,
  // At first the newest: runs of different versions are compared only if the user asks for it.
  version: data.versions > 1 ? 0 : null,
};

export const isOfVersion = (run) => filter.version === null || data.versionOf[run] === filter.version;
export const runsOfVersion = () => allRuns.filter(isOfVersion);

/** What the runs that ended in the same way have in common: of pruned ones, without the numbers that differ. */
export function causeOf(run) {
  const cause = causeColumn?.values[run] ?? statusColumn.values[run];
  return data.statuses[run] === "pruned" ? cause.split(":")[0] : cause;
}

export function isShown(run) {
  const hasCause = filter.cause === null || causeOf(run) === filter.cause;
  const hasStatus = filter.statuses.size === 0 || filter.statuses.has(data.statuses[run]);
  return isOfVersion(run) && hasCause && hasStatus;
}
