// Puts the page together: controls -> worker -> charts.

const byId = (id) => document.getElementById(id);

const page = {
  index: 0, // series
  reply: null, // of the latest evaluation: texts and counts
  alarms: [], // of the calibrated score
  outliers: [], // when it was one among the other series
  usual: {}, // the score of one point in a thousand
  states: [],
  shown: null, // what the charts show now
  overview: null,
  incidents: [], // of this series
  allIncidents: new Map(),
  marking: false,
  refused: null, // problems of the settings
};

let ask = null;
let charts = {};
let controls = null;
let ready = null;

const zoneOf = () => {
  const zone = controls.get().timezone;
  try {
    if (zone) new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone || "UTC";
  } catch {
    return "UTC";
  }
};

/** A time to the minute, in the zone of the controls. */
const when = (s) => new Date(s * 1000).toLocaleString("sv-SE", { timeZone: zoneOf() }).slice(0, 16);

const view = buildView((which) => {
  clearTimeout(view.writing);
  if (trail.at >= 0) view.writing = setTimeout(() => address.write(), 400);
  return refresh(which);
});

/* ---- charts ---- */

function sizeOf(box) {
  return Math.max(240, box.clientWidth);
}

function makeCharts() {
  Object.values(charts).forEach((chart) => chart.destroy());
  const zone = zoneOf();
  const range = (which) => () => view.state[which];
  const boxes = { history: byId("history"), evaluation: byId("evaluation"), share: byId("share"), rarity: byId("rarity"), scores: byId("scores") };
  const spans = (found) => found.map(({ from, to }) => [from, to]);
  const incidents = (u) => paintStretches(u, spans(page.incidents), colour("incident"), colour("incident-edge"));
  const shared = (u) => paintStretches(u, spans(together.incidents), colour("view"));
  const alarms = (u) => paintStretches(u, spans(page.alarms), colour("alarm"), colour("alert"));
  const tall = window.innerHeight >= 760 || window.innerWidth <= 820;
  const selected = (u) => select.view(u);

  charts = {
    history: new uPlot(chartOptions(tall ? 104 : 90, zone, {
      alone: true,
      x: { range: range("context") },
      series: [{}, { stroke: colour("value"), width: 1, points: { show: false } }],
      hooks: {
        drawClear: [(u) => {
          incidents(u);
          paintStretches(u, page.states.filter(([, , state]) => state === 2), colour("anomaly") + "40", colour("alert"));
          alarms(u);
          paintStretches(u, [view.state.view], colour("view"), colour("focus"));
        }],
        draw: [(u) => paintRug(u)],
        setSelect: [(u) => select.context(u)],
      },
    }), [[], []], boxes.history),
    evaluation: new uPlot(chartOptions(tall ? 276 : 190, zone, {
      ...bandSeries(),
      x: { range: range("view") },
      hooks: {
        drawClear: [incidents, shared, alarms],
        draw: [(u) => { paintAlarmWords(u, page.alarms); paintAnomalies(u, 5); paintOutliers(u, page.outliers); paintEmpty(u, [1, 3, 4], "no values here"); }],
        setSelect: [selected],
        setCursor: [(u) => readout(u)],
      },
    }), [[], [], [], [], [], []], boxes.evaluation),
    share: new uPlot(chartOptions(tall ? 72 : 64, zone, {
      noTimes: true,
      axisText: percent,
      x: { range: range("view") },
      y: { range: [0, 1.04] },
      space: 18,
      series: [{}, { stroke: colour("text"), fill: colour("view"), width: 1.25, points: { show: false } }],
      hooks: {
        draw: [(u) => {
          paintLevel(u, page.reply?.critical, "alert", "ALERT");
          paintLevel(u, page.reply?.warning, "warn", "WARN");
        }],
        setSelect: [selected],
        setCursor: [(u) => { byId("share-readout").textContent = u.cursor.idx == null ? "" : percent(u.data[1][u.cursor.idx]); }],
      },
    }), [[], []], boxes.share),
    rarity: new uPlot(chartOptions(tall ? 64 : 56, zone, {
      noTimes: true,
      x: { range: range("view") },
      y: { range: [0, 1.04] },
      space: 18,
      series: [{}, { stroke: colour("alert"), width: 1.25, points: { show: false } }],
      hooks: {
        drawClear: [incidents],
        draw: [(u) => paintEmpty(u, [1], controls.get().alarms === "off" ? "off" : "not judged yet")],
        setSelect: [selected],
        setCursor: [(u) => { byId("rarity-readout").textContent = u.cursor.idx == null ? "" : short(u.data[1][u.cursor.idx]); }],
      },
    }), [[], []], boxes.rarity),
    scores: new uPlot(chartOptions(tall ? 112 : 100, zone, {
      x: { range: range("view") },
      series: [{},
        { stroke: colour("outlier"), width: 1.25, points: { show: false } },
        { stroke: colour("change"), width: 2, dash: [6, 2], points: { show: false } }],
      hooks: {
        drawClear: [incidents],
        draw: [(u) => {
          paintLevel(u, page.usual.outlier, "outlier", "outlier, 1 in 1000");
          paintLevel(u, page.usual.change, "change", "change, 1 in 1000");
        }, (u) => paintEmpty(u, [1, 2], "no scores here: an order is chosen over the first points, or none has come")],
        setSelect: [selected],
        setCursor: [(u) => {
          const row = u.cursor.idx;
          byId("score-readout").textContent = row == null ? "" : `outlier ${short(u.data[1][row])} · change ${short(u.data[2][row])}`;
        }],
      },
    }), [[], [], []], boxes.scores),
  };
  resize();
}

