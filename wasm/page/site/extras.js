// What stands around the charts: comparison, incidents, copies, themes, legend, reload.

const comparison = {
  on: false,
  charts: [],
  async toggle() {
    comparison.on = !comparison.on;
    byId("compare").setAttribute("aria-pressed", comparison.on);
    byId("comparison").hidden = !comparison.on;
    if (!comparison.on) return;
    await comparison.evaluate(controls.get());
    await comparison.draw();
  },
  async evaluate(settings) {
    if (!comparison.on) return;
    comparison.charts.forEach((chart) => chart?.destroy());
    comparison.charts = [];
    const panels = [];
    for (const algorithm of ALGORITHMS) {
      const said = await ask("evaluate", { name: algorithm, settings: { ...settings, algorithm } });
      const box = element("div", {}, element("h3", {}, algorithm));
      if (said.refused) box.append(element("p", {}, said.refused.map(({ key, message }) => `${key}: ${message}`).join("; ")));
      else {
        const { summary, trigger_s } = said.reply;
        const judged = judge(page.incidents, said.states, trigger_s);
        const hits = page.incidents.length ? `, ${judged.hits} hit, ${judged.misses} missed, ${judged.falseAlarms} false` : "";
        box.append(element("p", {}, `${summary.anomalous} anomalous (${percent(summary.judged ? summary.anomalous / summary.judged : 0)}), ${summary.alerts} alerts${hits}`));
      }
      panels.push(box);
    }
    byId("comparison").replaceChildren(...panels);
    comparison.charts = panels.map((box) => new uPlot({
      ...chartOptions(150, zoneOf(), { ...bandSeries(), timeSpace: 96, x: { range: () => view.state.view }, hooks: { draw: [(u) => paintAnomalies(u, 5)] } }),
      width: Math.max(200, box.clientWidth),
    }, [[], [], [], [], [], []], box));
  },
  async draw() {
    if (!comparison.on) return;
    const [from, to] = view.state.view;
    for (const [at, algorithm] of ALGORITHMS.entries()) {
      const shown = await ask("view", { name: algorithm, from, to, bins: 300 });
      if (shown.time) comparison.charts[at]?.setData(bandData(shown));
    }
  },
};

/* ---- incidents ---- */

function addIncident([from, to], label = "") {
  page.incidents = [...page.incidents, { from: Math.round(from), to: Math.round(to), label }].sort((a, b) => a.from - b.from);
  changedIncidents();
}

function changedIncidents() {
  page.allIncidents.set(page.index, page.incidents);
  if (!page.reply) return;
  counts();
  refresh();
}

const iso = (s) => new Date(s * 1000).toISOString().slice(0, 16).replace("T", " ");

function listIncidents() {
  const items = page.incidents.map((incident) => {
    const hit = page.judged?.hit.includes(incident);
    const go = element("button", { type: "button" }, "Show");
    const length = incident.to - incident.from;
    go.addEventListener("click", () => view.set("view", [incident.from - 2 * length - 3600, incident.to + 2 * length + 3600]));
    const drop = element("button", { type: "button", "aria-label": "Remove" }, "×");
    drop.addEventListener("click", () => { page.incidents = page.incidents.filter((other) => other !== incident); changedIncidents(); });
    return element("li", {}, `${iso(incident.from)} to ${iso(incident.to)} ${incident.label} (${hit ? "hit" : "missed"})`, go, drop);
  });
  byId("incidents").querySelector("ul").replaceChildren(...items);
  byId("incidents").querySelector("summary").textContent = `Incidents (${items.length})`;
}

function incidentControls() {
  meta.incidents.forEach(({ series, ...incident }) => {
    const ofSeries = page.allIncidents.get(series) ?? [];
    page.allIncidents.set(series, [...ofSeries, incident]);
  });
  const mark = () => {
    page.marking = !page.marking;
    byId("mark").setAttribute("aria-pressed", page.marking);
    document.querySelectorAll(".chart").forEach((chart) => chart.classList.toggle("marking", page.marking));
  };
  byId("mark").addEventListener("click", mark);
  byId("mark-shown").addEventListener("click", () => addIncident(view.state.view));
  document.addEventListener("keydown", (event) => {
    if (event.key === "m" && !event.ctrlKey && !event.metaKey && !event.target.closest("input, select, pre")) mark();
  });
  byId("incident-file").addEventListener("change", async (event) => {
    await takeIncidents([...event.target.files]);
    event.target.value = "";
  });
  // a browser would leave the page and show the file
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files.length) takeIncidents([...files]);
  });
  document.addEventListener("paste", (event) => {
    const text = event.clipboardData.getData("text");
    if (event.target.closest?.("input, select") || !/^\s*(from\s*,|\[|[-+\d][^,\n]*,)/i.test(text)) return;
    takeIncidents([{ name: "pasted text", text: async () => text }]);
  });
}

