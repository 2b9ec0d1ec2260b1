// The page of `fluent-anomaly report` in real Chromium, against what the command line says of the same data.
//
// Run: node --test tests/browser/*.test.mjs

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { BINARY, CONFIG, START, assertQuiet, press, startSite } from "./site.mjs";

let site, browser, folder, file, run, open;
before(async () => {
  site = await startSite();
  ({ browser, folder, file, run, open } = site);
});
after(() => site?.close());

/** What the page computed for its series, numbers as text so that every bit survives; NaN is null. */
const columnsOf = (page) => page.run(`window.preview.columns().then((all) => Object.fromEntries(Object.entries(all).map(([name, values]) => [name, Array.from(values, (x) => (Number.isNaN(x) ? null : x))])))`);

/** The same from the command line, under the sections that the page gives away. */
function evaluated(ini, series) {
  writeFileSync(file("copied.ini"), ini);
  const json = JSON.parse(run("monitor", "eval", "preview", "-c", "copied.ini", "-i", "history.csv", "--by", "host", "--bands", "bands.csv", "--format", "json"));
  const number = (text) => (text === "" ? null : Number(text));
  const rows = readFileSync(file("bands.csv"), "utf8").trim().split("\n").slice(1).map((line) => line.split(",")).filter((cells) => cells[1] === series);
  return {
    summary: json.series.find((one) => one.series === series),
    rows: rows.map(([time, , value, expected, lower, upper, anomalous, status]) => ({
      time: Date.parse(time) / 1000, value: number(value), expected: number(expected), lower: number(lower), upper: number(upper),
      anomalous: anomalous === "true" ? 1 : 0, status: ["OK", "WARN", "ALERT", "NO DATA", ""].indexOf(status),
    })),
  };
}

function assertSame(columns, summary, native) {
  // the page has rows for what silence changes as well
  const rows = columns.time.map((_, row) => row).filter((row) => columns.value[row] !== null);
  assert.equal(rows.length, native.rows.length);
  let bands = 0;
  rows.forEach((row, at) => {
    const expected = native.rows[at];
    for (const name of Object.keys(expected)) {
      assert.ok(Object.is(columns[name][row], expected[name]), `${name} of row ${at}: ${columns[name][row]} in the browser, ${expected[name]} natively`);
    }
    bands += expected.lower === null ? 0 : 1;
  });
  for (const name of ["points", "judged", "anomalous", "alerts"]) assert.equal(summary[name], native.summary[name], name);
  return bands;
}

test("algorithm, deviations and seasonality change bounds and counts to what monitor eval prints, bit for bit", async () => {
  const page = await open();
  const seen = new Set();
  for (const settings of [
    {},
    { deviations: "2" },
    { algorithm: "robust" },
    { seasonality: "hourly" },
    { algorithm: "basic", deviations: "3", direction: "above" },
    { algorithm: "agile", seasonality: "daily", timezone: "Europe/Vienna", interval: "300", trigger_window: "last_30m", recovery_window: "", warning: "", warning_recovery: "" },
  ]) {
    const reply = await page.run(`window.preview.set(${JSON.stringify(settings)})`);
    assert.ok(reply, `${JSON.stringify(settings)} is allowed`);
    const columns = await columnsOf(page);
    const bands = assertSame(columns, reply.summary, evaluated(reply.ini, "a"));
    assert.ok(bands > 1000, `${JSON.stringify(settings)}: ${bands} rows have a band`);
    seen.add(JSON.stringify([columns.lower, reply.summary]));
    const shown = await page.run("document.getElementById('counts').textContent");
    assert.ok(shown.includes(`Anomalous${reply.summary.anomalous.toLocaleString("en")} `), shown);
  }
  assert.equal(seen.size, 6, "each change shows");
  assertQuiet(page);
  await page.close();
});

test("a series with a gap is evaluated like the others", async () => {
  const page = await open();
  await page.run("window.preview.show(1)");
  const reply = await page.run("window.preview.set({ notify_no_data: 'true' })");
  const bands = assertSame(await columnsOf(page), reply.summary, evaluated(reply.ini, "b"));
  assert.ok(bands > 1000);
  const states = await page.run("window.preview.page.states.map(([, , state]) => state)");
  assert.ok(states.includes(3), "the gap is NO DATA");
  const silent = await page.run(`(({ time, value }) => time.map((at, row) => [at, value[row]]).filter(([at]) => at > ${START + 7001 * 60} && at < ${START + 7099 * 60}))(window.preview.page.overview)`);
  assert.deepEqual(silent.map(([, value]) => value), [null], "lines break at the gap");
  assertQuiet(page);
  await page.close();
});

