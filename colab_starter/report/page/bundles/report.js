(() => {
  // data.js
  var data = JSON.parse(document.getElementById("data").textContent);
  var allRuns = data.names.map((_, run) => run);
  var columns = data.columns;
  var isNumeric = (column) => column.kind === "number";
  var withRole = (role) => columns.filter((column) => column.role === role);
  var findFact = (name) => withRole("fact").find((column) => column.name === name);
  var statusColumn = {
    name: "status",
    role: "fact",
    kind: "text",
    values: data.statuses.map((status) => data.words[status])
  };
  var causeColumn = findFact("cause");
  var versionColumn = findFact("notebook version");
  var tableColumns = [statusColumn, ...columns];
  var parameters = withRole("parameter");
  var metrics = withRole("metric").filter((column) => column.kind !== "text");
  var numericFacts = withRole("fact").filter((column) => isNumeric(column) && column.name !== "attempts");
  var measures = [...metrics, ...numericFacts];

  // filter.js
  var filter = {
    statuses: new Set,
    cause: null,
    version: data.versions > 1 ? 0 : null
  };
  var isOfVersion = (run) => filter.version === null || data.versionOf[run] === filter.version;
  var runsOfVersion = () => allRuns.filter(isOfVersion);
  var causeOf = (run) => causeColumn?.values[run] ?? statusColumn.values[run];
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
    const numbers = value.map(formatNumber);
    return `[${(numbers.length > 3 ? [numbers[0], "…", numbers.at(-1)] : numbers).join(", ")}]`;
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
  var MOST_RATED = 2000;
  function rateMeasure(column) {
    const differs = isNumeric(column) && countDistinct(column, allRuns.filter(isOfVersion), 2) > 1;
    const kind = GOOD.test(column.name) ? 4 : BAD.test(column.name) ? 2 : 1;
    const place = /test/i.test(column.name) ? 1 : /val/i.test(column.name) ? 0.5 : 0;
    return (column.role === "metric" ? 100 : 0) + (differs ? 10 : 0) + kind + place;
  }
  function rank(list, rate) {
    const rates = new Map(list.map((column) => [column, rate(column)]));
    return [...list].sort((left, right) => rates.get(right) - rates.get(left));
  }
  function explainVariance(parameter, measure) {
    const hasValue = (run) => isOfVersion(run) && Number.isFinite(toNumber(measure.values[run]));
    const runs = takeEvenly(allRuns.filter(hasValue), MOST_RATED);
    const groups = Object.values(Object.groupBy(runs, binRuns(parameter, runs)));
    const valuesOf = (group) => group.map((run) => toNumber(measure.values[run]));
    const mean = average(valuesOf(runs));
    const between = groups.reduce((sum, group) => sum + group.length * (average(valuesOf(group)) - mean) ** 2, 0);
    const all = valuesOf(runs).reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return all > 0 ? between / all : 0;
  }
  function binRuns(parameter, runs) {
    const values = distinctValues(parameter, runs);
    const width = Math.ceil(values.length / BINS);
    const bins = new Map(values.map((value, place) => [value, Math.floor(place / width)]));
    return (run) => bins.get(parameter.values[run]);
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

  // selects.js
  var TITLES = { parameter: "Parameters", metric: "Metrics", fact: "The runs" };
  function fillSelect(select, choices, chosen) {
    for (const [role, label] of Object.entries(TITLES)) {
      const group = makeElement("optgroup", { label });
      for (const column of choices.filter((choice) => choice.role === role)) {
        const attributes = { value: tableColumns.indexOf(column), selected: column === chosen };
        group.append(makeElement("option", attributes, column.name));
      }
      if (group.children.length)
        select.append(group);
    }
  }
  var chosenColumn = (id) => tableColumns[byId(id).value];

  // table.js
  var PAGE = 25;
  var FEW = 50;
  var LINE_ENDS = /[\r\n\u2028]/g;
  function drawStatus(run) {
    return makeElement("span", { className: `status ${data.statuses[run]}` }, statusColumn.values[run]);
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
  function describeColumn(column, index) {
    return {
      title: escapeMarkup(column.name),
      name: `${column.role}:${column.name}`,
      className: `${column.role} ${isNumeric(column) ? "number" : "text"}`,
      type: `column-${index}`,
      data: (row, what) => tellValue(column, row[0], what),
      render: (value, what, row) => what === "display" ? drawCell(column, row[0]) : value,
      columnControl: [
        "order",
        { extend: "dropdown", icon: "search", text: "Filter", content: describeFilter(column) }
      ]
    };
  }
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
    tableColumns.forEach((column, index) => {
      DataTable.type(`column-${index}`, {
        order: {
          asc: (left, right) => compareValues(column, left, right, 1),
          desc: (left, right) => compareValues(column, left, right, -1)
        }
      });
    });
  }
  function searchLazily(table) {
    const texts = { run: 0 };
    const searchable = [statusColumn, null, ...columns];
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
  function makeTable(DataTable) {
    addOrders(DataTable);
    const described = [
      describeColumn(statusColumn, 0),
      linksColumn,
      ...columns.map((column, index) => describeColumn(column, index + 1))
    ];
    const heads = described.map(() => makeElement("th", { scope: "col" }));
    byId("runs").append(makeElement("thead", {}, makeElement("tr", {}, ...heads)));
    const table = new DataTable("#runs", {
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
    DataTable.ext.search.push((_settings, _texts, run) => isShown(run));
    return table;
  }
  var runsShown = (table) => table.rows({ search: "applied" }).indexes().toArray();
  function showRun(table, run) {
    const place = table.rows({ search: "applied", order: "applied" }).indexes().toArray().indexOf(run);
    if (place < 0)
      return;
    table.page(Math.floor(place / table.page.len())).draw("page");
    document.querySelectorAll("#runs tr.chosen").forEach((row) => row.classList.remove("chosen"));
    const row = table.row(run).node();
    row.classList.add("chosen");
    row.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  // best_card.js
  function findBest(table) {
    const column = chosenColumn("best-metric");
    if (!column)
      return;
    const direction = byId("best-way").value === "highest" ? -1 : 1;
    let best;
    for (const run of runsShown(table)) {
      const value = column.values[run];
      if (data.statuses[run] !== "ok" || !Number.isFinite(toNumber(value)))
        continue;
      if (best === undefined || compareValues(column, value, column.values[best], direction) < 0)
        best = run;
    }
    return best;
  }
  function guessWay() {
    byId("best-way").value = BAD.test(chosenColumn("best-metric").name) ? "lowest" : "highest";
  }
  function showBest(table) {
    const run = findBest(table);
    const column = chosenColumn("best-metric");
    byId("best-value").textContent = run === undefined ? "no run has a value" : formatValue(column, column.values[run]);
    const pairs = run === undefined ? [] : parameters.filter((parameter) => isKnown(parameter.values[run]));
    const tell = (parameter) => [
      makeElement("dt", {}, parameter.name),
      makeElement("dd", {}, formatValue(parameter, parameter.values[run]))
    ];
    byId("best-parameters").replaceChildren(...pairs.map((parameter) => makeElement("div", {}, ...tell(parameter))));
    byId("best-links").replaceChildren();
    if (run === undefined)
      return;
    const show = makeElement("button", { type: "button", className: "link", onclick: () => showRun(table, run) }, "in the table");
    byId("best-links").append(show, " ", makeLinks(run));
  }
  function startBest(table) {
    const choices = measures.filter(isNumeric);
    if (!choices.length)
      return;
    byId("best").hidden = false;
    fillSelect(byId("best-metric"), choices, rank(choices, rateMeasure)[0]);
    guessWay();
    showBest(table);
    byId("best-metric").addEventListener("change", guessWay);
    for (const id of ["best-metric", "best-way"])
      byId(id).addEventListener("change", () => showBest(table));
    table.on("search", () => showBest(table));
  }

  // head.js
  var MOST_CAUSES = 6;
  function pressStatuses() {
    for (const button of findAll(".statuses button")) {
      button.setAttribute("aria-pressed", String(filter.statuses.has(button.dataset.status)));
    }
  }
  function watchFilters(table) {
    for (const button of findAll(".statuses button")) {
      button.addEventListener("click", () => {
        const { status } = button.dataset;
        filter.cause = null;
        if (!filter.statuses.delete(status))
          filter.statuses.add(status);
        pressStatuses();
        table.draw();
      });
    }
    for (const button of findAll("button.cause")) {
      button.addEventListener("click", () => {
        const { status, cause } = button.dataset;
        filter.cause = cause;
        filter.statuses.clear();
        filter.statuses.add(status);
        pressStatuses();
        table.draw();
        byId("runs-card").scrollIntoView({ behavior: "smooth" });
      });
    }
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
    countCauses(runs);
  }
  function countCauses(runs) {
    let causes = 0;
    for (const button of findAll("button.cause")) {
      const { status, cause } = button.dataset;
      const number = runs.filter((run) => data.statuses[run] === status && causeOf(run) === cause).length;
      button.querySelector(".status").textContent = `${number.toLocaleString("en")} × ${data.words[status]}`;
      if (number)
        causes += 1;
      button.parentElement.hidden = number === 0 || causes > MOST_CAUSES;
    }
    if (!byId("failures"))
      return;
    byId("failures").hidden = causes === 0;
    byId("more-causes").hidden = causes <= MOST_CAUSES;
    byId("more-causes").textContent = `and ${causes - MOST_CAUSES} causes more, in the table`;
  }
  function watchVersion(table) {
    if (filter.version === null)
      return;
    countRuns();
    byId("version").addEventListener("change", () => {
      const { value } = byId("version");
      filter.version = value === "all" ? null : Number(value);
      filter.cause = null;
      filter.statuses.clear();
      pressStatuses();
      countRuns();
      table.draw();
    });
  }
  function watchHead(table) {
    watchFilters(table);
    watchVersion(table);
  }

  // libraries.js
  async function loadLibrary(id) {
    const packed = atob(document.getElementById(id).textContent);
    const bytes = new Uint8Array(packed.length);
    for (let place = 0;place < packed.length; place += 1)
      bytes[place] = packed.charCodeAt(place);
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

  // scales.js
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
  var FEW_TICKS = 12;
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
    const values = finite(runs.map((run) => toNumber(column.values[run])));
    return values.length > 1 && smallest(values) > 0 && largest(values) / smallest(values) >= DECADES;
  }
  function canBeLogarithmic(column) {
    if (column.kind === "text")
      return false;
    const isPositive = (value) => !isKnown(value) || !(toNumber(value) <= 0);
    return column.values.every((value) => Array.isArray(value) ? value.every(isPositive) : isPositive(value));
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
    if (column.kind === "text" || column.role === "parameter" && ticks.length <= FEW_TICKS) {
      const every = Math.ceil(ticks.length / MOST_MARKS);
      const marked = ticks.filter((_, place) => place % every === 0);
      axis.tickvals = marked.map((value, place) => column.kind === "text" ? place * every : toNumber(value));
      axis.ticktext = marked.map((value) => escapeMarkup(shorten(formatValue(column, value), 24)));
      if (column.kind === "text")
        axis.range = [-0.5, ticks.length - 0.5];
    }
    return axis;
  }
  function groupRuns(colour, runs) {
    if (!colour)
      return [{ name: "", runs, colour: style("--accent") }];
    const values = distinctValues(colour, runs);
    if (isNumeric(colour) && values.length > PALETTE.length)
      return [{ name: "", runs, continuous: true }];
    const groups = values.slice(0, PALETTE.length - 1).map((value, place) => ({
      name: formatValue(colour, value),
      runs: runs.filter((run) => colour.values[run] === value),
      colour: isNumeric(colour) ? sampleRamp(place, values.length) : PALETTE[place]
    }));
    const grouped = new Set(values.slice(0, PALETTE.length - 1));
    const others = runs.filter((run) => !grouped.has(colour.values[run]));
    const name = values.length >= PALETTE.length ? "others" : "none";
    if (others.length)
      groups.push({ name, runs: others, colour: style("--quiet") });
    return groups;
  }
  var RAMP = [
    [92, 92, 214],
    [42, 140, 190],
    [46, 165, 120],
    [165, 180, 50],
    [240, 150, 40]
  ];
  var RAMP_SCALE = RAMP.map((rgb, step) => [step / (RAMP.length - 1), `rgb(${rgb})`]);
  function sampleRamp(place, count) {
    const position = (count > 1 ? place / (count - 1) : 0.5) * (RAMP.length - 1);
    const step = Math.min(Math.floor(position), RAMP.length - 2);
    const mixed = RAMP[step].map((part, index) => Math.round(part + (position - step) * (RAMP[step + 1][index] - part)));
    return `rgb(${mixed})`;
  }

  // plots.js
  var NARROW = 640;
  var MANY_POINTS = 2000;
  var MOST_LINES = 200;
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
    marker.symbol = allOk ? "circle" : group.runs.map((run) => data.statuses[run] === "ok" ? "circle" : "x");
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
  function makeRing(best, x, y) {
    return {
      type: "scatter",
      mode: "markers",
      x: [x.place(best)],
      y: [y.place(best)],
      showlegend: false,
      hoverinfo: "skip",
      marker: { size: 17, symbol: "circle-open", color: style("--text"), line: { width: 2 } }
    };
  }
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
        ...innerWidth < NARROW ? { orientation: "h", y: -0.3 } : {}
      },
      ...more
    };
  }
  var POINT_BUTTONS = [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"], ["toImage"]];
  var settings = (buttons) => ({ responsive: true, displaylogo: false, modeBarButtons: buttons });
  function drawPoints(Plotly, { x, y, colour, runs, best, logarithmic }) {
    const [across, up] = [makeScale(x, runs), makeScale(y, runs)];
    const drawn = runs.filter((run) => Number.isFinite(across.place(run)) && Number.isFinite(up.place(run)));
    const groups = groupRuns(colour, drawn);
    const traces = groups.map((group) => makePoints(group, across, up, colour, drawn.length));
    const lined = hasSteps(across, drawn) ? groups.filter((group) => !group.continuous) : [];
    traces.unshift(...lined.map((group) => makeMeans(group, across, up)));
    if (drawn.includes(best))
      traces.push(makeRing(best, across, up));
    const axes = { xaxis: describeAxis(across, logarithmic.x), yaxis: describeAxis(up, logarithmic.y) };
    return Plotly.react("plot", traces, makeLayout(colour, axes), settings(POINT_BUTTONS)).then(() => drawn.length);
  }
  function drawSeries(Plotly, { y, colour, runs, best, logarithmic }) {
    const known = runs.filter((run) => isKnown(y.values[run]));
    const chosen = new Set([...takeEvenly(known, MOST_LINES), best]);
    const drawn = known.filter((run) => chosen.has(run));
    const stepped = colour && isNumeric(colour) && distinctValues(colour, drawn).length > PALETTE.length ? null : colour;
    const traces = groupRuns(stepped, drawn).flatMap((group) => group.runs.map((run, place) => makeLine(run, y, group, { isFirst: place === 0, isBest: run === best })));
    const steps = { name: "step", kind: "number", role: "fact" };
    const axes = {
      xaxis: describeAxis({ column: steps, ticks: [] }, logarithmic.x),
      yaxis: describeAxis({ column: y, ticks: [] }, logarithmic.y)
    };
    return Plotly.react("plot", traces, makeLayout(stepped, axes), settings(POINT_BUTTONS)).then(() => drawn.length);
  }
  function makeLine(run, column, group, { isFirst, isBest }) {
    const values = column.values[run].map(toNumber);
    const [text] = describeRuns([run], column);
    return {
      type: "scatter",
      mode: values.length > 1 ? "lines" : "markers",
      name: escapeMarkup(shorten(group.name, 30)),
      legendgroup: group.name,
      showlegend: isFirst && group.name !== "",
      x: values.map((_, step) => step + 1),
      y: values.map((value) => Number.isFinite(value) ? value : null),
      customdata: values.map(() => run),
      hovertext: values.map(() => text),
      hoverinfo: "text",
      line: { color: group.colour, width: isBest ? 4 : 1.5 }
    };
  }
  function drawParallel(Plotly, { y, runs }) {
    const drawn = runs.filter((run) => Number.isFinite(toNumber(y.values[run])));
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
    if (column.kind === "text" || column.role === "parameter" && scale.ticks.length <= FEW_TICKS) {
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

  // plot_card.js
  var MOST_PARALLEL = 12;
  var seen = null;
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
    fillSelect(byId("plot-colour"), colours, ranked.find((parameter) => parameter !== across));
    suggestLog("plot-x");
    suggestLog("plot-y");
  }
  function noteRuns(drawn, shown) {
    const column = chosenColumn("plot-y");
    const needed = column.kind === "series" ? column.name : `finite ${column.name}, or without ${chosenColumn("plot-x").name}`;
    const [missing, all] = [shown - drawn, shown].map((count) => count.toLocaleString());
    byId("plot-note").textContent = drawn < shown ? `Not drawn: ${missing} of ${all} runs, those without a ${needed}.` : "";
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
      best: findBest(table)
    };
    const isSeries = choice.y.kind === "series";
    byId("plot-x").disabled = isSeries;
    const draw = isSeries ? drawSeries : drawPoints;
    draw(Plotly, choice).then((drawn) => noteRuns(drawn, choice.runs.length));
    if (!isSeries)
      drawWhenSeen(byId("parallel"), () => drawParallel(Plotly, choice));
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
  function watchPlots(Plotly, table) {
    const redraw = () => drawPlots(Plotly, table);
    redraw();
    byId("plot").on("plotly_click", (event) => showRun(table, event.points[0].customdata));
    for (const id of ["plot-x", "plot-y"])
      byId(id).addEventListener("change", () => suggestLog(id));
    for (const select of byId("plot-card").querySelectorAll("select, input")) {
      select.addEventListener("change", redraw);
    }
    for (const id of ["best-metric", "best-way"])
      byId(id).addEventListener("change", redraw);
    table.on("search", redraw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  }

  // report.js
  function followTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
    follow();
    dark.addEventListener("change", follow);
  }
  function writeTimes() {
    const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
    for (const time of findAll("time")) {
      const [from, to] = [time.dateTime, time.dataset.until || time.dateTime].map((moment) => new Date(moment));
      time.title = time.textContent;
      time.textContent = format.formatRange(from, to);
    }
  }
  async function start() {
    followTheme();
    writeTimes();
    if (!allRuns.length)
      return;
    const table = makeTable(await loadDataTables());
    table.draw();
    startBest(table);
    watchHead(table);
    if (!measures.length || !parameters.length)
      return;
    offerPlots();
    watchPlots(await loadPlotly(), table);
  }
  start().then(() => document.documentElement.classList.add("ready"), (error) => {
    byId("trouble").hidden = false;
    byId("trouble").textContent = `This browser could not draw the table or the plots (${error.message}); a newer one will.`;
    console.error(error);
  });
})();