/** Takes incidents in, from files or from a text that was pasted; what is wrong with one leaves the others alone. */
async function takeIncidents(sources) {
  if (overview.open) return tell("Incidents belong to a series: open one, then load its incidents.", "incidents");
  const failed = [];
  for (const source of sources) {
    try {
      const read = readIncidents(await source.text());
      if (read.length === 0) throw new Error("no incident in it");
      page.incidents = [...page.incidents, ...read].sort((a, b) => a.from - b.from);
    } catch (error) {
      failed.push(`${source.name}: ${error.message}`);
    }
  }
  changedIncidents();
  const hint = "A file of incidents has lines from,to,label; values make a page of their own: fluent-anomaly report --input FILE";
  tell(failed.length ? [...failed, hint].join("\n") : "", "incidents");
}

/* ---- copies, theme, legend, reload ---- */

function copies() {
  document.querySelectorAll("[data-copy]").forEach((button) => button.addEventListener("click", async () => {
    const text = page.reply?.[button.dataset.copy] ?? "";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element("textarea", {}, text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    byId("copied").textContent = `${button.dataset.copy} copied`;
    setTimeout(() => { byId("copied").textContent = ""; }, 2000);
  }));
}

function themes() {
  const names = ["auto", "light", "dark"];
  const button = byId("theme");
  let at = 0;
  const apply = () => {
    document.documentElement.dataset.theme = names[at];
    button.textContent = `Theme: ${names[at]}`;
    colours.clear();
    overview.draw();
    if (charts.evaluation) redrawAll();
  };
  button.addEventListener("click", () => { at = (at + 1) % names.length; apply(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
}

/** Charts keep the colours they were made with. */
async function redrawAll() {
  makeCharts();
  await comparison.evaluate(controls.get());
  await refresh();
}

/** Words beside what they are drawn with. */
const keyed = (items) => items.map(([style, text]) => element("span", {}, element("i", { style }), text));

function legend() {
  byId("overview-legend").append(...keyed([
    ["height:2px;background:var(--value)", "value"],
    ["width:8px;height:4px;background:var(--alert)", "alarm of the calibrated score"],
    ["width:8px;height:4px;background:var(--outlier)", "outlier of its group"],
    ["background:var(--incident)", "several series at once"],
  ]));
  const items = [
    ["height:2px;background:var(--value)", "value"],
    ["background:var(--band);border:1px solid var(--band-edge)", "band"],
    ["height:0;border-top:2px dashed var(--expected)", "expected"],
    ["width:8px;height:8px;background:var(--anomaly);transform:rotate(45deg)", "anomalous"],
    ["background:var(--alarm);border-top:3px solid var(--alert)", "alarm"],
    ["height:6px;background:var(--outlier)", "outlier of its group"],
    ["background:var(--incident);border-top:3px solid var(--incident-edge)", "incident"],
    ["height:2px;background:var(--outlier)", "outlier score"],
    ["height:0;border-top:3px dashed var(--change)", "change score"],
  ];
  byId("legend").append(...keyed(items));
  byId("legend").append(element("span", {}, matchMedia("(pointer: coarse)").matches
    ? "one finger: move · two: zoom · tap: read a point"
    : "drag: look closer · wheel, + and −: zoom · arrows: move · comma and full stop: read points"));
}

/** `report --serve` says when the configuration has changed. */
function reloads() {
  if (!meta.version || location.protocol === "file:") return;
  const events = new EventSource(`changes?${meta.version}`);
  events.onmessage = latestOnly(follow);
}

/** Takes in the page's new data without loading it anew: what is shown stays where it is, and goes on at its end. */
async function follow() {
  const text = await (await fetch("/", { cache: "no-store" })).text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const now = JSON.parse(fresh.getElementById("meta").textContent);
  const name = meta.series[page.index]?.name;
  const names = JSON.stringify(meta.series.map((series) => series.name));
  const sameSettings = JSON.stringify(meta.settings) === JSON.stringify(now.settings);
  if (names !== JSON.stringify(now.series.map((series) => series.name)) || !sameSettings) {
    // the address has the settings of before
    if (!sameSettings) history.replaceState(null, "", name === undefined || overview.open ? "#" : `#${new URLSearchParams({ series: name })}`);
    return location.reload();
  }
  document.querySelectorAll("[data-series]").forEach((old) => old.remove());
  document.body.append(...[...fresh.querySelectorAll("[data-series]")].map((data) => document.importNode(data, true)));
  const [from, to] = view.state.view;
  const wasAtEnd = to >= (meta.series[page.index]?.end ?? Infinity);
  Object.assign(meta, now);
  overview.done = null;
  overview.scored = null;
  together.key = null;
  tell(meta.notes.join("\n"), "notes");
  if (overview.open) return overview.scan();
  const index = Math.max(0, meta.series.findIndex((series) => series.name === name));
  const { start, end } = meta.series[index];
  await ask("load", { ...packed(index), until: meta.until });
  const interval = Number(controls.get().interval) || 60;
  view.extend(start, end + interval, wasAtEnd ? [end + interval - (to - from), end + interval] : [from, to]);
  return evaluate();
}