test("scores are those of the filter, bit for bit, for both estimators and scores and for small and large orders", async () => {
  const page = await open();
  const records = readFileSync(file("history.csv"), "utf8").split("\n").slice(1).map((line) => line.split(","));
  const input = records.filter(([, , host]) => host === "a").map(([time, value]) => `{"time":${time},"value":${value}}`).join("\n");
  for (const settings of [{ k: "4" }, { k: "12", r: "0.05" }, { k: "3", ar: "burg" }, { k: "2", ar: "yule", score: "hellinger", T1: "3", T2: "8" }, { k: "" }]) {
    const reply = await page.run(`window.preview.set(${JSON.stringify(settings)})`);
    const columns = await columnsOf(page);
    const sections = reply.ini.slice(0, reply.ini.indexOf("[monitor")).replace("value: $value", "value: $value\ntime: $time");
    writeFileSync(file("scores.ini"), `[filter]\nstate: off\n${sections}`);
    const out = execFileSync(BINARY, ["filter", "-c", "scores.ini", "--tag", "x"], { input, cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });
    let scored = 0;
    out.trim().split("\n").forEach((line, row) => {
      const { score_outlier: outlier = null, score_change: change = null } = JSON.parse(line);
      assert.ok(Object.is(columns.outlier[row], outlier) && Object.is(columns.change[row], change), `row ${row} of ${JSON.stringify(settings)}: ${columns.outlier[row]} and ${outlier}`);
      scored += outlier === null ? 0 : 1;
    });
    assert.ok(scored > 5000, `${scored} scores`);
  }
  assertQuiet(page);
  await page.close();
});

test("the page begins with the configuration's monitor, and copies it in three forms", async () => {
  const page = await open();
  const query = CONFIG.match(/query: (.*)/)[1];
  assert.equal(await page.run("document.getElementById('query').textContent"), query);
  for (const form of ["query", "json", "ini"]) {
    await page.run(`document.querySelector('[data-copy="${form}"]').click()`);
    await page.until("document.getElementById('copied').textContent !== ''");
    const text = await page.run("navigator.clipboard.readText()");
    assert.equal(text, await page.run(`window.preview.page.reply.${form}`));
    await page.run("document.getElementById('copied').textContent = ''");
    if (form === "query") assert.equal(text, query);
    if (form === "ini") {
      writeFileSync(file("clip.ini"), text);
      const exported = JSON.parse(run("monitor", "export", "preview", "-c", "clip.ini"));
      assert.deepEqual(JSON.parse(await page.run("window.preview.page.reply.json")), exported);
      const original = JSON.parse(run("monitor", "export", "m", "-c", "f.ini"));
      assert.deepEqual({ ...exported, name: "" }, { ...original, name: "" });
    }
  }
  assertQuiet(page);
  await page.close();
});

test("what is not allowed is told at its control, in the words of check, and the last good picture stays", async () => {
  const page = await open();
  const before = await page.run("document.getElementById('counts').textContent");
  await page.run("document.querySelector('[name=recovery_window]').value = 'last_1d'; document.querySelector('[name=recovery_window]').dispatchEvent(new Event('input', { bubbles: true }))");
  await page.until("document.getElementById('control-recovery_window-problem').textContent !== ''");
  const said = await page.run("document.getElementById('control-recovery_window-problem').textContent");
  writeFileSync(file("bad.ini"), CONFIG.replace("recovery_window: last_10m", "recovery_window: last_1d"));
  assert.throws(() => run("check", "-c", "bad.ini"), (error) => error.stderr.includes(said));
  assert.equal(await page.run("document.querySelector('[name=recovery_window]').getAttribute('aria-invalid')"), "true");
  assert.equal(await page.run("document.getElementById('counts').textContent"), before);
  assertQuiet(page);
  await page.close();
});

