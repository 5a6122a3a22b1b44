(() => {
  // data.js
  var isNumeric = (column) => column.kind === "number";
  var keyOf = (column) => `${column.role}:${column.name}`;
  var withRole = (role) => columns.filter((column) => column.role === role);
  var findFact = (name) => withRole("fact").find((column) => column.name === name);
  var SERIAL = ["attempts", "trial"];
  var data;
  var allRuns = [];
  var columns = [];
  var statusColumn = { name: "status", role: "fact", kind: "text", values: [] };
  var causeColumn;
  var versionColumn;
  var orderColumn;
  var tableColumns = [];
  var parameters = [];
  var measures = [];
  function takeData(news) {
    const described = (list) => JSON.stringify(list.map((column) => [keyOf(column), column.kind]));
    const isSame = described(columns) === described(news.columns);
    const known = new Map(columns.map((column) => [keyOf(column), column]));
    data = news;
    allRuns = data.names.map((_, run) => run);
    columns = data.columns.map((column) => Object.assign(known.get(keyOf(column)) ?? {}, column));
    statusColumn.values = data.statuses.map((status) => data.words[status] ?? status);
    causeColumn = findFact("cause");
    versionColumn = findFact("notebook version");
    orderColumn = findFact("trial") ?? { name: "run", role: "fact", kind: "number", values: allRuns };
    tableColumns = [statusColumn, ...columns];
    parameters = withRole("parameter");
    const isMeasure = (column) => isNumeric(column) && !SERIAL.includes(column.name);
    measures = [...withRole("metric"), ...withRole("fact")].filter(isMeasure);
    return isSame;
  }
  takeData(JSON.parse(document.getElementById("data").textContent));

  // filter.js
  var filter = {
    statuses: new Set,
    cause: null,
    version: data.versions > 1 ? 0 : null
  };
  var isOfVersion = (run) => filter.version === null || data.versionOf[run] === filter.version;
  var runsOfVersion = () => allRuns.filter(isOfVersion);
  function causeOf(run) {
    const cause = causeColumn?.values[run] ?? statusColumn.values[run];
    return data.statuses[run] === "pruned" ? cause.split(":")[0] : cause;
  }
  function isShown(run) {
    const hasCause = filter.cause === null || causeOf(run) === filter.cause;
    const hasStatus = filter.statuses.size === 0 || filter.statuses.has(data.statuses[run]);
    return isOfVersion(run) && hasCause && hasStatus;
  }

  // values.js
  var collator = new Intl.Collator(undefined, { numeric: true });
  var isKnown = (value) => value !== null && value !== undefined;
  var toNumber = (value) => isKnown(value) ? Number(value) : NaN;
  var unusualNumbers = { NaN: "nan", Infinity: "inf", "-Infinity": "-inf" };
  var average = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  var DIGITS = 5;
  function formatNumber(value) {
    if (typeof value === "string")
      return unusualNumbers[value] ?? value;
    if (Number.isInteger(value))
      return String(value);
    const rounded = Number(value.toPrecision(DIGITS));
    return Math.abs(rounded) < 0.0001 ? rounded.toExponential() : String(rounded);
  }
  function formatValue(column, value) {
    if (!isKnown(value))
      return "";
    if (column.kind === "number")
      return formatNumber(value);
    if (column.kind === "text")
      return value;
    return `[${value.map((number) => isKnown(number) ? formatNumber(number) : "…").join(", ")}]`;
  }
  function compareValues(column, left, right, direction) {
    if (!isKnown(left) || !isKnown(right))
      return Number(isKnown(right)) - Number(isKnown(left));
    if (column.kind === "text")
      return direction * collator.compare(left, right);
    const isSeries = column.kind === "series";
    const a = toNumber(isSeries ? left.at(-1) : left);
    const b = toNumber(isSeries ? right.at(-1) : right);
    if (Number.isNaN(a) || Number.isNaN(b))
      return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return direction * (a < b ? -1 : Number(a > b));
  }
  function distinctValues(column, runs) {
    const known = runs.map((run) => column.values[run]).filter(isKnown);
    return [...new Set(known)].sort((left, right) => compareValues(column, left, right, 1));
  }
  function countDistinct(column, runs, most) {
    const known = new Set;
    for (const run of runs) {
      if (isKnown(column.values[run]))
        known.add(column.values[run]);
      if (known.size === most)
        break;
    }
    return known.size;
  }
  function takeEvenly(list, most) {
    const every = Math.ceil(list.length / most);
    return list.filter((_, place) => place % every === 0);
  }
  var MARKUP = /[&<>"']/g;
  var escapeMarkup = (text) => String(text).replace(MARKUP, (letter) => `&#${letter.charCodeAt(0)};`);
  var shorten = (text, length) => text.length > length ? `${text.slice(0, length)}…` : text;

  // choices.js
  var GOOD = /acc|auc|f1|score|r2|precision|recall|reward|iou|correct/i;
  var BAD = /loss|err|mae|mse|rmse|perplexity|seconds|time|memory|deviation/i;
  var BINS = 8;
  var FEWEST = 4;
  var MOST_RATED = 2000;
  function rateMeasure(column) {
    const differs = isNumeric(column) && countDistinct(column, allRuns.filter(isOfVersion), 2) > 1;
    const kind = GOOD.test(column.name) ? 4 : BAD.test(column.name) ? 2 : 1;
    const place = /test/i.test(column.name) ? 1 : /val/i.test(column.name) ? 0.5 : 0;
    const objective = objectiveOf(column) ? 1000 : 0;
    return objective + (column.role === "metric" ? 100 : 0) + (differs ? 10 : 0) + kind + place;
  }
  var objectiveOf = (column) => column.role === "metric" ? data.objectives[column.name] : undefined;
  function twoObjectives() {
    const found = measures.filter(objectiveOf).map((column) => ({ column, direction: directionOf(column) }));
    return found.length === 2 ? found : null;
  }
  function directionOf(column) {
    const isLow = objectiveOf(column) ? objectiveOf(column) === "minimize" : BAD.test(column.name);
    return isLow ? 1 : -1;
  }
  function rank(list, rate) {
    const rates = new Map(list.map((column) => [column, rate(column)]));
    return [...list].sort((left, right) => rates.get(right) - rates.get(left));
  }
  var rated = { measure: null, runs: null, shares: null };
  function rateParameters(measure, runs) {
    if (rated.measure === measure && rated.runs === runs)
      return rated.shares;
    const hasValue = (run) => data.statuses[run] === "ok" && Number.isFinite(toNumber(measure.values[run]));
    const done = takeEvenly(runs.filter(hasValue), MOST_RATED);
    const shares = new Map(parameters.map((parameter) => [parameter, explainVariance(parameter, measure, done)]));
    rated = { measure, runs, shares: { shares, count: done.length } };
    return rated.shares;
  }
  function explainVariance(parameter, measure, runs) {
    const groups = [...Map.groupBy(runs, groupValues(parameter, runs)).values()];
    const free = runs.length - groups.length;
    if (runs.length < FEWEST || groups.length < 2 || free < 1)
      return 0;
    const valuesOf = (group) => group.map((run) => toNumber(measure.values[run]));
    const squares = (values, mean) => values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const all = valuesOf(runs);
    const total = squares(all, average(all));
    const within = groups.map(valuesOf).reduce((sum, values) => sum + squares(values, average(values)), 0);
    const byChance = (groups.length - 1) * (within / free);
    return total > 0 ? Math.max(0, (total - within - byChance) / total) : 0;
  }
  function groupValues(parameter, runs) {
    if (!isNumeric(parameter))
      return (run) => parameter.values[run];
    const values = distinctValues(parameter, runs);
    const width = Math.ceil(values.length / BINS);
    const groups = new Map(values.map((value, place) => [value, Math.floor(place / width)]));
    return (run) => groups.get(parameter.values[run]);
  }

  // elements.js
  var byId = (id) => document.getElementById(id);
  var findAll = (selector) => document.querySelectorAll(selector);
  function makeElement(tag, attributes, ...children) {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  }
  function makeLinks(run) {
    const links = document.createElement("span");
    if (data.pages[run])
      links.append(makeElement("a", { href: data.pages[run] }, "page"), " ");
    if (data.notebooks[run])
      links.append(makeElement("a", { href: data.notebooks[run] }, "ipynb"));
    return links;
  }

  // events.js
  var target = new EventTarget;
  var tell = (kind) => target.dispatchEvent(new Event(kind));
  var listen = (kind, handle) => target.addEventListener(kind, handle);

  // selection.js
  var MOST_CHOSEN = 8;
  var chosenRuns = [];
  var isChosen = (run) => chosenRuns.includes(run);
  function chooseRuns(runs) {
    chosenRuns = [...new Set(runs)].slice(0, MOST_CHOSEN);
    tell("chosen");
  }
  function toggleRun(run) {
    chooseRuns(isChosen(run) ? chosenRuns.filter((one) => one !== run) : [...chosenRuns, run]);
  }

  // selects.js
  var TITLES = { parameter: "Parameters", metric: "Metrics", fact: "The runs" };
  function fillSelect(select, choices, chosen) {
    select.querySelectorAll("optgroup").forEach((group) => group.remove());
    for (const [role, label] of Object.entries(TITLES)) {
      const group = makeElement("optgroup", { label });
      for (const column of choices.filter((choice) => choice.role === role)) {
        const attributes = { value: keyOf(column), selected: column === chosen };
        group.append(makeElement("option", attributes, column.name));
      }
      if (group.children.length)
        select.append(group);
    }
  }
  function chosenColumn(id) {
    const { value } = byId(id);
    return tableColumns.find((column) => keyOf(column) === value);
  }

  // settings.js
  var repeating = () => parameters.filter((parameter) => parameter.repeats);
  var isDone = (run, column) => data.statuses[run] === "ok" && Number.isFinite(toNumber(column.values[run]));
  function groupRunsBySetting(runs, column) {
    const done = runs.filter((run) => isDone(run, column));
    if (!repeating().length)
      return done.map((run) => [run]);
    const telling = parameters.filter((parameter) => !parameter.repeats);
    const keyOfRun = (run) => JSON.stringify([data.versionOf[run], ...telling.map(({ values }) => values[run])]);
    return [...Map.groupBy(done, keyOfRun).values()];
  }
  function findBestSetting(runs, column, direction) {
    const groups = groupRunsBySetting(runs, column);
    const most = groups.reduce((count, group) => Math.max(count, group.length), 0);
    const valuesOf = (group) => group.map((run) => toNumber(column.values[run]));
    const counting = groups.filter((group) => group.length * 2 >= most);
    let best;
    let least = Infinity;
    for (const group of counting) {
      const cost = direction * average(valuesOf(group));
      if (best === undefined || cost < least)
        [best, least] = [group, cost];
    }
    return best && { ...describe(best, column, direction), leftOut: groups.length - counting.length };
  }
  function describe(group, column, direction) {
    const value = (run) => toNumber(column.values[run]);
    const mean = average(group.map(value));
    const squares = group.reduce((sum, run) => sum + (value(run) - mean) ** 2, 0);
    return {
      runs: group.toSorted((left, right) => direction * (value(left) - value(right))),
      mean: group.length > 1 ? mean : value(group[0]),
      deviation: Math.sqrt(squares / (group.length - 1))
    };
  }
  function findFront(runs, objectives) {
    const [first, second] = objectives.map(({ column, direction }) => (run) => direction * toNumber(column.values[run]));
    const done = runs.filter((run) => objectives.every(({ column }) => isDone(run, column)));
    done.sort((left, right) => first(left) - first(right) || second(left) - second(right));
    let least = Infinity;
    return done.filter((run) => {
      const isBetter = second(run) < least;
      least = Math.min(least, second(run));
      return isBetter;
    });
  }

  // table.js
  var PAGE = 25;
  var FEW = 50;
  var LINE_ENDS = /[\r\n\u2028]/g;
  function drawStatus(run) {
    return makeElement("span", { className: `status ${data.statuses[run]}` }, statusColumn.values[run]);
  }
  function drawBox(run) {
    return makeElement("input", {
      type: "checkbox",
      className: "choose",
      checked: isChosen(run),
      ariaLabel: `compare ${data.names[run]}`,
      onchange: () => toggleRun(run)
    });
  }
  function drawCell(column, run) {
    if (column === statusColumn)
      return drawStatus(run);
    const value = column.values[run];
    const text = formatValue(column, value);
    const isWhole = text === String(value) && text.length < 24;
    return makeElement("span", { className: "cell", title: isWhole || !isKnown(value) ? "" : String(value) }, text);
  }
  function describeFilter(column) {
    if (isNumeric(column))
      return ["searchNumber"];
    const number = column.kind === "text" ? countDistinct(column, allRuns, FEW + 1) : 0;
    if (number === 0 || number > FEW)
      return ["searchText"];
    const texts = distinctValues(column, allRuns);
    const options = texts.map((text) => ({
      label: escapeMarkup(shorten(text, 60)),
      value: text.replace(LINE_ENDS, "")
    }));
    if (!column.values.every(isKnown))
      options.push({ label: "<i>none</i>", value: "" });
    return [{ extend: "searchList", options, search: options.length > 8 }];
  }
  function tellValue(column, run, what) {
    const value = column.values[run];
    return what === "sort" || what === "type" ? value : escapeMarkup(formatValue(column, value));
  }
  function describeColumn(column) {
    return {
      title: escapeMarkup(column.name),
      name: keyOf(column),
      className: `${column.role} ${isNumeric(column) ? "number" : "text"}`,
      type: `column-${keyOf(column)}`,
      data: (row, what) => tellValue(column, row[0], what),
      render: (value, what, row) => what === "display" ? drawCell(column, row[0]) : value,
      columnControl: [
        "order",
        { extend: "dropdown", icon: "search", text: "Filter", content: describeFilter(column) }
      ]
    };
  }
  var boxColumn = {
    title: '<span class="unseen">compare</span>',
    className: "choose",
    orderable: false,
    searchable: false,
    data: (row) => row[0],
    render: (run, what) => what === "display" ? drawBox(run) : "",
    columnControl: []
  };
  var linksColumn = {
    title: "notebook",
    className: "links",
    orderable: false,
    searchable: false,
    data: (row) => row[0],
    render: (run, what) => what === "display" ? makeLinks(run) : "",
    columnControl: []
  };
  function addOrders(DataTable) {
    tableColumns.forEach((column) => {
      DataTable.type(`column-${keyOf(column)}`, {
        order: {
          asc: (left, right) => compareValues(column, left, right, 1),
          desc: (left, right) => compareValues(column, left, right, -1)
        }
      });
    });
  }
  function searchLazily(table) {
    const texts = { run: 0 };
    const searchable = [null, statusColumn, null, ...columns];
    searchable.forEach((column, place) => {
      const tell = (run) => column ? formatValue(column, column.values[run]).replace(LINE_ENDS, "") : "";
      Object.defineProperty(texts, place, {
        get() {
          return tell(this.run);
        }
      });
    });
    const join = {
      get() {
        return searchable.map((_, place) => this._aFilterData[place]).join("  ");
      }
    };
    for (const one of table.settings()[0].aoData) {
      one._aFilterData = Object.assign(Object.create(texts), { run: one._aData[0] });
      Object.defineProperty(one, "_sFilterRow", join);
    }
  }
  var table;
  var makeDataTable;
  var shown = null;
  function makeTable(DataTable) {
    makeDataTable = (options) => new DataTable("#runs", options);
    DataTable.ext.search.push((_settings, _texts, run) => isShown(run));
    fillTable(DataTable);
  }
  function fillTable(DataTable) {
    addOrders(DataTable);
    const described = [boxColumn, describeColumn(statusColumn), linksColumn, ...columns.map(describeColumn)];
    const heads = described.map(() => makeElement("th", { scope: "col" }));
    byId("runs").append(makeElement("thead", {}, makeElement("tr", {}, ...heads)));
    table = makeDataTable({
      columns: described,
      order: [],
      deferRender: true,
      autoWidth: false,
      scrollX: true,
      paging: allRuns.length > PAGE,
      pageLength: PAGE,
      layout: { topStart: "pageLength", topEnd: "search", bottomStart: "info", bottomEnd: "paging" },
      language: {
        search: "",
        searchPlaceholder: "Search",
        info: "_START_ to _END_ of _TOTAL_ runs",
        infoEmpty: "no run",
        infoFiltered: "(of _MAX_)",
        lengthMenu: "_MENU_ a page",
        zeroRecords: "No run is like that."
      },
      ordering: { indicators: false, handler: true }
    });
    table.rows.add(allRuns.map((run) => [run]));
    searchLazily(table);
    table.on("search", () => {
      shown = null;
      tell("shown");
    });
    nameParts();
  }
  function nameParts() {
    for (const box of findAll(".dt-search input"))
      box.setAttribute("aria-label", "Search the runs");
    for (const part of findAll("#runs-card .dt-scroll-body")) {
      part.tabIndex = 0;
      part.setAttribute("role", "group");
      part.setAttribute("aria-label", "The runs; scrolls sideways");
    }
  }
  var drawTable = () => table.draw();
  function runsShown() {
    shown ??= table.rows({ search: "applied", order: "index" }).indexes().toArray();
    return shown;
  }
  function showRun(run) {
    const place = table.rows({ search: "applied", order: "applied" }).indexes().toArray().indexOf(run);
    if (place < 0)
      return;
    table.page(Math.floor(place / table.page.len())).draw("page");
    for (const row of findAll("#runs tr.chosen"))
      row.classList.remove("chosen");
    const row = table.row(run).node();
    row.classList.add("chosen");
    row.scrollIntoView({ block: "center", behavior: "smooth" });
  }
  function tickBoxes(chosen) {
    const isFull = chosen.length >= MOST_CHOSEN;
    for (const node of table.rows({ page: "current" }).nodes().toArray()) {
      const run = table.row(node).index();
      const box = node.querySelector("input.choose");
      box.checked = isChosen(run);
      box.disabled = isFull && !box.checked;
      node.classList.toggle("ticked", box.checked);
    }
  }
  function updateRows(changed) {
    const known = table.rows().count();
    table.rows.add(allRuns.slice(known).map((run) => [run]));
    if (changed.length)
      table.rows(changed.filter((run) => run < known)).invalidate();
    searchLazily(table);
    table.draw("full-hold");
  }
  function remakeTable(DataTable) {
    const names = table.columns().names().toArray();
    const order = table.order().map(([place, way]) => [names[place], way]);
    const [words, page, length] = [table.search(), table.page(), table.page.len()];
    table.destroy();
    byId("runs").replaceChildren();
    fillTable(DataTable);
    const places = table.columns().names().toArray();
    table.order(order.map(([name, way]) => [places.indexOf(name), way]).filter(([place]) => place >= 0));
    table.search(words).page.len(length);
    table.draw();
    table.page(page).draw("page");
  }

  // best_card.js
  var MOST_OF_FRONT = 8;
  function findBest() {
    const column = chosenColumn("best-metric");
    return column && findBestSetting(runsShown(), column, byId("best-way").value === "highest" ? -1 : 1);
  }
  function guessWay() {
    byId("best-way").value = directionOf(chosenColumn("best-metric")) === 1 ? "lowest" : "highest";
  }
  function writeMean({ mean, deviation, runs }) {
    if (runs.length === 1)
      return formatNumber(mean);
    const digits = deviation > 0 ? Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(deviation)))) : 4;
    return `${mean.toFixed(digits)} ± ${deviation.toFixed(digits)}`;
  }
  function describeSpread(setting) {
    const names = repeating().map((parameter) => parameter.name).join(", ");
    if (!setting || !names)
      return "";
    const { runs: { length: count }, leftOut } = setting;
    if (count === 1)
      return `A single run: no other differs from it only in ${names}.`;
    const others = leftOut === 1 ? "1 setting with fewer runs does" : `${leftOut} settings with fewer runs do`;
    const more = leftOut ? ` ${others} not count: what they reach may be luck.` : "";
    return `The mean of ${count} runs that differ only in ${names}, and their standard deviation.${more}`;
  }
  function listParameters(run) {
    const told = parameters.filter((parameter) => isKnown(parameter.values[run]) && !parameter.repeats);
    const tellOne = (parameter) => [
      makeElement("dt", {}, parameter.name),
      makeElement("dd", {}, formatValue(parameter, parameter.values[run]))
    ];
    return told.map((parameter) => makeElement("div", {}, ...tellOne(parameter)));
  }
  var makeButton = (text, onclick) => makeElement("button", { type: "button", className: "link", onclick }, text);
  function drawBest() {
    if (byId("best").hidden)
      return;
    const column = chosenColumn("best-metric");
    const setting = findBest();
    byId("best-value").textContent = !setting ? "no run has a value" : setting.runs.length > 1 ? writeMean(setting) : formatValue(column, column.values[setting.runs[0]]);
    byId("best-title").textContent = setting?.runs.length > 1 ? "Best setting" : "Best run";
    byId("best-spread").textContent = describeSpread(setting);
    byId("best-parameters").replaceChildren(...setting ? listParameters(setting.runs[0]) : []);
    byId("best-links").replaceChildren(...setting ? makeBestLinks(setting) : []);
    drawFront();
  }
  function makeBestLinks({ runs }) {
    const best = runs[0];
    const links = [makeButton("in the table", () => showRun(best)), " "];
    if (runs.length > 1)
      links.push(makeButton("side by side", () => chooseRuns(runs)), " ");
    return [...links, makeLinks(best)];
  }
  function frontRuns() {
    const objectives = twoObjectives();
    return objectives ? findFront(runsShown(), objectives) : [];
  }
  function drawFront() {
    const objectives = twoObjectives();
    const front = frontRuns();
    byId("front").hidden = front.length === 0;
    if (!front.length)
      return;
    const names = objectives.map(({ column }) => column.name);
    const text = `The Pareto front of ${names.join(" and ")}, ${front.length} run${front.length === 1 ? "" : "s"}: `;
    const head = names.map((name) => makeElement("th", { scope: "col", className: "number" }, name));
    const rows = front.slice(0, MOST_OF_FRONT).map((run) => makeElement("tr", {}, ...objectives.map(({ column }) => makeElement("td", { className: "number" }, formatValue(column, column.values[run]))), makeElement("td", {}, makeButton("in the table", () => showRun(run)))));
    const more = front.length > MOST_OF_FRONT ? `and ${front.length - MOST_OF_FRONT} more, ringed in the plot` : "";
    byId("front").replaceChildren(makeElement("p", { className: "quiet" }, `${text}no other is better in both.`), makeElement("table", {}, makeElement("thead", {}, makeElement("tr", {}, ...head, makeElement("td"))), makeElement("tbody", {}, ...rows)), makeElement("p", { className: "quiet" }, more));
  }
  function offerBest() {
    const choices = measures.filter(isNumeric);
    byId("best").hidden = !choices.length;
    if (!choices.length)
      return;
    const chosen = chosenColumn("best-metric");
    fillSelect(byId("best-metric"), choices, chosen ?? rank(choices, rateMeasure)[0]);
    if (!chosen)
      guessWay();
  }
  function watchBest() {
    byId("best-metric").addEventListener("change", guessWay);
    for (const id of ["best-metric", "best-way"])
      byId(id).addEventListener("change", () => tell("measure"));
  }

  // scales.js
  var FEW_TICKS = 12;
  var LONGEST_MARK = 6;
  var MOST_MARKS = 40;
  var DECADES = 100;
  var style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  var finite = (values) => values.filter(Number.isFinite);
  var smallest = (values) => values.reduce((least, value) => Math.min(least, value), Infinity);
  var largest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);
  var labelOf = (column, length = 30) => escapeMarkup(shorten(column.name, length));
  function makeScale(column, runs) {
    const values = distinctValues(column, runs);
    if (isNumeric(column)) {
      const ticks = values.filter((value) => Number.isFinite(toNumber(value)));
      return { column, place: (run) => toNumber(column.values[run]), ticks };
    }
    const texts = values;
    const places = new Map(texts.map((text, place) => [text, place]));
    return { column, place: (run) => places.get(column.values[run]) ?? NaN, ticks: texts };
  }
  function spansDecades(column, runs) {
    if (!isNumeric(column))
      return false;
    if (column.log && canBeLogarithmic(column))
      return true;
    const values = finite(runs.map((run) => toNumber(column.values[run])));
    return values.length > 1 && smallest(values) > 0 && largest(values) / smallest(values) >= DECADES;
  }
  function canBeLogarithmic(column) {
    return isNumeric(column) && column.values.every((value) => !isKnown(value) || !(toNumber(value) <= 0));
  }
  function hasMarks({ column, ticks }) {
    if (column.kind === "text")
      return true;
    const isShort = (value) => formatValue(column, value).length <= LONGEST_MARK;
    return column.role === "parameter" && ticks.length <= FEW_TICKS && ticks.every(isShort);
  }
  function describeAxis(scale, logarithmic) {
    const { column, ticks } = scale;
    const axis = {
      title: { text: labelOf(column, 60) },
      type: logarithmic ? "log" : "linear",
      automargin: true,
      gridcolor: style("--line"),
      zeroline: false,
      exponentformat: "e",
      minexponent: 5,
      linecolor: style("--line")
    };
    if (hasMarks(scale)) {
      const every = Math.ceil(ticks.length / MOST_MARKS);
      const marked = ticks.filter((_, place) => place % every === 0);
      axis.tickvals = marked.map((value, place) => column.kind === "text" ? place * every : toNumber(value));
      axis.ticktext = marked.map((value) => escapeMarkup(shorten(formatValue(column, value), 24)));
      if (column.kind === "text")
        axis.range = [-0.5, ticks.length - 0.5];
    }
    return axis;
  }

  // colours.js
  var PALETTE = [
    "#4c78a8",
    "#f58518",
    "#54a24b",
    "#b279a2",
    "#e45756",
    "#72b7b2",
    "#9d755d",
    "#eeca3b",
    "#ff9da6",
    "#79706e"
  ];
  var RAMP = [
    [92, 92, 214],
    [42, 140, 190],
    [46, 165, 120],
    [165, 180, 50],
    [240, 150, 40]
  ];
  var RAMP_SCALE = RAMP.map((rgb, step) => [step / (RAMP.length - 1), `rgb(${rgb})`]);
  var SHADES = 24;
  function groupRuns(colour, runs) {
    if (!colour)
      return [{ name: "", runs, colour: style("--accent") }];
    if (colour === statusColumn)
      return groupStatuses(runs);
    const values = distinctValues(colour, runs);
    if (isNumeric(colour) && values.length > PALETTE.length)
      return [{ name: "", runs, continuous: true }];
    const named = values.slice(0, PALETTE.length - 1);
    const members = Map.groupBy(runs, (run) => colour.values[run]);
    const groups = named.map((value, place) => ({
      name: formatValue(colour, value),
      runs: members.get(value),
      colour: isNumeric(colour) ? sampleRamp(values.length > 1 ? place / (values.length - 1) : 0.5) : PALETTE[place]
    }));
    const grouped = new Set(named);
    const others = runs.filter((run) => !grouped.has(colour.values[run]));
    const name = values.length >= PALETTE.length ? "others" : "none";
    if (others.length)
      groups.push({ name, runs: others, colour: style("--quiet") });
    return groups;
  }
  function groupStatuses(runs) {
    const members = Map.groupBy(runs, (run) => data.statuses[run]);
    const order = Object.keys(data.words);
    const found = [...members].sort(([left], [right]) => order.indexOf(left) - order.indexOf(right));
    return found.map(([status, group]) => ({
      name: data.words[status] ?? status,
      runs: group,
      colour: style(`--${status}`)
    }));
  }
  function groupShades(colour, runs) {
    const groups = groupRuns(colour, runs);
    if (!groups[0]?.continuous)
      return groups;
    const { place, least, most } = measureShades(colour, runs);
    const shade = (run) => Math.round(SHADES * (place(run) - least) / (most - least || 1));
    return [...Map.groupBy(runs, shade)].map(([step, group]) => ({
      name: "",
      runs: group,
      colour: Number.isFinite(step) ? sampleRamp(step / SHADES) : style("--quiet")
    }));
  }
  function measureShades(colour, runs) {
    const isLogarithmic = spansDecades(colour, runs);
    const place = (run) => {
      const value = toNumber(colour.values[run]);
      return isLogarithmic ? Math.log10(value) : value;
    };
    const places = runs.map(place).filter(Number.isFinite);
    return { place, isLogarithmic, least: smallest(places), most: largest(places) };
  }
  var TICKS = 5;
  function makeShadeBar(colour, runs) {
    if (!colour || !groupRuns(colour, runs)[0]?.continuous)
      return [];
    const { isLogarithmic, least, most } = measureShades(colour, runs);
    const tickvals = Array.from({ length: TICKS }, (_, tick) => least + (most - least) * tick / (TICKS - 1));
    const write = (place) => formatNumber(Number((isLogarithmic ? 10 ** place : place).toPrecision(3)));
    const title = { text: labelOf(colour), side: "right" };
    const colorbar = { title, thickness: 12, outlinewidth: 0, tickvals, ticktext: tickvals.map(write) };
    const marker = {
      color: [least],
      cmin: least,
      cmax: most,
      colorscale: RAMP_SCALE,
      showscale: true,
      colorbar
    };
    return [{
      type: "scatter",
      mode: "markers",
      x: [null],
      y: [null],
      showlegend: false,
      hoverinfo: "skip",
      marker
    }];
  }
  function sampleRamp(share) {
    const position = share * (RAMP.length - 1);
    const step = Math.min(Math.floor(position), RAMP.length - 2);
    const mixed = RAMP[step].map((part, index) => Math.round(part + (position - step) * (RAMP[step + 1][index] - part)));
    return `rgb(${mixed})`;
  }

  // bytes.js
  function decodeBytes(text) {
    const packed = atob(text);
    const bytes = new Uint8Array(packed.length);
    for (let place = 0;place < packed.length; place += 1)
      bytes[place] = packed.charCodeAt(place);
    return bytes;
  }

  // curves.js
  var unpacked = new WeakMap;
  var curveNames = () => data.curves.map(({ name }) => name);
  function findCurves(name) {
    const packed = data.curves.find((one) => one.name === name);
    if (packed && !unpacked.has(packed))
      unpacked.set(packed, unpack(packed));
    return packed && unpacked.get(packed);
  }
  function unpack(packed) {
    const read = (Kind, name) => new Kind(decodeBytes(packed[name]).buffer);
    const [runs, lengths, starts] = ["runs", "lengths", "starts"].map((name) => read(Uint32Array, name));
    const [steps, values] = [read(Float64Array, "steps"), read(Float32Array, "values")];
    const places = new Int32Array(allRuns.length).fill(-1);
    const offsets = new Uint32Array(runs.length);
    let offset = 0;
    runs.forEach((run, place) => {
      places[run] = place;
      offsets[place] = offset;
      offset += lengths[place];
    });
    const made = [];
    const make = (place) => {
      const [start, first, length] = [starts[place], offsets[place], lengths[place]];
      return { steps: steps.subarray(start, start + length), values: values.subarray(first, first + length) };
    };
    const of = (run) => places[run] >= 0 ? made[run] ??= make(places[run]) : null;
    return { name: packed.name, runs: [...runs], of };
  }
  function valueAt({ steps, values }, step) {
    const last = steps.length - 1;
    if (last < 0 || step < steps[0] || step > steps[last])
      return NaN;
    let [low, high] = [0, last];
    while (high - low > 1) {
      const middle = low + high >> 1;
      if (steps[middle] <= step)
        low = middle;
      else
        high = middle;
    }
    const share = steps[high] > steps[low] ? (step - steps[low]) / (steps[high] - steps[low]) : 1;
    return values[low] + share * (values[high] - values[low]);
  }
  function findExtent(curves, runs, { x, y }) {
    const extent = { x: [Infinity, -Infinity], y: [Infinity, -Infinity] };
    const widen = (range, number) => {
      if (number < range[0])
        range[0] = number;
      if (number > range[1])
        range[1] = number;
    };
    for (const run of runs) {
      const { steps, values } = curves.of(run);
      for (let place = 0;place < steps.length; place += 1) {
        const [step, value] = [steps[place], values[place]];
        if (!Number.isFinite(value) || x && step <= 0 || y && value <= 0)
          continue;
        widen(extent.x, step);
        widen(extent.y, value);
      }
    }
    return extent;
  }

  // faint.js
  var CONTRAST = 60;
  function drawFaintly({ width, height, across, up }, groups) {
    const sums = { red: new Float32Array(width * height), green: null, blue: null, count: null };
    for (const name of ["green", "blue", "count"])
      sums[name] = new Float32Array(width * height);
    for (const { colour, curves } of groups) {
      const [red, green, blue] = readColour(colour);
      const mark = (x, y) => {
        if (x < 0 || y < 0 || x >= width || y >= height)
          return;
        const place = y * width + x;
        sums.red[place] += red;
        sums.green[place] += green;
        sums.blue[place] += blue;
        sums.count[place] += 1;
      };
      for (const { steps, values } of curves)
        markLine(steps, values, { across, up }, mark);
    }
    const total = groups.reduce((sum, group) => sum + group.curves.length, 0);
    return paint(sums, width, height, Math.max(0.04, Math.min(0.5, CONTRAST / (2 * total))));
  }
  function readColour(colour) {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data;
  }
  function markLine(steps, values, { across, up }, mark) {
    let [left, top] = [NaN, NaN];
    for (let place = 0;place < steps.length; place += 1) {
      const [x, y] = [across(steps[place]), up(values[place])];
      const count = Math.ceil(Math.max(Math.abs(x - left), Math.abs(y - top)));
      if (count < 1e5) {
        for (let part = 0;part < count; part += 1) {
          mark(Math.round(left + (x - left) * part / count), Math.round(top + (y - top) * part / count));
        }
      }
      [left, top] = [x, y];
    }
  }
  function paint({ red, green, blue, count }, width, height, share) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const image = pen.createImageData(width, height);
    for (let place = 0;place < count.length; place += 1) {
      const lines = count[place];
      if (!lines)
        continue;
      image.data[4 * place] = red[place] / lines;
      image.data[4 * place + 1] = green[place] / lines;
      image.data[4 * place + 2] = blue[place] / lines;
      image.data[4 * place + 3] = 255 * (1 - (1 - share) ** lines);
    }
    pen.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  // layout.js
  var NARROW = 640;
  var isNarrow = () => innerWidth < NARROW;
  function makeLayout(colour, more) {
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
        font: { color: style("--text") }
      },
      modebar: { bgcolor: "transparent", color: style("--quiet"), activecolor: style("--text") },
      legend: {
        title: { text: colour ? labelOf(colour) : "" },
        ...isNarrow() ? { orientation: "h", y: -0.3 } : { y: 0.93 }
      },
      ...more
    };
  }
  var POINT_BUTTONS = [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"], ["toImage"]];
  var settings = (buttons) => ({ responsive: true, displaylogo: false, modeBarButtons: buttons });
  var SYMBOLS = {
    ok: "circle",
    pruned: "triangle-down",
    failed: "x",
    timeout: "cross",
    killed: "diamond-x",
    interrupted: "circle-open",
    running: "circle-open"
  };
  var symbolOf = (run) => SYMBOLS[data.statuses[run]] ?? "x";

  // curve_plot.js
  var FEW2 = 100;
  var HEIGHT = 420;
  var MARGINS = { x: 72, y: 64 };
  var groupSingly = ({ runs, colours }) => runs.map((run) => ({ name: data.names[run], runs: [run], colour: colours.get(run) }));
  function drawCurves(Plotly, element, choice) {
    const ranges = findRanges(choice);
    const groups = choice.colours ? groupSingly(choice) : groupShades(choice.colour, choice.runs);
    const lines = choice.runs.length <= FEW2 ? new Set(choice.runs) : choice.strong;
    const traces = groups.flatMap((group) => makeLines(group, choice, lines));
    traces.push(makeEnds(groups, choice, lines), makeMarked());
    const faint = choice.runs.length > lines.size;
    if (!choice.colours)
      traces.unshift(...makeShadeBar(choice.colour, choice.runs));
    if (faint && choice.colour)
      traces.unshift(...nameGroups(groups, choice, lines));
    const layout = makeLayout(choice.colour, {
      hovermode: false,
      dragmode: "zoom",
      images: faint ? [makeBackground(element, choice, groups, ranges)] : [],
      xaxis: { ...describeAxis(stepScale, choice.logarithmic.x), range: ranges.x },
      yaxis: { ...describeAxis(makeScale2(choice), choice.logarithmic.y), range: ranges.y }
    });
    return Plotly.react(element, traces, layout, settings(POINT_BUTTONS));
  }
  var stepScale = { column: { name: "step", kind: "number", role: "fact" }, ticks: [] };
  var makeScale2 = ({ curves }) => ({
    column: { name: curves.name, kind: "number", role: "metric" },
    ticks: []
  });
  function findRanges({ curves, runs, logarithmic }) {
    const extent = findExtent(curves, runs, logarithmic);
    const pad = ([least, most], isLogarithmic, share) => {
      if (!(least <= most))
        return [0, 1];
      const [low, high] = isLogarithmic ? [Math.log10(least), Math.log10(most)] : [least, most];
      const margin = (high - low || Math.abs(high) * 0.1 || 1) * share;
      return [low - margin, high + margin];
    };
    return { x: pad(extent.x, logarithmic.x, 0.015), y: pad(extent.y, logarithmic.y, 0.04) };
  }
  function makeLines(group, { curves, strong, colour }, lines) {
    const isFew = lines !== strong;
    const drawn = group.runs.filter((run) => lines.has(run));
    return drawn.map((run, place) => {
      const { steps, values } = curves.of(run);
      const isStrong = strong.has(run);
      return {
        type: "scatter",
        mode: steps.length > 1 ? "lines" : "markers",
        name: escapeMarkup(shorten(group.name, 30)),
        legendgroup: group.name,
        showlegend: Boolean(colour) && place === 0 && group.name !== "",
        x: [...steps],
        y: [...values].map((value) => Number.isFinite(value) ? value : null),
        customdata: [run],
        line: { color: group.colour, width: isStrong ? 4 : 1.5 },
        marker: { color: group.colour, size: 7 },
        opacity: isStrong || !isFew || !strong.size ? 1 : 0.65
      };
    });
  }
  function nameGroups(groups, { colour }, lines) {
    const unnamed = groups.filter(({ name, runs }) => name && !runs.some((run) => lines.has(run)));
    return unnamed.map((group) => ({
      type: "scatter",
      mode: "lines",
      name: escapeMarkup(shorten(group.name, 30)),
      showlegend: Boolean(colour),
      x: [null],
      y: [null],
      line: { color: group.colour, width: 1.5 }
    }));
  }
  function makeEnds(groups, { curves }, lines) {
    const ends = groups.flatMap((group) => group.runs.filter((run) => lines.has(run) && data.statuses[run] !== "ok").map((run) => ({ run, group })));
    const last = (run, what) => curves.of(run)[what].at(-1);
    return {
      type: "scatter",
      mode: "markers",
      x: ends.map(({ run }) => last(run, "steps")),
      y: ends.map(({ run }) => last(run, "values")),
      showlegend: false,
      marker: {
        symbol: ends.map(({ run }) => symbolOf(run)),
        size: 9,
        color: ends.map(({ group }) => group.colour),
        line: { width: 2, color: ends.map(({ group }) => group.colour) }
      }
    };
  }
  var makeMarked = () => ({
    type: "scatter",
    mode: "lines",
    x: [],
    y: [],
    showlegend: false,
    line: { color: style("--text"), width: 3 }
  });
  function markCurve(Plotly, element, curve) {
    const marked = { x: [curve ? [...curve.steps] : []], y: [curve ? [...curve.values] : []] };
    return Plotly.restyle(element, marked, [element.data.length - 1]);
  }
  var painted = { key: [], source: "" };
  function makeBackground(element, choice, groups, ranges) {
    const { curves, runs, colour, logarithmic } = choice;
    const [width, height] = [Math.max(300, element.clientWidth - MARGINS.x), HEIGHT - MARGINS.y];
    const key = [curves, runs.join(), colour, logarithmic.x, logarithmic.y, width, style("--card")];
    if (key.some((part, place) => part !== painted.key[place])) {
      painted = { key, source: paintCurves(choice, groups, ranges, { width, height }) };
    }
    const [left, right, low, high] = [...ranges.x, ...ranges.y];
    const size = { x: left, y: high, sizex: right - left, sizey: high - low, sizing: "stretch" };
    return { source: painted.source, xref: "x", yref: "y", layer: "below", ...size };
  }
  function paintCurves({ curves, logarithmic }, groups, ranges, { width, height }) {
    const across = makePlace(ranges.x, width, logarithmic.x);
    const up = makePlace(ranges.y, height, logarithmic.y);
    const drawn = groups.map(({ colour, runs }) => ({ colour, curves: runs.map(curves.of) }));
    return drawFaintly({ width, height, across, up: (value) => height - up(value) }, drawn);
  }
  function makePlace([least, most], size, isLogarithmic) {
    const factor = size / (most - least);
    return isLogarithmic ? (value) => (Math.log10(value) - least) * factor : (value) => (value - least) * factor;
  }

  // compare_card.js
  var ROLES = ["parameter", "metric", "fact"];
  var fetched = new Map;
  function isDiffering(column) {
    return new Set(chosenRuns.map((run) => JSON.stringify(column.values[run]))).size > 1;
  }
  function makeHead() {
    const heads = chosenRuns.map((run, place) => {
      const mark = makeElement("i", { className: "mark", ariaHidden: "true" });
      mark.style.background = PALETTE[place];
      const name = makeElement("button", { type: "button", className: "link", onclick: () => showRun(run) }, data.names[run]);
      const drop = makeElement("button", {
        type: "button",
        className: "drop",
        ariaLabel: `leave out ${data.names[run]}`,
        onclick: () => toggleRun(run)
      }, "×");
      return makeElement("th", { scope: "col" }, mark, name, " ", drop, makeElement("div", {}, makeLinks(run)));
    });
    return makeElement("thead", {}, makeElement("tr", {}, makeElement("td"), ...heads));
  }
  function makeRow(column) {
    const isStatus = column === statusColumn;
    const cells = chosenRuns.map((run) => {
      const text = formatValue(column, column.values[run]);
      const className = isStatus ? `status ${data.statuses[run]}` : "";
      return makeElement("td", { title: text.length > 40 ? text : "" }, makeElement("span", { className }, text));
    });
    const className = `${column.role} ${isDiffering(column) ? "differs" : ""}`;
    return makeElement("tr", { className }, makeElement("th", { scope: "row" }, column.name), ...cells);
  }
  function listColumns() {
    const only = byId("compare-differing").checked;
    const ordered = ROLES.flatMap((role) => columns.filter((column) => column.role === role));
    return [statusColumn, ...ordered].filter((column) => !only || isDiffering(column));
  }
  var findPictures = (run) => data.pictures[run] ?? fetched.get(run);
  function makePictures(run) {
    const pictures = findPictures(run);
    if (!pictures) {
      const why = data.live ? "…" : "Not in this page, to keep it small; see the run's own page.";
      return makeElement("td", { className: "quiet" }, hasNotebook(run) ? why : "");
    }
    const images = pictures.map((picture, place) => makeElement("img", {
      src: `data:image/png;base64,${picture}`,
      alt: `picture ${place + 1} of ${data.names[run]}`
    }));
    return makeElement("td", { className: "pictures" }, ...images);
  }
  var hasNotebook = (run) => Boolean(data.notebooks[run]);
  function makePictureRow() {
    const hasAny = Object.keys(data.pictures).length > 0 || data.live && chosenRuns.some(hasNotebook);
    if (!hasAny)
      return [];
    return [
      makeElement("tr", {}, makeElement("th", { scope: "row" }, "pictures"), ...chosenRuns.map(makePictures))
    ];
  }
  function fetchPictures() {
    if (!data.live)
      return;
    const missing = chosenRuns.filter((run) => hasNotebook(run) && !findPictures(run));
    for (const run of missing) {
      fetch(`pictures/${encodeURIComponent(data.names[run])}`).then((answer) => answer.ok ? answer.json() : []).then((pictures) => {
        fetched.set(run, pictures);
        drawTable2();
      }, () => {});
    }
  }
  function drawTable2() {
    const body = makeElement("tbody", {}, ...listColumns().map(makeRow), ...makePictureRow());
    byId("compare").replaceChildren(makeHead(), body);
  }
  function drawChosenCurves(Plotly) {
    const curves = findCurves(byId("curves-metric").value);
    const runs = curves ? chosenRuns.filter(curves.of) : [];
    byId("compare-curves").hidden = runs.length === 0;
    if (!runs.length)
      return;
    const colour = { name: "run", role: "fact", kind: "text", values: data.names };
    const colours = new Map(runs.map((run) => [run, PALETTE[chosenRuns.indexOf(run)]]));
    const logarithmic = { x: byId("curves-x-log").checked, y: byId("curves-y-log").checked };
    drawCurves(Plotly, byId("compare-curves"), {
      curves,
      runs,
      strong: new Set,
      colour,
      colours,
      logarithmic
    });
  }
  function drawRegion() {
    const count = chosenRuns.length;
    byId("chosen").hidden = count === 0;
    const most = count === MOST_CHOSEN ? ", which is the most" : "";
    byId("chosen-count").textContent = count === 1 ? "1 run chosen; choose another one" : `${count} runs chosen${most}`;
    byId("chosen-show").hidden = count < 2;
  }
  function drawCompare(Plotly) {
    tickBoxes(chosenRuns);
    drawRegion();
    byId("compare-card").hidden = chosenRuns.length < 2;
    if (chosenRuns.length < 2)
      return;
    drawTable2();
    fetchPictures();
    if (Plotly)
      drawChosenCurves(Plotly);
  }
  function watchCompare(Plotly) {
    byId("compare-differing").addEventListener("change", drawTable2);
    byId("chosen-clear").addEventListener("click", () => chooseRuns([]));
    byId("chosen-show").addEventListener("click", () => {
      byId("compare-card").scrollIntoView({ behavior: "smooth" });
      byId("compare-title").focus({ preventScroll: true });
    });
    for (const id of ["curves-metric", "curves-x-log", "curves-y-log"]) {
      byId(id).addEventListener("change", () => drawCompare(Plotly));
    }
  }

  // curve_card.js
  var NEAR = 40;
  var DECADES2 = 100;
  var MOST_TOLD = 6;
  var drawn = null;
  var marked = null;
  var chosenCurves = () => findCurves(byId("curves-metric").value);
  function offerCurves() {
    const names = curveNames();
    byId("curves-card").hidden = !names.length;
    if (!names.length)
      return;
    const select = byId("curves-metric");
    const chosen = names.includes(select.value) ? select.value : guessMetric(names);
    const isNew = chosen !== select.value;
    select.replaceChildren(...names.map((name) => makeElement("option", { selected: name === chosen }, name)));
    offerColours();
    if (isNew)
      suggestLog();
  }
  function guessMetric(names) {
    const columns = names.map((name) => ({ name, kind: "series", role: "metric", values: [] }));
    const best = chosenColumn("best-metric");
    const known = columns.find((column) => column.name === best?.name && !objectiveOf(column));
    return (columns.find(objectiveOf) ?? known ?? rank(columns, rateMeasure)[0]).name;
  }
  function offerColours() {
    const select = byId("curves-colour");
    const chosen = select.options.length ? chosenColumn("curves-colour") : guessColour();
    if (!select.options.length)
      select.append(makeElement("option", { value: "" }, "nothing"));
    fillSelect(select, [...parameters, ...measures.filter(isNumeric), statusColumn], chosen);
  }
  function guessColour() {
    const { runs } = chosenCurves();
    if (countDistinct(statusColumn, runs, 2) > 1)
      return statusColumn;
    return parameters.find((parameter) => countDistinct(parameter, runs, 9) <= 8);
  }
  function suggestLog() {
    const curves = chosenCurves();
    const { x, y } = findExtent(curves, curves.runs, { x: false, y: false });
    for (const [axis, [least, most]] of Object.entries({ x, y })) {
      byId(`curves-${axis}-log`).disabled = !(least > 0);
      byId(`curves-${axis}-log`).checked = axis === "y" && least > 0 && most / least >= DECADES2;
    }
  }
  function drawCurveCard(Plotly) {
    if (byId("curves-card").hidden)
      return;
    const curves = chosenCurves();
    const runs = runsShown().filter(curves.of);
    const best = (findBest()?.runs ?? []).filter(curves.of);
    const strong = new Set([...chosenRuns.filter((run) => runs.includes(run)), ...best]);
    const logarithmic = { x: byId("curves-x-log").checked, y: byId("curves-y-log").checked };
    drawn = { curves, runs, strong, colour: chosenColumn("curves-colour") ?? null, logarithmic };
    marked = null;
    drawCurves(Plotly, byId("curves"), drawn);
    writeNote();
  }
  function writeNote() {
    const count = (number) => number.toLocaleString("en");
    const { runs, strong } = drawn;
    const parts = [`${count(runs.length)} run${runs.length === 1 ? "" : "s"}`];
    if (strong.size)
      parts.push("the best and the chosen ones are thick");
    if (data.thinned)
      parts.push(`of ${count(data.thinned)} long curves only some points are in this page`);
    byId("curves-note").textContent = `${parts.join("; ")}.`;
  }
  function findNear(event) {
    const element = byId("curves");
    const { xaxis, yaxis } = element._fullLayout;
    const box = element.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - xaxis._offset, event.clientY - box.top - yaxis._offset];
    if (x < 0 || x > xaxis._length || y < 0 || y > yaxis._length)
      return;
    const step = xaxis.p2d(x);
    let [near, distance] = [undefined, NEAR];
    for (const run of drawn.runs) {
      const value = valueAt(drawn.curves.of(run), step);
      const away = Math.abs(yaxis.d2p(value) - y);
      if (away < distance)
        [near, distance] = [run, away];
    }
    return near;
  }
  function describeRun(run) {
    const { curves } = drawn;
    const { steps, values } = curves.of(run);
    const told = parameters.filter((parameter) => isKnown(parameter.values[run])).slice(0, MOST_TOLD);
    const set = told.map((parameter) => `${parameter.name} ${formatValue(parameter, parameter.values[run])}`);
    const end = `${statusColumn.values[run]}, ${curves.name} ${formatNumber(values.at(-1))} at step ${formatNumber(steps.at(-1))}`;
    return [...set, end].join(" · ");
  }
  function markNear(Plotly, event) {
    if (!drawn)
      return;
    const run = findNear(event);
    if (run === marked)
      return;
    marked = run;
    markCurve(Plotly, byId("curves"), run === undefined ? null : drawn.curves.of(run));
    byId("curves-hint").textContent = run === undefined ? "" : describeRun(run);
  }
  function chooseNear() {
    if (marked !== undefined && marked !== null)
      toggleRun(marked);
  }
  function watchCurves(Plotly) {
    const redraw = () => drawCurveCard(Plotly);
    byId("curves-metric").addEventListener("change", suggestLog);
    for (const control of byId("curves-card").querySelectorAll("select, input")) {
      control.addEventListener("change", redraw);
    }
    byId("curves").addEventListener("mousemove", (event) => markNear(Plotly, event));
    byId("curves").addEventListener("mouseleave", (event) => markNear(Plotly, event));
    byId("curves").addEventListener("click", chooseNear);
  }

  // head.js
  var MOST_CAUSES = 6;
  function pressButtons() {
    for (const button of findAll(".statuses button")) {
      button.setAttribute("aria-pressed", String(filter.statuses.has(button.dataset.status)));
    }
    for (const button of findAll("button.cause")) {
      button.setAttribute("aria-pressed", String(isPressed(button.dataset)));
    }
  }
  var isPressed = ({ status, cause }) => filter.cause === cause && filter.statuses.has(status);
  function filterStatus({ status }) {
    filter.cause = null;
    if (!filter.statuses.delete(status))
      filter.statuses.add(status);
  }
  function filterCause({ status, cause }) {
    const wasPressed = isPressed({ status, cause });
    filter.cause = wasPressed ? null : cause;
    filter.statuses.clear();
    if (!wasPressed)
      filter.statuses.add(status);
  }
  function watchFilters() {
    byId("head").addEventListener("click", (event) => {
      const button = event.target.closest(".statuses button");
      if (!button)
        return;
      filterStatus(button.dataset);
      pressButtons();
      drawTable();
    });
    byId("facts").addEventListener("click", (event) => {
      const button = event.target.closest("button.cause");
      if (!button)
        return;
      filterCause(button.dataset);
      pressButtons();
      drawTable();
      byId("runs-card").scrollIntoView({ behavior: "smooth" });
    });
  }
  function countRuns() {
    const runs = runsOfVersion();
    const count = (status) => runs.filter((run) => data.statuses[run] === status).length;
    for (const element of findAll(".statuses button, .proportions i")) {
      const number = count(element.dataset.status);
      element.hidden = number === 0;
      if (element.tagName === "I")
        element.style.flexGrow = number;
      else
        element.textContent = `${number.toLocaleString("en")} ${data.words[element.dataset.status]}`;
    }
    for (const card of findAll(".causes"))
      countCauses(card, runs);
  }
  function countCauses(card, runs) {
    let causes = 0;
    for (const button of card.querySelectorAll("button.cause")) {
      const { status, cause } = button.dataset;
      const number = runs.filter((run) => data.statuses[run] === status && causeOf(run) === cause).length;
      button.querySelector(".status").textContent = `${number.toLocaleString("en")} × ${data.words[status]}`;
      if (number)
        causes += 1;
      button.parentElement.hidden = number === 0 || causes > MOST_CAUSES;
    }
    card.hidden = causes === 0;
    const more = card.querySelector(".more");
    more.hidden = causes <= MOST_CAUSES;
    more.textContent = `and ${causes - MOST_CAUSES} more, in the table`;
  }
  function watchVersion() {
    byId("head").addEventListener("change", (event) => {
      if (event.target.id !== "version")
        return;
      const { value } = event.target;
      filter.version = value === "all" ? null : Number(value);
      filter.cause = null;
      filter.statuses.clear();
      pressButtons();
      countRuns();
      drawTable();
    });
  }
  function chooseVersion() {
    const select = byId("version");
    if (!select)
      return;
    select.value = filter.version === null ? "all" : String(filter.version);
    countRuns();
  }
  function writeTimes() {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of findAll("time")) {
      const [from, to] = [time.dateTime, time.dataset.until || time.dateTime].map((moment) => new Date(moment));
      time.title = time.textContent;
      time.textContent = format.formatRange(from, to);
    }
  }
  function replaceHead(fragments) {
    const { activeElement } = document;
    const { status, cause } = activeElement?.dataset ?? {};
    const focused = activeElement?.id;
    for (const [id, html] of Object.entries(fragments))
      byId(id).innerHTML = html;
    writeTimes();
    pressButtons();
    chooseVersion();
    const isSame = (button) => button.dataset.status === status && button.dataset.cause === cause;
    const buttons = [...findAll(".statuses button, button.cause")];
    (focused ? byId(focused) : status && buttons.find(isSame))?.focus();
  }
  function watchHead() {
    watchFilters();
    watchVersion();
    chooseVersion();
  }

  // importance_card.js
  var MOST = 12;
  var FEWEST_RUNS = 8;
  var describe2 = (measure, count) => `How much of the differences in ${measure.name} between ${count.toLocaleString("en")} runs that were ok each ` + "parameter explains by itself (ε²: numbers in up to 8 groups, less what is explained by chance). What " + "parameters do only together is not in it.";
  function makeBar([parameter, share]) {
    const text = `${Math.round(100 * share)} %`;
    const bar = makeElement("i", { className: "bar", ariaHidden: "true" });
    bar.style.width = `${100 * share}%`;
    return makeElement("tr", {}, makeElement("th", { scope: "row", title: parameter.name }, parameter.name), makeElement("td", {}, bar, makeElement("span", {}, text)));
  }
  function drawImportance() {
    const measure = chosenColumn("best-metric");
    const { shares, count } = measure && parameters.length > 1 ? rateParameters(measure, runsShown()) : { shares: new Map, count: 0 };
    byId("importance").hidden = count < FEWEST_RUNS;
    if (byId("importance").hidden)
      return;
    const ranked = [...shares].sort(([, left], [, right]) => right - left).slice(0, MOST);
    byId("importance-note").textContent = describe2(measure, count);
    byId("importance-bars").replaceChildren(...ranked.map(makeBar));
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

  // live.js
  var EVERY = 1500;
  var IN_BACKGROUND = 15000;
  var tag = "";
  var wait = () => new Promise((resolve) => setTimeout(resolve, document.hidden ? IN_BACKGROUND : EVERY));
  function tellState(text, isLost) {
    byId("live").textContent = text;
    byId("live").classList.toggle("lost", isLost);
  }
  var now = () => new Date().toLocaleTimeString();
  function findChanged(before) {
    const isOpen = (status) => status === "running" || status === "pending";
    return allRuns.filter((run) => before[run] !== data.statuses[run] || isOpen(data.statuses[run]));
  }
  async function ask() {
    const answer = await fetch("data", { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status === 304)
      return null;
    if (!answer.ok)
      throw new Error(`status ${answer.status}`);
    tag = answer.headers.get("ETag") ?? "";
    return answer.json();
  }
  function take(news, show) {
    const [names, before] = [data.names, data.statuses];
    const isOther = !names.length || names.some((name, run) => news.names[run] !== name);
    if (isOther && news.names.length)
      location.reload();
    if (isOther)
      return;
    const isSame = takeData(news);
    replaceHead(news.fragments);
    show(isSame, findChanged(before));
  }
  async function follow(show) {
    byId("live").hidden = false;
    tellState("Live", false);
    for (;; ) {
      try {
        const news = await ask();
        if (news)
          take(news, show);
        tellState("Live", false);
      } catch (error) {
        console.warn(error);
        if (!byId("live").classList.contains("lost")) {
          tellState(`No longer live since ${now()}: colab-starter report has ended, or cannot be reached.`, true);
        }
      }
      await wait();
    }
  }

  // plots.js
  var MANY_POINTS = 2000;
  var MOST_PARALLEL_LINES = 1500;
  var PARALLEL_MARKS = 20;
  function describeRuns(runs, metric) {
    const shown = [metric, ...parameters].map((column) => [column, labelOf(column, 40)]);
    return runs.map((run) => {
      const lines = shown.map(([column, label]) => {
        const value = escapeMarkup(shorten(formatValue(column, column.values[run]), 60));
        return `${label}: ${column === metric ? `<b>${value}</b>` : value}`;
      });
      if (data.statuses[run] !== "ok")
        lines.push(escapeMarkup(data.words[data.statuses[run]]));
      return lines.join("<br>");
    });
  }
  function makeMarker(group, colour, count) {
    const marker = { size: count > MANY_POINTS ? 5 : 9, opacity: count > 500 ? 0.6 : 0.9, line: { width: 0 } };
    const allOk = group.runs.every((run) => data.statuses[run] === "ok");
    marker.symbol = allOk ? "circle" : group.runs.map(symbolOf);
    if (!group.continuous)
      return { ...marker, color: group.colour };
    const bar = { title: { text: labelOf(colour), side: "right" }, thickness: 12, outlinewidth: 0 };
    return {
      ...marker,
      color: group.runs.map((run) => toNumber(colour.values[run])),
      colorscale: RAMP_SCALE,
      colorbar: bar
    };
  }
  function makePoints(group, x, y, colour, count) {
    return {
      type: count > MANY_POINTS ? "scattergl" : "scatter",
      mode: "markers",
      name: escapeMarkup(shorten(group.name, 30)),
      legendgroup: group.name,
      showlegend: group.name !== "",
      x: group.runs.map(x.place),
      y: group.runs.map(y.place),
      customdata: group.runs,
      hovertext: describeRuns(group.runs, y.column),
      hoverinfo: "text",
      marker: makeMarker(group, colour, count)
    };
  }
  function makeMeans(group, x, y) {
    const places = new Map;
    for (const run of group.runs) {
      const [at, value] = [x.place(run), y.place(run)];
      if (Number.isFinite(at) && Number.isFinite(value))
        places.set(at, [...places.get(at) ?? [], value]);
    }
    const ordered = [...places.keys()].sort((left, right) => left - right);
    return {
      type: "scatter",
      mode: "lines",
      legendgroup: group.name,
      showlegend: false,
      x: ordered,
      y: ordered.map((place) => average(places.get(place))),
      line: { color: group.colour, width: 1.5 },
      opacity: 0.6,
      hoverinfo: "skip"
    };
  }
  function hasSteps(x, runs) {
    const alone = parameters.length === 1;
    return isNumeric(x.column) && x.ticks.length > 1 && x.ticks.length <= 30 && (alone || x.ticks.length < runs.length);
  }
  function makeRings(runs, x, y) {
    return {
      type: "scatter",
      mode: "markers",
      x: runs.map(x.place),
      y: runs.map(y.place),
      showlegend: false,
      hoverinfo: "skip",
      marker: { size: 17, symbol: "circle-open", color: style("--text"), line: { width: 2 } }
    };
  }
  function drawPoints(Plotly, { x, y, colour, runs, best, logarithmic }) {
    const [across, up] = [makeScale(x, runs), makeScale(y, runs)];
    const drawn = runs.filter((run) => Number.isFinite(across.place(run)) && Number.isFinite(up.place(run)));
    const groups = groupRuns(colour, drawn);
    const traces = groups.map((group) => makePoints(group, across, up, colour, drawn.length));
    const lined = hasSteps(across, drawn) ? groups.filter((group) => !group.continuous) : [];
    traces.unshift(...lined.map((group) => makeMeans(group, across, up)));
    const ringed = [...new Set([...best, ...chosenRuns])].filter((run) => drawn.includes(run));
    if (ringed.length)
      traces.push(makeRings(ringed, across, up));
    const axes = { xaxis: describeAxis(across, logarithmic.x), yaxis: describeAxis(up, logarithmic.y) };
    return Plotly.react("plot", traces, makeLayout(colour, axes), settings(POINT_BUTTONS)).then(() => drawn.length);
  }
  function drawParallel(Plotly, { y, runs }) {
    const known = runs.filter((run) => Number.isFinite(toNumber(y.values[run])));
    const drawn = takeEvenly(known, MOST_PARALLEL_LINES);
    byId("parallel-note").textContent = drawn.length < known.length ? `${drawn.length.toLocaleString("en")} of ${known.length.toLocaleString("en")} runs are drawn, evenly chosen.` : "";
    const dimensions = [...parameters, y].map((column) => makeDimension(column, drawn));
    const line = { color: drawn.map((run) => toNumber(y.values[run])), colorscale: RAMP_SCALE };
    const trace = {
      type: "parcoords",
      dimensions,
      line,
      unselected: { line: { color: style("--line") } },
      labelfont: { size: 13 }
    };
    const layout = makeLayout(null, { margin: { l: 80, r: 80, t: 56, b: 24 }, height: 360 });
    return Plotly.react("parallel", [trace], layout, settings([["toImage"]]));
  }
  function makeDimension(column, runs) {
    const scale = makeScale(column, runs);
    const logarithmic = spansDecades(column, runs);
    const place = (number) => logarithmic ? Math.log10(number) : number;
    const dimension = { label: labelOf(column, 24), values: runs.map((run) => place(scale.place(run))) };
    if (hasMarks(scale)) {
      const every = Math.ceil(scale.ticks.length / PARALLEL_MARKS);
      const marked = scale.ticks.filter((_, index) => index % every === 0);
      dimension.tickvals = marked.map((value, index) => column.kind === "text" ? index * every : place(toNumber(value)));
      dimension.ticktext = marked.map((value) => shorten(formatValue(column, value), 14));
    } else if (logarithmic) {
      const exponents = finite(dimension.values);
      const [first, last] = [Math.floor(smallest(exponents)), Math.ceil(largest(exponents))];
      dimension.tickvals = Array.from({ length: last - first + 1 }, (_, step) => first + step);
      dimension.ticktext = dimension.tickvals.map((decade) => formatNumber(10 ** decade));
    } else {
      dimension.tickformat = "~g";
    }
    return dimension;
  }

  // maps.js
  var MOST_SLICES = 12;
  var ACROSS = 3;
  var SLICE = 230;
  var CELLS = 12;
  var isPlace = Number.isFinite;
  function drawSlices(Plotly, { slices, y, runs, logarithmic }) {
    const shown = slices.slice(0, MOST_SLICES);
    const columns = isNarrow() ? 1 : Math.min(ACROSS, shown.length);
    const rows = Math.ceil(shown.length / columns);
    const up = makeScale(y, runs);
    const drawn = runs.filter((run) => isPlace(up.place(run)));
    const texts = describeRuns(drawn, y);
    const traces = shown.map((column, place) => makeSlice(column, place, { up, drawn, texts }));
    const axes = shown.map((column, place) => describeSlice(column, place, { up, drawn, columns, logarithmic }));
    const layout = makeLayout(orderColumn, {
      grid: { rows, columns, pattern: "independent", roworder: "top to bottom", xgap: 0.14, ygap: 0.3 },
      height: SLICE * rows + 40,
      showlegend: false,
      ...Object.assign({}, ...axes)
    });
    return Plotly.react("plot", traces, layout, settings(POINT_BUTTONS)).then(() => drawn.length);
  }
  var nameAxis = (letter, place) => `${letter}${place ? place + 1 : ""}`;
  function makeSlice(column, place, { up, drawn, texts }) {
    const across = makeScale(column, drawn);
    return {
      type: drawn.length > MANY_POINTS ? "scattergl" : "scatter",
      mode: "markers",
      x: drawn.map(across.place),
      y: drawn.map(up.place),
      xaxis: nameAxis("x", place),
      yaxis: nameAxis("y", place),
      customdata: drawn,
      hovertext: texts,
      hoverinfo: "text",
      marker: {
        size: drawn.length > 500 ? 4 : 7,
        opacity: 0.8,
        symbol: drawn.map(symbolOf),
        color: drawn.map((run) => toNumber(orderColumn.values[run])),
        colorscale: RAMP_SCALE,
        showscale: place === 0 && !isNarrow(),
        colorbar: { title: { text: labelOf(orderColumn), side: "right" }, thickness: 12, outlinewidth: 0 }
      }
    };
  }
  function describeSlice(column, place, { up, drawn, columns, logarithmic }) {
    const across = makeScale(column, drawn);
    const [x, y] = [describeAxis(across, spansDecades(column, drawn)), describeAxis(up, logarithmic.y)];
    x.title.text = labelOf(column, 30);
    if (place % columns)
      y.title.text = "";
    const key = (letter) => `${letter}axis${place ? place + 1 : ""}`;
    return { [key("x")]: x, [key("y")]: y };
  }
  function drawMap(Plotly, { x, colour: other, y, runs, best, logarithmic }) {
    const isDone = (run) => data.statuses[run] === "ok" && isPlace(toNumber(y.values[run]));
    const done = runs.filter(isDone);
    const [across, up] = [makeScale(x, done), makeScale(other, done)];
    const drawn = done.filter((run) => isPlace(across.place(run)) && isPlace(up.place(run)));
    const isLogarithmic = { x: logarithmic.x, y: spansDecades(other, drawn) };
    const [columns, rows] = [findEdges(across, drawn, isLogarithmic.x), findEdges(up, drawn, isLogarithmic.y)];
    const cells = Map.groupBy(drawn, (run) => `${findCell(columns, across.place(run))} ${findCell(rows, up.place(run))}`);
    const mean = (row, column) => {
      const members = cells.get(`${column} ${row}`);
      return members ? average(members.map((run) => toNumber(y.values[run]))) : null;
    };
    const places = (edges) => Array.from({ length: edges.length - 1 }, (_, place) => place);
    const heat = {
      type: "heatmap",
      x: columns,
      y: rows,
      z: places(rows).map((row) => places(columns).map((column) => mean(row, column))),
      colorscale: RAMP_SCALE,
      colorbar: { title: { text: labelOf(y), side: "right" }, thickness: 12, outlinewidth: 0 },
      hoverinfo: "skip",
      opacity: 0.85
    };
    const axes = {
      xaxis: { ...describeAxis(across, isLogarithmic.x), showgrid: false },
      yaxis: { ...describeAxis(up, isLogarithmic.y), showgrid: false }
    };
    const ringed = best.filter((run) => drawn.includes(run));
    const traces = [heat, makeDots(drawn, across, up, y), makeRings(ringed, across, up)];
    return Plotly.react("plot", traces, makeLayout(null, { ...axes, showlegend: false }), settings(POINT_BUTTONS)).then(() => drawn.length);
  }
  function makeDots(runs, across, up, y) {
    return {
      type: runs.length > MANY_POINTS ? "scattergl" : "scatter",
      mode: "markers",
      x: runs.map(across.place),
      y: runs.map(up.place),
      customdata: runs,
      hovertext: describeRuns(runs, y),
      hoverinfo: "text",
      marker: { size: 5, color: "#000", opacity: 0.55, line: { width: 0.5, color: "#fff" } }
    };
  }
  function findEdges({ column, place, ticks }, runs, isLogarithmic) {
    if (!isNumeric(column))
      return Array.from({ length: ticks.length + 1 }, (_, tick) => tick - 0.5);
    const [there, back] = isLogarithmic ? [Math.log10, (value) => 10 ** value] : [(value) => value, (value) => value];
    const places = [...new Set(runs.map((run) => there(place(run))))].sort((left, right) => left - right);
    if (places.length < 2)
      return [back((places[0] ?? 0) - 0.5), back((places[0] ?? 0) + 0.5)];
    if (places.length > FEW_TICKS) {
      const [least, most] = [smallest(places), largest(places)];
      return Array.from({ length: CELLS + 1 }, (_, cell) => back(least + (most - least) * cell / CELLS));
    }
    const between = places.slice(1).map((value, index) => (value + places[index]) / 2);
    const [first, last] = [2 * places[0] - between[0], 2 * places.at(-1) - between.at(-1)];
    return [first, ...between, last].map(back);
  }
  function findCell(edges, value) {
    const last = edges.length - 2;
    const cell = edges.findLastIndex((edge) => edge <= value);
    return Math.min(last, Math.max(0, cell));
  }

  // plot_card.js
  var MOST_PARALLEL = 12;
  var VIEWS = { points: "One parameter", slices: "Every parameter", map: "Two parameters" };
  var seen = null;
  function offerPlots() {
    const hasPlots = measures.length > 0 && parameters.length > 0;
    byId("plot-card").hidden = !hasPlots;
    byId("parallel-card").hidden = !hasPlots || parameters.length < 3 || parameters.length >= MOST_PARALLEL;
    if (!hasPlots)
      return;
    offerViews();
    const front = twoObjectives();
    const measure = front ? front[1].column : rank(measures, rateMeasure)[0];
    const { shares } = rateParameters(measure, runsShown());
    const ranked = rank(parameters, (parameter) => shares.get(parameter) - Number(Boolean(parameter.repeats)));
    const across = front ? front[0].column : ranked.find(isNumeric) ?? ranked[0];
    const chosen = (id, otherwise) => chosenColumn(id) ?? otherwise;
    const isNew = { x: !chosenColumn("plot-x"), y: !chosenColumn("plot-y") };
    fillSelect(byId("plot-y"), measures, chosen("plot-y", measure));
    fillSelect(byId("plot-x"), [...parameters, ...measures.filter(isNumeric)], chosen("plot-x", across));
    offerColours2(ranked.find((parameter) => parameter !== across));
    if (isNew.x)
      suggestLog2("plot-x");
    if (isNew.y)
      suggestLog2("plot-y");
  }
  function offerViews() {
    const select = byId("plot-view");
    const offered = parameters.length > 1 ? ["points", "slices", "map"] : ["points"];
    const chosen = offered.includes(select.value) ? select.value : "points";
    const options = offered.map((view) => makeElement("option", { value: view, selected: view === chosen }, VIEWS[view]));
    select.replaceChildren(...options);
  }
  function offerColours2(otherwise) {
    const select = byId("plot-colour");
    const isNew = !select.options.length;
    const chosen = isNew ? otherwise : chosenColumn("plot-colour");
    if (isNew)
      select.append(makeElement("option", { value: "" }, "nothing"));
    const facts = [statusColumn, versionColumn, orderColumn.name === "trial" ? orderColumn : null].filter(Boolean);
    fillSelect(select, [...parameters, ...measures.filter(isNumeric), ...facts], chosen);
  }
  function noteRuns(view, drawn, shown) {
    const [y, x] = [chosenColumn("plot-y").name, chosenColumn("plot-x").name];
    const needed = {
      points: `finite ${y}, or without ${x}`,
      slices: `finite ${y}`,
      map: `finite ${y}, or that were not ok`
    }[view];
    const [missing, all] = [shown - drawn, shown].map((count) => count.toLocaleString());
    byId("plot-note").textContent = drawn < shown ? `Not drawn: ${missing} of ${all} runs, those without a ${needed}.` : "";
  }
  function suggestLog2(id) {
    const column = chosenColumn(id);
    const box = byId(`${id}-log`);
    box.disabled = !canBeLogarithmic(column);
    box.checked = !box.disabled && spansDecades(column, allRuns);
  }
  function chooseOther(x, slices) {
    const colour = chosenColumn("plot-colour");
    return colour?.role === "parameter" && colour !== x ? colour : slices.find((parameter) => parameter !== x);
  }
  function chooseMap(slices) {
    if (chosenColumn("plot-x").role !== "parameter") {
      byId("plot-x").value = keyOf(slices[0]);
      suggestLog2("plot-x");
    }
    byId("plot-colour").value = keyOf(chooseOther(chosenColumn("plot-x"), slices));
  }
  function nameControls(view) {
    byId("plot-x-label").hidden = view === "slices";
    byId("plot-x-log-label").hidden = view === "slices";
    byId("plot-colour-label").hidden = view === "slices";
    byId("plot-y-log-label").hidden = view === "map";
    byId("plot-colour-word").textContent = view === "map" ? "and" : "coloured by";
  }
  function drawPlots(Plotly) {
    if (byId("plot-card").hidden)
      return;
    const view = byId("plot-view").value;
    const runs = runsShown();
    const y = chosenColumn("plot-y");
    const { shares } = rateParameters(y, runs);
    const slices = rank(parameters, (parameter) => shares.get(parameter) - Number(Boolean(parameter.repeats)));
    if (view === "map")
      chooseMap(slices);
    const choice = {
      x: chosenColumn("plot-x"),
      y,
      slices,
      colour: chosenColumn("plot-colour"),
      logarithmic: { x: byId("plot-x-log").checked, y: byId("plot-y-log").checked },
      runs,
      best: [...findBest()?.runs ?? [], ...frontRuns()]
    };
    nameControls(view);
    const draw = { points: drawPoints, slices: drawSlices, map: drawMap }[view];
    draw(Plotly, choice).then((drawn) => noteRuns(view, drawn, runs.length));
    if (!byId("parallel-card").hidden)
      drawWhenSeen(byId("parallel"), () => drawParallel(Plotly, choice));
  }
  function drawRings(Plotly) {
    if (runsShown().length <= MANY_POINTS)
      drawPlots(Plotly);
  }
  function drawWhenSeen(element, draw) {
    seen?.disconnect();
    seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting))
        return;
      seen.disconnect();
      draw();
    }, { rootMargin: "400px" });
    seen.observe(element);
  }
  function watchPlots(Plotly) {
    byId("plot").on?.("plotly_click", (event) => showRun(event.points[0].customdata));
    for (const id of ["plot-x", "plot-y"])
      byId(id).addEventListener("change", () => suggestLog2(id));
    for (const control of byId("plot-card").querySelectorAll("select, input")) {
      control.addEventListener("change", () => drawPlots(Plotly));
    }
  }

  // report.js
  var darkness = matchMedia("(prefers-color-scheme: dark)");
  function followTheme() {
    const apply = () => document.documentElement.classList.toggle("dark", darkness.matches);
    apply();
    darkness.addEventListener("change", apply);
  }
  function offerAll() {
    offerBest();
    offerCurves();
    offerPlots();
  }
  function drawFacts() {
    drawBest();
    drawImportance();
  }
  function drawFigures(Plotly) {
    drawPlots(Plotly);
    drawCurveCard(Plotly);
    drawCompare(Plotly);
  }
  function drawAll(Plotly) {
    drawFacts();
    drawFigures(Plotly);
  }
  var needsPlots = () => !byId("plot-card").hidden || !byId("curves-card").hidden;
  function watchAll(Plotly) {
    watchPlots(Plotly);
    watchCurves(Plotly);
    watchCompare(Plotly);
    listen("shown", () => drawAll(Plotly));
    listen("measure", () => drawAll(Plotly));
    listen("chosen", () => {
      drawRings(Plotly);
      drawCurveCard(Plotly);
      drawCompare(Plotly);
    });
    darkness.addEventListener("change", () => drawAll(Plotly));
  }
  async function start() {
    followTheme();
    writeTimes();
    if (!allRuns.length) {
      if (data.live)
        follow(() => {});
      return;
    }
    const DataTable = await loadDataTables();
    makeTable(DataTable);
    drawTable();
    watchHead();
    watchBest();
    offerAll();
    drawFacts();
    const Plotly = needsPlots() || data.live ? await loadPlotly() : null;
    drawFigures(Plotly);
    watchAll(Plotly);
    if (!data.live)
      return;
    follow((isSame, changed) => {
      offerAll();
      if (isSame)
        updateRows(changed);
      else
        remakeTable(DataTable);
    });
  }
  start().then(() => {
    document.documentElement.classList.add("ready");
    performance.mark("ready");
  }, (error) => {
    byId("trouble").hidden = false;
    byId("trouble").textContent = `This browser could not draw the table or the plots (${error.message}); a newer one will.`;
    console.error(error);
  });
})();
