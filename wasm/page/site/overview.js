// All series of the file, ranked by what happened to them. Workers of their own scan them, so that an open series stays
// quick.

const MOST_ROWS = 60;
const BATCH = 10; // series that a worker is given at once
const MOST_WORKERS = 4;
/** Orders of the list: text, and the number that goes first. */
const ORDERS = {
  size: ["largest alarm", ({ size }) => size],
  alarms: ["most alarms", ({ alarms }) => alarms.length],
  alerts: ["most alerts", ({ alerts }) => alerts ?? 0],
  outliers: ["most often an outlier", ({ outliers }) => outliers?.length ?? 0],
  name: ["name", null],
};

const overview = {
  rows: [], // by series: what a scan found, or null
  open: false,
  asked: 0, // a newer scan ends the older one
  painted: 0, // and a newer drawing
  workers: null,

  /** Shows the list in place of a series, and scans what is not scanned yet under the present settings. */
  async show() {
    overview.place(true);
    await overview.scan();
  },
  place(open) {
    overview.open = open;
    byId("overview").hidden = !open;
    byId("charts").hidden = open;
    byId("series").value = open ? "" : (meta.series[page.index]?.name ?? "");
    byId("overview-open").hidden = meta.series.length < 2;
    byId("overview-open").setAttribute("aria-pressed", open);
  },
  start() {
    overview.workers ??= Promise.all(Array.from({ length: Math.min(MOST_WORKERS, navigator.hardwareConcurrency || 1, Math.ceil(meta.series.length / BATCH)) }, async () => {
      const ask = startWorker();
      await ask("start", { text: byId("engine").textContent });
      return ask;
    }));
    return overview.workers;
  },
  /** Alarms of all series first, then the alerts of the monitor: the first is what the list is ranked by. */
  async scan() {
    const settings = controls.get();
    const wanted = JSON.stringify(settings);
    if (overview.done === wanted) return overview.draw();
    trail.commit(null);
    for (const what of ["alarms", "alerts"]) {
      const run = await overview.pass(what, settings);
      if (run.isOver()) return undefined;
      controls.problems(Array.isArray(run.refused) ? run.refused : []);
      overview.note("", 0);
      if (run.refused) {
        overview.found("");
        return overview.draw();
      }
      if (what === "alarms") {
        await together.find(settings);
        if (run.isOver()) return undefined;
        overview.join();
      }
      overview.draw();
    }
    overview.done = wanted;
    overview.count();
    return undefined;
  },
  /** What the present settings find in all series, beside what those before did. */
  count() {
    const sum = (of) => overview.rows.reduce((all, row) => all + of(row), 0);
    const figures = { alarms: sum((row) => row?.alarms?.length ?? 0), alerts: sum((row) => row?.alerts ?? 0), series: sum((row) => (row?.alarms?.length ? 1 : 0)), outliers: sum((row) => row?.outliers?.length ?? 0) };
    const before = trail.before();
    trail.commit(figures);
    const was = (key) => (before && before[key] !== figures[key] ? ` (was ${before[key].toLocaleString("en")})` : "");
    const many = (key, word) => `${figures[key].toLocaleString("en")} ${word}${figures[key] === 1 ? "" : "s"}${was(key)}`;
    overview.found(`${many("alarms", "alarm")} in ${figures.series.toLocaleString("en")} of ${meta.series.length.toLocaleString("en")} series${was("series")} · ${many("alerts", "alert")}${together.outliers ? ` · ${many("outliers", "outlier")} of a group` : ""}`);
  },
  found(text) {
    byId("overview-found").textContent = text;
  },
  /** All series once; a newer pass ends an older one. */
  async pass(what, settings) {
    const workers = await overview.start();
    overview.asked += 1;
    const turn = overview.asked;
    const run = { what, settings, next: 0, scanned: 0, drawn: performance.now() + 300, refused: null, isOver: () => turn !== overview.asked };
    await Promise.all(workers.map((ask) => overview.scanWith(ask, run)));
    if (what === "alarms") overview.scored = run.isOver() || run.refused ? null : settings.alarms;
    return run;
  },
  /** Takes in what was found of all series together. */
  join() {
    overview.rows.forEach((row, index) => {
      if (!row) return;
      row.alarms = together.alarmsOf(index, row.alarms);
      row.size = row.alarms.reduce((most, alarm) => Math.max(most, alarm.size), 0);
      row.outliers = together.outliersOf(index);
    });
  },
  /** One worker takes batches until none is left. */
  async scanWith(ask, run) {
    while (run.next < meta.series.length && !run.refused) {
      const first = run.next;
      run.next = Math.min(meta.series.length, first + BATCH);
      const batch = Array.from({ length: run.next - first }, (_, n) => packed(first + n));
      const all = await ask("scan", { batch, until: meta.until, settings: run.settings, what: run.what });
      if (run.isOver()) return;
      run.refused ??= all.find((said) => said.refused)?.refused ?? null;
      all.forEach((said, n) => { overview.rows[first + n] = { ...overview.rows[first + n], alerts: undefined, candidates: undefined, ...said }; });
      run.scanned += batch.length;
      // drawing takes a tenth of the time at most
      const now = performance.now();
      if (now > run.drawn) {
        overview.note(run.what, run.scanned);
        overview.draw();
        run.drawn = performance.now() + Math.max(300, 10 * (performance.now() - now));
      }
    }
  },
  note(what, scanned) {
    const all = meta.series.length.toLocaleString("en");
    byId("overview-note").textContent = what ? `computing ${what}: ${scanned.toLocaleString("en")} of ${all} series` : "";
  },

  /** Stretches in which at least two series, and a tenth of them all, are in alarm at once: `[from, to, count]`. */
  shared() {
    if (together.alarms) return together.incidents.filter(({ series }) => series > 1).map(({ from, to, series }) => [from, to + 60, series]);
    const edges = [];
    overview.rows.forEach((row) => row?.alarms?.forEach(({ from, to }) => edges.push([from, 1], [to + row.step, -1])));
    edges.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
    const least = Math.max(2, Math.ceil(meta.series.length / 10));
    const stretches = [];
    let count = 0;
    edges.forEach(([at, by]) => {
      const before = count;
      count += by;
      const last = stretches[stretches.length - 1];
      if (before < least && count >= least) stretches.push([at, at, count]);
      else if (last && count >= least) last[2] = Math.max(last[2], count);
      if (before >= least && count < least) last[1] = at;
    });
    return stretches;
  },
  ranked() {
    const words = byId("overview-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const indexes = meta.series.map((_, index) => index).filter((index) => words.every((word) => meta.series[index].name.toLowerCase().includes(word)));
    const first = ORDERS[byId("overview-order").value][1];
    const found = (index) => overview.rows[index] ?? { alarms: [], alerts: 0, size: 0 };
    if (first) indexes.sort((a, b) => first(found(b)) - first(found(a)) || found(b).alarms.length - found(a).alarms.length || a - b);
    else indexes.sort((a, b) => meta.series[a].name.localeCompare(meta.series[b].name));
    return indexes;
  },
  draw() {
    if (!overview.open) return;
    const indexes = overview.ranked();
    const bands = overview.shared();
    const times = [Math.min(...meta.series.map(({ start }) => start)), meta.until ?? 1];
    const shown = indexes.slice(0, MOST_ROWS);
    const rows = shown.map((index) => overview.row(index));
    byId("overview-list").replaceChildren(...rows);
    const turn = (overview.painted += 1);
    requestAnimationFrame(() => {
      if (turn !== overview.painted || rows.length === 0) return;
      // all are of one size: asked once, or each painting would wait for a layout of its own
      const canvases = rows.map((row) => row.querySelector("canvas"));
      const size = [canvases[0].clientWidth, canvases[0].clientHeight];
      canvases.forEach((canvas, at) => paintSpark(canvas, size, overview.rows[shown[at]], times, bands));
    });
    byId("overview-more").textContent = indexes.length > MOST_ROWS ? `${(indexes.length - MOST_ROWS).toLocaleString("en")} more: search narrows the list` : indexes.length ? "" : "no series has such a name";
    byId("overview-shared").textContent = bands.length ? `${bands.length} ${together.alarms ? `incident${bands.length === 1 ? "" : "s"} of several series` : "shared"}: ${bands.slice(0, 3).map(([from, , count]) => `${count} series at ${iso(from)}`).join(", ")}${bands.length > 3 ? ", …" : ""}` : "";
  },
  row(index) {
    const { name, points } = meta.series[index];
    const found = overview.rows[index];
    const canvas = element("canvas", { "aria-hidden": "true" });
    const button = element("button", { type: "button", class: "overview-row", title: name }, element("span", { class: "overview-name" }, name), canvas, element("span", { class: "overview-found" }, ...unbroken(overview.told(found, points))));
    button.addEventListener("click", () => show(index));
    return element("li", {}, button);
  },
  told(found, points) {
    if (!found) return `${points.toLocaleString("en")} points`;
    const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
    const alerts = found.alerts === undefined ? "" : ` · ${many(found.alerts, "alert")}`;
    const apart = found.outliers?.length ? ` · ${found.outliers.length} × outlier of the group` : "";
    if (found.alarms.length === 0) return found.judged_from === undefined ? `not judged yet${alerts}${apart}` : `no alarm${alerts}${apart}`;
    const largest = found.alarms.reduce((most, alarm) => (alarm.size > most.size ? alarm : most));
    return `${many(found.alarms.length, "alarm")}${alerts}${apart} · ${largest.reason} of ${short(Number(largest.size.toPrecision(3)))} deviations at ${iso(largest.from)}`;
  },
};

/** A text whose last words, a time, stay on one line. */
function unbroken(text) {
  const [, words, time] = text.match(/^(.*)(\d{4}-\d\d-\d\d \d\d:\d\d)$/) ?? [];
  return time ? [words, element("span", { class: "unbroken" }, time)] : [text];
}

/** A small chart: shared alarms as bands, own alarms as ticks, the values' range by pixel column. */
function paintSpark(canvas, size, found, [from, to], bands) {
  const scale = devicePixelRatio;
  const [width, height] = size.map((pixels) => pixels * scale);
  Object.assign(canvas, { width, height });
  const ctx = canvas.getContext("2d");
  const x = (at) => ((at - from) / Math.max(1, to - from)) * width;
  const stretch = (start, end, fill, top, tall) => {
    ctx.fillStyle = fill;
    ctx.fillRect(x(start), top, Math.max(2 * scale, x(end) - x(start)), tall);
  };
  bands.forEach(([start, end]) => stretch(start, end, colour("incident"), 0, height));
  if (!found?.spark) return;
  (found.outliers ?? []).forEach((outlier) => stretch(outlier.from, outlier.to, colour("outlier"), 0, 3 * scale));
  found.alarms.forEach((alarm) => stretch(alarm.from, alarm.to, colour("alert"), height - 4 * scale, 4 * scale));
  const { least, most, low, high } = found.spark;
  const y = (value) => (height - 6 * scale) * (1 - (value - low) / Math.max(high - low, 1e-300)) + scale;
  const bin = (found.spark.to - found.spark.from) / least.length;
  ctx.strokeStyle = colour("value");
  ctx.lineWidth = scale;
  ctx.beginPath();
  least.forEach((value, n) => {
    if (value === null) return;
    const at = x(found.spark.from + (n + 0.5) * bin);
    ctx.moveTo(at, y(value) + scale / 2);
    ctx.lineTo(at, y(most[n]) - scale / 2);
  });
  ctx.stroke();
}

function overviewControls() {
  Object.entries(ORDERS).forEach(([value, [text]]) => byId("overview-order").append(element("option", { value }, text)));
  byId("overview-order").addEventListener("input", () => overview.draw());
  byId("overview-search").addEventListener("input", () => overview.draw());
  byId("overview-open").addEventListener("click", () => (overview.open ? show(page.index) : overview.show()));
}