test("incidents are marked by file, by dragging and by a click, and counted while parameters change", async () => {
  const page = await open();
  const from = START + 6500 * 60;
  await page.run(`(() => {
    const input = document.getElementById("incident-file");
    const files = new DataTransfer();
    files.items.add(new File(["from,to,label\\n${from},${from + 3600},shift\\n2025-01-05T00:00:00Z,2025-01-05T00:01:00Z,nothing"], "i.csv"));
    input.files = files.files;
    input.dispatchEvent(new Event("change"));
  })()`);
  await page.until("document.getElementById('counts').textContent.includes('Incidents hit')");
  const counts = () => page.run("(({ hits, misses, falseAlarms }) => [hits, misses, falseAlarms])(window.preview.page.judged)");
  assert.deepEqual((await counts()).slice(0, 2), [1, 1]);
  await page.run("window.preview.set({ deviations: '100' })");
  assert.deepEqual(await counts(), [0, 2, 0]);
  const listed = await page.run("[...document.querySelectorAll('#incidents li')].map((item) => item.textContent)");
  assert.ok(listed.length === 2 && listed.every((text) => text.includes("(missed)")), listed.join(" | "));
  // a drag over the evaluation preview while marking
  await page.run("document.getElementById('mark').click()");
  const box = await page.run("(({ x, y, width, height }) => ({ x, y, width, height }))(document.querySelector('#evaluation .u-over').getBoundingClientRect())");
  const moveTo = (part) => page.mouse.move(box.x + part * box.width, box.y + box.height / 2);
  await moveTo(0.4);
  await page.mouse.down();
  await moveTo(0.45);
  await moveTo(0.5);
  await page.mouse.up();
  await page.until("window.preview.page.incidents.length === 3");
  assert.equal((await counts())[1], 3);
  // a click marks as much as the trigger window
  await moveTo(0.7);
  await page.mouse.down();
  await page.mouse.up();
  await page.until("window.preview.page.incidents.length === 4");
  const last = await page.run("window.preview.page.incidents.at(-1)");
  assert.equal(last.to - last.from, 900);
  assertQuiet(page);
  await page.close();
});

/** Lets files fall onto the page: name and text of each; a text that begins with `gz` stands for compressed bytes. */
const drop = (page, files) => page.run(`(() => {
  const data = new DataTransfer();
  ${JSON.stringify(files)}.forEach(([name, text]) => data.items.add(new File([text === "gz" ? new Uint8Array([31, 139, 8, 0, 0, 0]) : text], name)));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
})()`);
const message = (page) => page.run("document.getElementById('message').textContent");

test("files that are dropped and a text that is pasted are incidents, and what is none is told beside the rest", async () => {
  const page = await open();
  const incidents = () => page.run("window.preview.page.incidents.map(({ label }) => label)");
  await drop(page, [["one.csv", `from,to,label\n${START},${START + 60},first\n`], ["two.json", JSON.stringify([{ from: START + 600, to: START + 900, label: "second" }])]]);
  await page.until("window.preview.page.incidents.length === 2");
  assert.deepEqual(await incidents(), ["first", "second"]);
  assert.equal(await message(page), "");
  for (const [file, said] of [
    [["history.csv", "time,value\n60,1\n120,2\n"], /^history.csv: line 1: needs from,to with two times.*\n.*fluent-anomaly report --input FILE$/],
    [["empty.csv", ""], /^empty.csv: no incident in it/],
    [["incidents.csv.gz", "gz"], /^incidents.csv.gz: no text: unpack it first/],
    [["odd.json", "[{"], /^odd.json: .*JSON/],
    [["turned.csv", `${START + 60},${START}`], /^turned.csv: line 1: needs from,to with two times, the second not before the first/],
  ]) {
    await drop(page, [file, ["third.csv", `${START + 1200},${START + 1260},third`]]);
    await page.until("document.getElementById('message').textContent !== '' && window.preview.page.incidents.length === 3");
    assert.match(await message(page), said);
    await page.run("document.querySelector('#incidents li:nth-child(3) button[aria-label]').click()");
  }
  await page.run(`document.dispatchEvent(Object.assign(new ClipboardEvent("paste", { clipboardData: new DataTransfer(), bubbles: true })))`);
  await page.run(`(() => { const clipboardData = new DataTransfer(); clipboardData.setData("text", "${START + 1200},${START + 1260},pasted"); document.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true })); })()`);
  await page.until("window.preview.page.incidents.length === 3");
  assert.deepEqual(await incidents(), ["first", "second", "pasted"]);
  assert.equal(await message(page), "");
  assert.match(await page.run("location.href"), /report.html/);
  await page.run("document.getElementById('overview-open').click()");
  await drop(page, [["one.csv", `${START},${START + 60}`]]);
  await page.until("document.getElementById('message').textContent.startsWith('Incidents belong to a series')");
  assertQuiet(page);
  await page.close();
});

