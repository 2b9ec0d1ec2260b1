// Figures of the page: node tests/browser/figures.mjs [folder for screenshots]

import { execFileSync } from "node:child_process";
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChromium } from "./chromium.mjs";

const BINARY = process.env.FLUENT_ANOMALY ?? new URL("../../target/release/fluent-anomaly", import.meta.url).pathname;
const shots = process.argv[2];
const PATIENCE = 120_000; // ms
const folder = mkdtempSync(join(tmpdir(), "preview-figures-"));

async function csv(path, points) {
  const out = createWriteStream(path);
  out.write("time,value\n");
  let state = 7;
  for (let n = 0; n < points; n += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = 100 + 40 * Math.sin((2 * Math.PI * n) / 1440) + (4 * state) / 2 ** 32 + (n % 9000 > 8960 ? 45 : 0);
    if (!out.write(`${1735689600 + 60 * n},${value.toFixed(2)}\n`)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const CONFIG = "[series.s]\nmatch: *\nvalue: $value\nk: 7\n[monitor.m]\non: s\nquery: avg(last_1h):anomalies(avg:value{*}, 'ALGORITHM', 2, direction='both', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily') >= 0.6\n";
const LONG_TASKS = "window.tasks = []; new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => window.tasks.push(Math.round(duration)))).observe({ type: 'longtask', buffered: true });";
/** ms from the opening of the page until its next frame is drawn. */
const DRAWN = "new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(Math.round(performance.now())))))";
const browser = await startChromium();

for (const points of [43_200, 1_000_000]) {
  const input = join(folder, `${points}.csv`);
  const html = join(folder, `${points}.html`);
  await csv(input, points);
  writeFileSync(join(folder, "f.ini"), CONFIG.replace("ALGORITHM", "agile"));
  execFileSync(BINARY, ["report", "-i", input, "-c", join(folder, "f.ini"), "-o", html]);
  console.log(`${points} points: the report has ${(statSync(html).size / 1e6).toFixed(2)} MB`);
  const page = await browser.page({ url: "about:blank", before: LONG_TASKS });
  const opened = [];
  for (let turn = 0; turn < 5; turn += 1) {
    await page.goto(`file://${html}`);
    await page.ready(PATIENCE);
    opened.push(await page.run(DRAWN));
  }
  console.log(`  drawn ${median(opened)} ms after opening (5 turns: ${opened.join(", ")}), main thread busy over 50 ms while opening: ${await page.run("JSON.stringify(window.tasks)")}`);
  for (const [what, key, values] of [["deviations", "deviations", ["2.5", "3"]], ["algorithm robust/agile", "algorithm", ["robust", "agile"]], ["algorithm basic", "algorithm", ["basic", "basic"]], ["r (scores as well)", "r", ["0.03", "0.02"]]]) {
    const took = [];
    for (let turn = 0; turn < 6; turn += 1) {
      took.push(await page.run(`(async () => { await window.preview.set({ ${key}: "${values[turn % 2]}" }); return window.preview.page.took; })()`));
    }
    console.log(`  ${what}: evaluated in ${Math.round(median(took))} ms (median of 6)`);
  }
  await page.run("window.tasks.length = 0");
  await page.run(`(async () => { for (const factor of [0.5, 0.5, 0.5, 2, 2, 4, 8, 0.3]) { window.preview.view.zoom("view", factor); await new Promise((resolve) => setTimeout(resolve, 200)); } })()`);
  console.log(`  8 zooms: main thread busy over 50 ms: ${await page.run("JSON.stringify(window.tasks)")}`);
  await page.close();
}

{
  // three hosts; of the open one band, both scores and the calibrated score, under a budget of its own
  const html = join(folder, "all.html");
  const lines = readFileSync(join(folder, "43200.csv"), "utf8").trim().split("\n");
  writeFileSync(join(folder, "hosts.csv"), [`${lines[0]},host`, ...["a", "b", "c"].flatMap((host) => lines.slice(1).map((line) => `${line},${host}`))].join("\n"));
  writeFileSync(join(folder, "all.ini"), CONFIG.replace("ALGORITHM", "agile").replace("k: 7\n", "k: 7\nby: $host\nalarms: 1/week\n"));
  execFileSync(BINARY, ["report", "-i", join(folder, "hosts.csv"), "-c", join(folder, "all.ini"), "-o", html]);
  const page = await browser.page({ url: `file://${html}#series=a` });
  await page.ready(PATIENCE);
  for (const [what, changes] of [["band and both scores anew", ["{ r: '0.03', deviations: '2.5' }", "{ r: '0.02', deviations: '3' }"]], ["band, both scores and the calibrated score anew", ["{ r: '0.03', deviations: '2.5', alarms: '1/day' }", "{ r: '0.02', deviations: '3', alarms: '1/week' }"]]]) {
    const took = [];
    for (let turn = 0; turn < 6; turn += 1) took.push(await page.run(`(async () => { await window.preview.set(${changes[turn % 2]}); return window.preview.page.took; })()`));
    console.log(`43200 points, ${what}: ${Math.round(median(took))} ms (median of 6)`);
  }
  await page.close();
}

{
  // a million points of 500 series
  const input = join(folder, "many.csv");
  const out = createWriteStream(input);
  out.write("time,value,host\n");
  let state = 7;
  for (let n = 0; n < 2000; n += 1) {
    let text = "";
    for (let host = 0; host < 500; host += 1) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      text += `${1735689600 + 60 * n},${(100 + host + (4 * state) / 2 ** 32 + (n > 1500 && n < 1520 && host < 40 ? 30 : 0)).toFixed(2)},h${host}\n`;
    }
    if (!out.write(text)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  const html = join(folder, "many.html");
  execFileSync(BINARY, ["report", "-i", input, "-o", html], { stdio: "ignore" });
  const page = await browser.page({ url: "about:blank", before: LONG_TASKS });
  const opened = [];
  const scanned = [];
  for (let turn = 0; turn < 3; turn += 1) {
    await page.goto(`file://${html}`);
    await page.ready(PATIENCE);
    opened.push(await page.run(DRAWN));
    await page.until("window.preview.overview.done", PATIENCE);
    scanned.push(await page.run("Math.round(performance.now())"));
  }
  console.log(`1000000 points in 500 series, ${(statSync(html).size / 1e6).toFixed(2)} MB: the list is drawn ${median(opened)} ms after opening (${opened.join(", ")}), all series are scored and judged after ${median(scanned)} ms`);
  await page.close();
}

if (shots) {
  execFileSync(BINARY, ["demo", "-o", join(folder, "demo")]);
  for (const [name, options] of [["wide-light", {}], ["wide-dark", { theme: "dark" }], ["phone-light", { width: 390, height: 844, phone: true }], ["phone-dark", { width: 390, height: 844, phone: true, theme: "dark" }]]) {
    const page = await browser.page({ url: `file://${join(folder, "demo", "report.html")}`, ...options });
    await page.ready(PATIENCE);
    await new Promise((resolve) => setTimeout(resolve, 300));
    writeFileSync(join(shots, `${name}.png`), await page.shot(Boolean(options.phone)));
    await page.close();
  }
}
await browser.close();
rmSync(folder, { recursive: true, force: true });