function resize() {
  if (overview.open) return overview.draw();
  if (!charts.evaluation) return;
  const width = sizeOf(byId("evaluation"));
  Object.values(charts).forEach((chart) => chart.setSize({ width, height: chart.height }));
  drawStates();
}

/** Anomalous points of the whole, as ticks at the foot of the historical view. */
function paintRug(u) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = colour("anomaly");
  (page.overview?.anomalous ?? []).forEach((value, row) => {
    if (value === null) return;
    const x = u.valToPos(page.overview.time[row], "x", true);
    if (x >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x, bbox.top + bbox.height - 6 * devicePixelRatio, devicePixelRatio, 6 * devicePixelRatio);
  });
  ctx.restore();
}

function readout(u) {
  const row = u.cursor.idx;
  if (row == null) return (byId("readout").textContent = "");
  const [time, lower, upper, expected, value, anomalous] = u.data.map((column) => column[row]);
  const band = expected === null ? "no band yet" : `expected ${short(expected)} (${short(lower)} to ${short(upper)})`;
  const until = u.data[0][row + 1] ?? time;
  const alarm = page.alarms.find(({ from, to }) => from < Math.max(until, time + 1) && to >= time);
  const why = alarm ? ` · alarm: ${alarm.reason}, ${short(alarm.observed)} instead of ${short(alarm.expected)}` : "";
  byId("readout").textContent = `${when(time)} · ${short(value)} · ${band}${anomalous === null ? "" : " · anomalous"}${why}`;
}

function drawStates() {
  if (!charts.evaluation) return;
  const [from, to] = view.state.view;
  paintStates(byId("states"), page.states, from, to, Math.max(100, charts.evaluation.width - AXIS - 22));
}

/** Fetches what is to be seen and draws it. The old picture is moved at once, so that nothing stutters. */
function refresh() {
  if (!charts.evaluation || !page.reply) return Promise.resolve();
  Object.values(charts).forEach((chart) => chart.redraw(false, true));
  return fetchView();
}

const pause = () => new Promise((done) => setTimeout(done));

const fetchView = latestOnly(async () => {
  const bins = Math.round(sizeOf(byId("evaluation")) * 0.9);
  const [from, to] = view.state.view;
  const [left, right] = view.state.context;
  const [shown, overview] = await Promise.all([
    ask("view", { name: "main", from, to, bins }),
    ask("view", { name: "main", from: left, to: right, bins }),
  ]);
  if (!shown.time) return;
  page.shown = shown;
  page.overview = overview;
  charts.history.setData([overview.time, overview.value]);
  charts.evaluation.setData(bandData(shown));
  await pause(); // what a reader does comes between
  charts.share.setData([shown.share.time, shown.share.share]);
  charts.rarity.setData([shown.rarity.time, shown.rarity.score]);
  charts.scores.setData([shown.scores.time, shown.scores.outlier, shown.scores.change]);
  drawStates();
  await comparison.draw();
});

/* ---- evaluation ---- */

const evaluate = latestOnly(async () => {
  const settings = controls.get();
  const began = performance.now();
  const note = setTimeout(() => { byId("busy").textContent = "Computing…"; }, 150);
  const said = await ask("evaluate", { name: "main", settings });
  clearTimeout(note);
  byId("busy").textContent = "";
  page.refused = said.refused ?? null;
  controls.problems(said.refused ?? []);
  if (said.refused) return;
  if (isForAll(settings) || hasGroup(settings)) byId("busy").textContent = "Computing all series…";
  await together.find(settings);
  byId("busy").textContent = "";
  page.reply = said.reply;
  page.states = said.states;
  page.buckets = said.buckets;
  page.alarms = together.alarmsOf(page.index, said.calibrated?.alarms ?? []);
  page.outliers = together.outliersOf(page.index);
  page.judgedFrom = said.calibrated?.judged_from;
  page.usual = said.usual ?? {};
  page.took = performance.now() - began;
  byId("query").textContent = said.reply.query;
  fill(byId("explanation"), said.reply.explanation);
  counts();
  listAlarms();
  await comparison.evaluate(settings);
  await refresh();
});