test("keys move and zoom, the picker searches, algorithms stand side by side", async () => {
  const page = await open();
  const range = () => page.run("[...window.preview.view.state.view]");
  await page.run("document.getElementById('evaluation').focus()");
  const [from, to] = await range();
  await press(page, "ArrowLeft");
  assert.ok((await range())[0] < from);
  await press(page, "+");
  const [left, right] = await range();
  assert.ok(right - left < to - from);
  await page.run("document.getElementById('series').focus(); document.getElementById('series').value = ''");
  await press(page, "b");
  await press(page, "Enter");
  await page.until("window.preview.page.index === 1");
  await page.run("document.getElementById('compare').click()");
  await page.until("document.querySelectorAll('#comparison canvas').length === 3");
  const texts = await page.run("[...document.querySelectorAll('#comparison p')].map((p) => p.textContent)");
  assert.equal(new Set(texts).size, 3, texts.join(" | "));
  assertQuiet(page);
  await page.close();
});

test("suggested parameters are those of monitor suggest", async () => {
  const page = await open();
  await page.run("document.getElementById('suggest').click()");
  await page.until("!document.getElementById('reasons').hidden");
  const suggested = JSON.parse(run("monitor", "suggest", "-i", "history.csv", "--by", "host", "--format", "json"));
  const text = JSON.stringify(suggested);
  const reasons = await page.run("[...document.querySelectorAll('#reasons li')].map((li) => li.textContent.replace(/^\\w+: /, ''))");
  assert.ok(reasons.length >= 4);
  const rows = await page.run("[...document.querySelectorAll('#backtest tbody tr')].map((row) => row.className)");
  assert.equal(rows.length, suggested.candidates?.length ?? rows.length);
  assert.ok(rows.length >= 12 && rows.filter((name) => name === "chosen").length === 1, `${rows}`);
  for (const reason of reasons) assert.ok(text.includes(JSON.stringify(reason).slice(1, -1)), `${reason} in ${text}`);
  assertQuiet(page);
  await page.close();
});

test("both sizes and themes show everything without sideways scrolling", async () => {
  for (const theme of ["light", "dark"]) {
    for (const size of [{}, { width: 390, height: 844, phone: true }]) {
      const page = await open({ theme, ...size });
      const [wide, window, charts] = await page.run("[document.documentElement.scrollWidth, innerWidth, document.querySelectorAll('.chart canvas').length]");
      assert.ok(wide <= window, `${wide} px in ${window}`);
      assert.equal(charts, 5);
      const back = await page.run("getComputedStyle(document.body).backgroundColor");
      assert.equal(back, theme === "dark" ? "rgb(18, 21, 27)" : "rgb(255, 255, 255)");
      assertQuiet(page);
      await page.close();
    }
  }
});

test("few and odd points show a page with words and axes, never a blank one", async () => {
  for (const [input, points] of [["0,1\n60,2\n", 2], ["0,5\n60,5\n120,5\n", 3], ["60,1e308\n120,-1e308\n180,1e308\n", 3], ["-60,1\n4000000000,2\n", 2], ["0,1\n60,\n120,\n180,4\n", 2]]) {
    writeFileSync(file("few.csv"), `time,value\n${input}`);
    run("report", "-i", "few.csv", "-o", "few.html");
    const page = await open({ file: "few.html" });
    assert.match(await page.run("document.getElementById('message').textContent"), /No suggestion: history of \d points/, input);
    const counts = await page.run("document.getElementById('counts').textContent");
    assert.ok(counts.includes(`Points${points}`) || counts.includes(`too large)${points}`), `${input}: ${counts}`);
    const lefts = await page.run("[...document.querySelectorAll('.chart .u-over')].map((plot) => plot.getBoundingClientRect().left)");
    assert.equal(lefts.length, 5);
    assert.equal(new Set(lefts).size, 1, `${input}: plots begin at ${lefts}`);
    assertQuiet(page);
    await page.close();
  }
});

