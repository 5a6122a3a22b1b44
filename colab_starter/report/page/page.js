// The controls, and what they change.

const MOST_PARALLEL = 12; // Axes of parallel coordinates that one can still read.

let seen = null;
const byRole = { parameter: "Parameters", metric: "Metrics", fact: "The runs" };

function fillSelect(select, choices, chosen) {
  for (const role of Object.keys(byRole)) {
    const group = makeElement("optgroup", { label: byRole[role] });
    for (const column of choices.filter((choice) => choice.role === role)) {
      group.append(
        makeElement(
          "option",
          { value: tableColumns.indexOf(column), selected: column === chosen },
          column.name,
        ),
      );
    }
    if (group.children.length) select.append(group);
  }
}

const chosenColumn = (id) => tableColumns[byId(id).value];

function findBest(table) {
  const column = chosenColumn("best-metric");
  const direction = byId("best-way").value === "highest" ? -1 : 1;
  let best;
  for (const run of runsShown(table)) {
    const value = column.values[run];
    if (data.statuses[run] !== "ok" || !Number.isFinite(toNumber(value))) continue;
    if (best === undefined || compareValues(column, value, column.values[best], direction) < 0) best = run;
  }
  return best;
}

function guessWay() {
  byId("best-way").value = BAD.test(chosenColumn("best-metric").name) ? "lowest" : "highest";
}

function showBest(table) {
  const run = findBest(table);
  const column = chosenColumn("best-metric");
  byId("best-value").textContent =
    run === undefined ? "no run has a value" : formatValue(column, column.values[run]);
  const pairs = run === undefined ? [] : parameters.filter((parameter) => isKnown(parameter.values[run]));
  const tell = (parameter) => [
    makeElement("dt", {}, parameter.name),
    makeElement("dd", {}, formatValue(parameter, parameter.values[run])),
  ];
  byId("best-parameters").replaceChildren(
    ...pairs.map((parameter) => makeElement("div", {}, ...tell(parameter))),
  );
  byId("best-links").replaceChildren();
  if (run === undefined) return;
  const show = makeElement(
    "button",
    { type: "button", className: "link", onclick: () => showRun(table, run) },
    "in the table",
  );
  byId("best-links").append(show, " ", makeLinks(run));
}

function noteRuns(drawn, shown) {
  const column = chosenColumn("plot-y");
  const needed =
    column.kind === "series"
      ? column.name
      : `finite ${column.name}, or without ${chosenColumn("plot-x").name}`;
  const [missing, all] = [shown - drawn, shown].map((count) => count.toLocaleString());
  byId("plot-note").textContent =
    drawn < shown ? `Not drawn: ${missing} of ${all} runs, those without a ${needed}.` : "";
}

function suggestLog(id) {
  const column = chosenColumn(id);
  const box = byId(`${id}-log`);
  box.disabled = !canBeLogarithmic(column);
  box.checked = !box.disabled && spansDecades(column, allRuns);
}

function drawPlots(Plotly, table) {
  const choice = {
    x: chosenColumn("plot-x"),
    y: chosenColumn("plot-y"),
    colour: chosenColumn("plot-colour"),
    logarithmic: { x: byId("plot-x-log").checked, y: byId("plot-y-log").checked },
    runs: runsShown(table),
    best: findBest(table),
  };
  const isSeries = choice.y.kind === "series";
  byId("plot-x").disabled = isSeries;
  const draw = isSeries ? drawSeries : drawPoints;
  draw(Plotly, choice).then((drawn) => noteRuns(drawn, choice.runs.length));
  if (!isSeries) drawWhenSeen(byId("parallel"), () => drawParallel(Plotly, choice));
}

// Parallel coordinates take a while: they wait until one scrolls to them.
function drawWhenSeen(element, draw) {
  seen?.disconnect();
  seen = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      draw();
    },
    { rootMargin: "400px" },
  );
  seen.observe(element);
}

function startBest(table) {
  const choices = measures.filter(isNumeric);
  if (!choices.length) return;
  byId("best").hidden = false;
  fillSelect(byId("best-metric"), choices, rank(choices, rateMeasure)[0]);
  guessWay();
  showBest(table);
}

function offerPlots() {
  byId("plot-card").hidden = false;
  byId("parallel-card").hidden = parameters.length < 3 || parameters.length >= MOST_PARALLEL;
  const measure = rank(measures, rateMeasure)[0];
  const ranked = rank(parameters, (parameter) => explainVariance(parameter, measure));
  const across = ranked.find(isNumeric) ?? ranked[0];
  fillSelect(byId("plot-y"), measures, measure);
  fillSelect(byId("plot-x"), [...parameters, ...measures.filter(isNumeric)], across);
  byId("plot-colour").append(makeElement("option", { value: "" }, "nothing"));
  const facts = versionColumn ? [statusColumn, versionColumn] : [statusColumn];
  const colours = [...parameters, ...measures.filter(isNumeric), ...facts];
  fillSelect(
    byId("plot-colour"),
    colours,
    ranked.find((parameter) => parameter !== across),
  );
  suggestLog("plot-x");
  suggestLog("plot-y");
}