/** A control was turned: the series that is open is evaluated anew, or the list of all. */
const changed = () => (overview.open ? overview.scan() : evaluate());

function fill(details, lines) {
  details.querySelector("ul").replaceChildren(...lines.map((line) => element("li", {}, line)));
}

function counts() {
  const { summary, trigger_s } = page.reply;
  const judged = judge(page.incidents, page.states, trigger_s);
  page.judged = judged;
  listIncidents();
  const weeks = Math.max(1 / 7, (meta.series[page.index].end - meta.series[page.index].start) / 604800);
  const figures = { alarms: page.alarms.length, shared: together.incidents.length, outliers: page.outliers.length, alerts: summary.alerts, hits: judged.hits, misses: judged.misses, falseAlarms: judged.falseAlarms };
  const before = trail.before();
  trail.commit(figures);
  const was = (key) => (before && before[key] !== figures[key] ? ` (was ${before[key]})` : "");
  const weekly = (key) => `${figures[key]}${was(key)}, ${short(Number((figures[key] / weeks).toPrecision(2)))} a week`;
  const items = [
    ["Alarms", page.judgedFrom === undefined ? "not judged yet" : weekly("alarms")],
    ["Points", summary.points.toLocaleString("en")],
    ["Anomalous", `${summary.anomalous.toLocaleString("en")} (${percent(summary.judged ? summary.anomalous / summary.judged : 0)})`],
    ...(page.buckets ? [["Buckets outside", `${page.buckets.outside.toLocaleString("en")} (${percent(page.buckets.judged ? page.buckets.outside / page.buckets.judged : 0)})`]] : []),
    ["Alerts", weekly("alerts")], ["Warnings", summary.warnings],
    ...(together.alarms ? [["Incidents of all series", weekly("shared")]] : []),
    ...(together.outliers ? [["Outlier of its group", weekly("outliers")]] : []),
  ];
  if (page.incidents.length) {
    items.push(["Incidents hit", `${judged.hits} of ${page.incidents.length}${was("hits")}`], ["Missed", `${judged.misses}${was("misses")}`], ["False alarms", `${judged.falseAlarms}${was("falseAlarms")}`]);
  }
  if (summary.late) items.push(["Left out (too late or too large)", summary.late]);
  if (summary.judged === 0) items.push(["No band yet", "the history is too short for these parameters"]);
  items.push(["Computed in", `${Math.round(page.took)} ms`]);
  byId("counts").replaceChildren(...items.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, String(value)))));
}

async function suggest() {
  const said = await ask("suggest", { incidents: page.incidents.map(({ from, to }) => ({ from, to })) });
  const reasons = byId("reasons");
  if (said.refused) {
    tell(`No suggestion: ${said.refused}`, "suggestion");
    return false;
  }
  tell("", "suggestion");
  const { settings } = said.reply;
  controls.set({ ...settings, recovery_window: "", critical_recovery: "", warning: "", warning_recovery: "" });
  fill(reasons, said.reply.reasons.map(({ key, text }) => `${key}: ${text}`));
  backtest(said.reply);
  reasons.hidden = false;
  return true;
}

/** What each candidate would have done, as `monitor suggest` prints it; the chosen one is marked. */
function backtest({ candidates, chosen, judged_s, incidents }) {
  const weeks = Math.max(judged_s / 604800, 1e-9);
  const heads = ["band", "window", "alerts a week", ...(incidents ? ["hit", "false"] : [])];
  const row = ({ algorithm, deviations, share, window, alerts, false_alerts, hits }, at) => {
    const cells = [`${at === chosen ? "▸ " : ""}${algorithm} ${deviations}`, `${percent(share)} of ${window.replace("last_", "")}`, short(Number((alerts / weeks).toPrecision(2))), ...(incidents ? [`${hits} of ${incidents}`, false_alerts] : [])];
    return element("tr", at === chosen ? { class: "chosen" } : {}, ...cells.map((cell) => element("td", {}, String(cell))));
  };
  byId("backtest").replaceChildren(element("table", {},
    element("caption", {}, `Back-test over ${short(Number((judged_s / 86400).toPrecision(2)))} days that had a band; ▸ is the one suggested`),
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...candidates.map(row))));
}