/** Runs `report --serve` while something is done with its page. */
async function serving(options, use) {
  const server = spawn(BINARY, ["report", ...options, "--serve"], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  try {
    await use(await new Promise((resolve) => server.stdout.on("data", (text) => resolve(String(text).match(/http:\S+/)[0]))));
  } finally {
    server.kill();
  }
}

test("--serve follows the configuration, and keeps the last good page when that is broken", async () => {
  writeFileSync(file("served.ini"), CONFIG);
  await serving(["-i", "history.csv", "-c", "served.ini"], async (url) => {
    const page = await browser.page({ url: `${url}#series=a` });
    await page.ready();
    writeFileSync(file("served.ini"), CONFIG.replace("'agile', 3", "'agile', 2.5"));
    await page.until("document.getElementById('query')?.textContent.includes(\"'agile', 2.5\")");
    writeFileSync(file("served.ini"), CONFIG.replace("warning: 0.3", "warning: 7"));
    await page.until("document.getElementById('message')?.textContent.includes('warning: 7 is not allowed')");
    await page.ready();
    assert.equal(await page.run("document.querySelectorAll('.chart canvas').length"), 5);
    await page.close();
  });
});

test("--serve takes new records in without loading the page anew, and what was turned stays turned", async () => {
  const lines = readFileSync(file("history.csv"), "utf8").trim().split("\n");
  writeFileSync(file("growing.csv"), lines.slice(0, -600).join("\n"));
  await serving(["-i", "growing.csv", "-c", "f.ini"], async (url) => {
    const page = await browser.page({ url: `${url}#series=b` });
    await page.ready();
    await page.run("window.untouched = true; window.preview.set({ deviations: '4' })");
    const points = await page.run("window.preview.page.reply.summary.points");
    writeFileSync(file("growing.csv"), lines.join("\n"));
    await page.until(`window.preview.page.reply?.summary.points === ${points + 600}`);
    assert.equal(await page.run("window.untouched"), true);
    assert.equal(await page.run("window.preview.page.reply.query.includes(\"'agile', 4\")"), true);
    assertQuiet({ ...page, requests: [] });
    await page.close();
  });
});

test("--serve --follow opens before its file is there, and records arrive without a reload over a rename and a cut", async () => {
  const path = file("scored.jsonl");
  const records = (from, to) => Array.from({ length: to - from }, (_, n) => JSON.stringify({ time: START + 60 * (from + n), host: "a", value: 100 + ((from + n) * 7919) % 97 }) + "\n").join("");
  await serving(["-c", "f.ini", "--follow", "scored.jsonl"], async (url) => {
    const page = await browser.page({ url });
    await page.until("document.querySelector('h1').textContent === 'Waiting for records'");
    writeFileSync(path, records(0, 3000));
    await page.ready();
    await page.until("window.preview?.page.reply?.summary.points === 3000");
    await page.run("window.untouched = true; window.preview.set({ deviations: '4' })");
    const shows = (points) => page.until(`window.preview.page.reply?.summary.points === ${points}`);
    appendFileSync(path, records(3000, 3100));
    await shows(3100);
    renameSync(path, file("scored.jsonl.1"));
    writeFileSync(path, records(3100, 3200));
    await shows(3200);
    writeFileSync(path, records(3200, 3250));
    await shows(3250);
    assert.equal(await page.run("window.untouched"), true);
    assert.equal(await page.run("window.preview.page.reply.query.includes(\"'agile', 4\")"), true);
    assertQuiet({ ...page, requests: [] });
    await page.close();
  });
});

test("several series open with a ranked list of all; a click opens one, and the list comes back", async () => {
  const page = await open({ hash: "" });
  assert.equal(await page.run("document.getElementById('charts').hidden"), true);
  assert.equal(await page.run("document.getElementById('series').value"), "", "none is chosen yet");
  await page.until("window.preview.overview.rows.filter((row) => row?.alerts !== undefined).length === 2");
  const rows = await page.run("[...document.querySelectorAll('.overview-row')].map((row) => row.textContent)");
  assert.equal(rows.length, 2);
  for (const row of rows) assert.match(row, /^[ab]\d+ alarms? · \d+ alerts? · \w+ of [\d.]+ deviations at 2025-/);
  const sizes = await page.run("[...document.querySelectorAll('.overview-name')].map((name) => window.preview.overview.rows[window.preview.meta.series.findIndex((series) => series.name === name.textContent)].size)");
  assert.ok(sizes[0] >= sizes[1], `${sizes}`);
  await page.run("document.getElementById('overview-search').value = 'b'; document.getElementById('overview-search').dispatchEvent(new Event('input'))");
  assert.deepEqual(await page.run("[...document.querySelectorAll('.overview-name')].map((name) => name.textContent)"), ["b"]);
  await page.run("document.querySelector('.overview-row').click()");
  await page.until("window.preview.page.reply && !document.getElementById('charts').hidden");
  assert.equal(await page.run("document.getElementById('series').value"), "b");
  // who looks into the list of names and leaves it again stays where they are
  await page.run("document.getElementById('series').focus()");
  await press(page, "Escape");
  assert.equal(await page.run("document.getElementById('series').value"), "b");
  await page.run("document.getElementById('overview-open').click()");
  await page.until("!document.getElementById('overview').hidden");
  assertQuiet(page);
  await page.close();
});

test("alarms of the budget are those of the filter, and a smaller budget raises fewer", async () => {
  const page = await open();
  const input = readFileSync(file("history.csv"), "utf8").split("\n").slice(1).map((line) => line.split(",")).filter(([, , host]) => host === "a").map(([time, value]) => `{"time":${time},"value":${value}}`).join("\n");
  const seen = [];
  for (const alarms of ["1/hour", "1/week"]) {
    await page.run(`window.preview.set({ alarms: "${alarms}" })`);
    const columns = await columnsOf(page);
    const found = await page.run("window.preview.page.alarms");
    writeFileSync(file("alarms.ini"), `[filter]\nstate: off\n[series.s]\nmatch: *\nvalue: $value\ntime: $time\nalarms: ${alarms}\n`);
    const out = execFileSync(BINARY, ["filter", "-c", "alarms.ini", "--tag", "x"], { input, cwd: folder, encoding: "utf8", maxBuffer: 1 << 28 });
    const starts = [];
    out.trim().split("\n").forEach((line, row) => {
      const record = JSON.parse(line);
      assert.ok(Object.is(columns.rarity[row], record.anomaly_score ?? null), `row ${row}: ${columns.rarity[row]} and ${record.anomaly_score}`);
      if (record.alarm === "start") starts.push(record.time);
    });
    assert.deepEqual(found.map(({ from }) => from), starts);
    assert.match(await page.run("document.getElementById('alarms').textContent"), /usual deviations/);
    seen.push(starts.length);
  }
  assert.ok(seen[1] >= 1 && seen[0] >= seen[1], `${seen}`);
  await page.run("window.preview.set({ alarms: 'off' })");
  assert.deepEqual(await page.run("window.preview.page.alarms"), []);
  assertQuiet(page);
  await page.close();
});

test("settings are undone, redone and reset, a change tells what it changed, and the address carries them", async () => {
  const page = await open();
  const deviations = () => page.run("document.querySelector('[name=deviations]').value");
  await page.run("window.preview.set({ deviations: '1' })");
  assert.match(await page.run("document.getElementById('counts').textContent"), /Alerts\d+ \(was \d+\), [\d.]+ a week/);
  await page.until("window.preview.trail.entries.length === 2");
  const hash = await page.run("location.hash");
  await page.run("document.getElementById('undo').click()");
  assert.equal(await deviations(), "3");
  await page.run("document.getElementById('redo').click()");
  assert.equal(await deviations(), "1");
  await page.run("document.getElementById('reset').click()");
  assert.equal(await deviations(), "3");
  await page.close();
  const shared = await open({ hash });
  assert.equal(await shared.run("document.querySelector('[name=deviations]').value"), "1");
  assert.equal(await shared.run("window.preview.page.reply.query.includes(\"'agile', 1,\")"), true);
  assertQuiet(shared);
  await shared.close();
});
