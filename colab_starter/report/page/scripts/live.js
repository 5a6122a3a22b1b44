// A live page asks its server whether there is news, and shows it.

import { allRuns, data, takeData } from "./data.js";
import { byId } from "./elements.js";
import { replaceHead } from "./head.js";

const EVERY = 1500; // Milliseconds between questions,
const IN_BACKGROUND = 15_000; // and while nobody sees the page.

let tag = "";

const wait = () => new Promise((resolve) => setTimeout(resolve, document.hidden ? IN_BACKGROUND : EVERY));

function tellState(text, isLost) {
  byId("live").textContent = text;
  byId("live").classList.toggle("lost", isLost);
}

const now = () => new Date().toLocaleTimeString();

// The runs of which something may have changed.
function findChanged(before) {
  const isOpen = (status) => status === "running" || status === "pending";
  return allRuns.filter((run) => before[run] !== data.statuses[run] || isOpen(data.statuses[run]));
}

async function ask() {
  const answer = await fetch("data", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
  if (answer.status === 304) return null;
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  tag = answer.headers.get("ETag") ?? "";
  return answer.json();
}

function take(news, show) {
  const [names, before] = [data.names, data.statuses];
  const isOther = !names.length || names.some((name, run) => news.names[run] !== name);
  if (isOther && news.names.length) location.reload();
  if (isOther) return;
  const isSame = takeData(news);
  replaceHead(news.fragments);
  show(isSame, findChanged(before));
}

/**
 * Asks forever.
 * @param {(isSame: boolean, changed: number[]) => void} show Shows what has changed: whether the columns are the same, and
 * the runs.
 */
export async function follow(show) {
  byId("live").hidden = false;
  tellState("Live", false);
  for (;;) {
    try {
      const news = await ask();
      if (news) take(news, show);
      tellState("Live", false);
    } catch (error) {
      console.warn(error);
      if (!byId("live").classList.contains("lost")) {
        tellState(
          `No longer live since ${now()}: colab-starter report has ended, or cannot be reached.`,
          true,
        );
      }
    }
    await wait();
  }
}