function watchPlots(redraw, table) {
  redraw();
  byId("plot").on("plotly_click", (event) => showRun(table, event.points[0].customdata));
  for (const id of ["plot-x", "plot-y"]) byId(id).addEventListener("change", () => suggestLog(id));
  for (const select of byId("plot-card").querySelectorAll("select, input"))
    select.addEventListener("change", redraw);
  for (const id of ["best-metric", "best-way"]) byId(id).addEventListener("change", redraw);
  table.on("search", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

function watchBest(table) {
  byId("best-metric").addEventListener("change", guessWay);
  for (const id of ["best-metric", "best-way"]) byId(id).addEventListener("change", () => showBest(table));
  table.on("search", () => showBest(table));
}

function pressStatuses() {
  for (const button of document.querySelectorAll(".statuses button")) {
    button.setAttribute("aria-pressed", shownStatuses.has(button.dataset.status));
  }
}

function watchFilters(table) {
  for (const button of document.querySelectorAll(".statuses button")) {
    button.addEventListener("click", () => {
      const { status } = button.dataset;
      chosenCause = null;
      if (!shownStatuses.delete(status)) shownStatuses.add(status);
      pressStatuses();
      table.draw();
    });
  }
  for (const button of document.querySelectorAll("button.cause")) {
    button.addEventListener("click", () => {
      const { status, cause } = button.dataset;
      chosenCause = cause;
      shownStatuses.clear();
      shownStatuses.add(status);
      pressStatuses();
      table.draw();
      byId("runs-card").scrollIntoView({ behavior: "smooth" });
    });
  }
}

const MOST_CAUSES = 6;

// What the head says of the runs, for those of the version that is shown.
function countRuns() {
  const runs = allRuns.filter(isOfVersion);
  const count = (status) => runs.filter((run) => data.statuses[run] === status).length;
  for (const element of document.querySelectorAll(".statuses button, .proportions i")) {
    const number = count(element.dataset.status);
    element.hidden = number === 0;
    if (element.tagName === "I") element.style.flexGrow = number;
    else element.textContent = `${number.toLocaleString("en")} ${data.words[element.dataset.status]}`;
  }
  countCauses(runs);
}

function countCauses(runs) {
  let causes = 0;
  for (const button of document.querySelectorAll("button.cause")) {
    const { status, cause } = button.dataset;
    const number = runs.filter((run) => data.statuses[run] === status && causeOf(run) === cause).length;
    button.querySelector(".status").textContent = `${number.toLocaleString("en")} × ${data.words[status]}`;
    if (number) causes += 1;
    button.parentElement.hidden = number === 0 || causes > MOST_CAUSES;
  }
  if (!byId("failures")) return;
  byId("failures").hidden = causes === 0;
  byId("more-causes").hidden = causes <= MOST_CAUSES;
  byId("more-causes").textContent = `and ${causes - MOST_CAUSES} causes more, in the table`;
}

function watchVersion(table) {
  if (shownVersion === null) return;
  countRuns();
  byId("version").addEventListener("change", () => {
    const { value } = byId("version");
    shownVersion = value === "all" ? null : Number(value);
    chosenCause = null;
    shownStatuses.clear();
    pressStatuses();
    countRuns();
    table.draw();
  });
}

function followTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
  follow();
  dark.addEventListener("change", follow);
}

function writeTimes() {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of document.querySelectorAll("time")) {
    const [from, to] = [time.dateTime, time.dataset.until || time.dateTime].map((moment) => new Date(moment));
    time.title = time.textContent;
    time.textContent = format.formatRange(from, to);
  }
}

async function start() {
  followTheme();
  writeTimes();
  if (!allRuns.length) return;
  const { default: DataTable } = await loadLibrary("tables-library");
  const table = makeTable(DataTable);
  table.draw();
  startBest(table);
  watchBest(table);
  watchFilters(table);
  watchVersion(table);
  if (!measures.length || !parameters.length) return;
  offerPlots();
  await loadLibrary("plots-library");
  watchPlots(() => drawPlots(window.Plotly, table), table);
}

start().then(
  () => document.documentElement.classList.add("ready"),
  (error) => {
    byId("trouble").hidden = false;
    byId("trouble").textContent =
      `This browser could not draw the table or the plots (${error.message}); a newer one will.`;
    console.error(error);
  },
);