async function show(index) {
  overview.place(false);
  page.index = index;
  if (!charts.evaluation) makeCharts();
  byId("series").value = meta.series[index].name;
  const { start: first, end: last } = meta.series[index];
  page.incidents = page.allIncidents.get(index) ?? [];
  const loaded = await ask("load", { ...packed(index), until: meta.until });
  if (loaded.refused) return tell(loaded.refused);
  if (!meta.settings?.algorithm && !page.suggested && !address.given?.settings) page.suggested = await suggest();
  const interval = Number(controls.get().interval) || 60;
  page.reply = null; // nothing is drawn of the old series
  view.reset(first, last + interval, Math.max(86400 * (last - first > 3 * 86400 ? 1.5 : 1), 300 * interval));
  await evaluate();
  showLast();
}

/** Alerts and alarms are what one looks for first. */
function showLast() {
  const found = [...page.states.filter(([, , state]) => state === 2), ...[...page.alarms, ...page.outliers].map(({ from, to }) => [from, to])];
  const [from, to] = view.state.view;
  if (found.length === 0 || found.some(([start, end]) => end > from && start < to)) return;
  const [start, end] = found.reduce((last, stretch) => (stretch[1] > last[1] ? stretch : last));
  view.look((start + end) / 2);
}

/* ---- start ---- */

const select = {};

async function start() {
  byId("title").textContent = meta.title;
  document.title = `${meta.title} - fluent-anomaly`;
  controls = buildControls(byId("controls"), () => changed());
  controls.set(meta.settings ?? {});
  address.given = address.read();
  if (address.given.settings) controls.replace(address.given.settings);
  legend();
  themes();
  copies();
  incidentControls();
  overviewControls();
  trailControls();
  if (meta.notes.length) tell(meta.notes.join("\n"), "notes");
  if (address.given.series !== null && address.given.index < 0) tell(`The address names the series "${address.given.series}", which this page does not have.`, "address");
  if (meta.series.length === 0) return tell("There is nothing to show: the input holds no series.");
  fingers(byId("history"), () => charts.history, view, "context", addIncident);
  ["evaluation", "share", "rarity", "scores"].forEach((name) => fingers(byId(name), () => charts[name], view, "view", addIncident));
  select.context = steer(byId("history"), () => charts.history, view, "context", (at) => clicked(at) || view.look(at), dragged);
  select.view = steer(byId("evaluation"), () => charts.evaluation, view, "view", clicked, dragged);
  steer(byId("share"), () => charts.share, view, "view", clicked);
  steer(byId("rarity"), () => charts.rarity, view, "view", clicked);
  steer(byId("scores"), () => charts.scores, view, "view", clicked);
  rangeButtons();
  buildPicker(byId("series"), byId("series-list"), meta.series.map(({ name }) => name), (index) => show(index));
  ask = startWorker();
  await ask("start", { text: byId("engine").textContent });
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return; // what is drawn changes the height
    width = contentRect.width;
    requestAnimationFrame(resize);
  }).observe(document.querySelector("main"));
  if (meta.series.length > 1 && address.given.index < 0) await overview.show();
  else {
    await show(Math.max(0, address.given.index));
    if (address.given.view) view.set("view", address.given.view);
  }
  // an address that was typed or pasted; those that the page writes itself make no event
  window.addEventListener("hashchange", () => location.reload());
  document.documentElement.dataset.ready = "true";
}

/** While incidents are marked, a click marks one as long as the trigger window. */
function clicked(at) {
  if (page.marking) addIncident([at - page.reply.trigger_s / 2, at + page.reply.trigger_s / 2]);
  return page.marking;
}

function dragged(range) {
  if (page.marking) addIncident(range);
  else view.set("view", range);
}

function rangeButtons() {
  document.querySelectorAll("[data-range]").forEach((button) => button.addEventListener("click", () => view.length(Number(button.dataset.range))));
  document.querySelectorAll("[data-move]").forEach((button) => button.addEventListener("click", () => view.move("view", Number(button.dataset.move) * 0.5)));
  document.querySelectorAll("[data-zoom]").forEach((button) => button.addEventListener("click", () => view.zoom("view", Number(button.dataset.zoom))));
  byId("suggest").addEventListener("click", async () => {
    if (overview.open) await show(page.index);
    if (await suggest()) await evaluate();
  });
  byId("compare").addEventListener("click", async () => {
    if (overview.open) await show(page.index);
    await comparison.toggle();
  });
}

window.addEventListener("error", (event) => tell(`The page failed: ${event.message}`));
window.addEventListener("unhandledrejection", (event) => tell(`The page failed: ${event.reason?.message ?? event.reason}`));
