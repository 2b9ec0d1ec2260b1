// All series together on the page: one budget for all, and each beside the others, against `fluent-anomaly filter`.
//
// Run: node --test tests/browser/*.test.mjs

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { BINARY, START, assertQuiet, startSite } from "./site.mjs";

const HOSTS = 8;
const MINUTES = 6 * 1440;
const DEPLOY = 6000; // shifts five of the hosts for half an hour
const SICK = 8000; // from then on the last host is apart from the others

const INI = `[series.s]
match: *
value: $value
by: $host
time: $time
alarms: 1/day for all

[group.s]
on: s
across: $host
alarms: 1/day
`;

let site;
let records;
before(async () => {
  site = await startSite();
  let state = 11;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const csv = ["time,value,host"];
  records = [];
  for (let n = 0; n < MINUTES; n += 1) {
    for (let host = 0; host < HOSTS; host += 1) {
      const shift = (n >= DEPLOY && n < DEPLOY + 30 && host < 5 ? 14 : 0) + (n >= SICK && host === HOSTS - 1 ? 7 : 0);
      const value = (100 + 20 * Math.sin((2 * Math.PI * n) / 1440) + normal() + shift).toFixed(3);
      csv.push(`${START + 60 * n},${value},h${host}`);
      records.push(`{"time":${START + 60 * n},"value":${value},"host":"h${host}"}`);
    }
  }
  writeFileSync(site.file("fleet.csv"), csv.join("\n"));
  writeFileSync(site.file("fleet.ini"), INI);
  site.run("report", "-i", "fleet.csv", "-c", "fleet.ini", "-o", "fleet.html");
});
after(() => site?.close());

test("alarms under one budget for all, and outliers of a group, are those of the filter", async () => {
  const out = execFileSync(BINARY, ["filter", "-c", site.file("fleet.ini"), "--tag", "x"], { input: records.join("\n"), cwd: site.folder, encoding: "utf8", maxBuffer: 1 << 30 });
  const alarming = new Map();
  const apart = new Map();
  const incidents = [];
  const reasons = new Map();
  for (const line of out.trim().split("\n")) {
    const record = JSON.parse(line);
    const add = (map) => map.set(record.host, [...(map.get(record.host) ?? []), record.time]);
    if (record.is_alarm) add(alarming);
    if (record.is_alarm) reasons.set(`${record.host} ${record.time}`, record.anomaly_reason.kind);
    if (record.anomaly_group?.is_outlier) add(apart);
    if (record.incident?.event === "start") incidents.push(record.incident.started);
  }
  assert.ok(incidents.length >= 1 && alarming.size >= 5 && apart.has(`h${HOSTS - 1}`), `${incidents} ${[...apart.keys()]}`);
  const page = await site.open({ file: "fleet.html", hash: "" });
  await page.until("window.preview.overview.done");
  const found = await page.run("({ names: window.preview.meta.series.map(({ name }) => name), incidents: window.preview.together.incidents, alarms: window.preview.together.alarms, outliers: window.preview.together.outliers })");
  assert.deepEqual(found.incidents.map(({ from }) => from), incidents);
  const largest = found.incidents.reduce((most, incident) => (incident.series > most.series ? incident : most));
  // it may have begun with an alarm shortly before
  const deploy = START + 60 * DEPLOY;
  assert.ok(largest.series >= 5 && largest.from <= deploy + 120 && largest.to >= deploy, JSON.stringify(largest));
  found.names.forEach((name, index) => {
    // an alarm keeps the reason that it began with: sizes of two kinds do not compare
    found.alarms[index].forEach(({ from, reason }) => assert.equal(reason, reasons.get(`${name} ${from}`), `${name} ${from}`));
    for (const [stretches, times] of [[found.alarms[index], alarming.get(name) ?? []], [found.outliers[index], apart.get(name) ?? []]]) {
      const within = (time) => stretches.some(({ from, to }) => time >= from && time <= to);
      assert.ok(times.every(within), `${name}: ${times.filter((time) => !within(time))} missing`);
      for (const { from, to } of stretches) assert.ok(times.includes(from) && times.includes(to), `${name}: ${from} to ${to}`);
    }
  });
  assertQuiet(page);
  await page.close();
});

test("the list shows incidents of several series, and the series the one it belongs to", async () => {
  const page = await site.open({ file: "fleet.html", hash: "" });
  await page.until("window.preview.overview.done");
  assert.match(await page.run("document.getElementById('overview-shared').textContent"), /incidents? of several series: .*[5-8] series at 2025-01-05/);
  assert.match(await page.run("document.getElementById('overview-list').textContent"), /× outlier of the group/);
  await page.run("window.preview.show(0)");
  await page.until("window.preview.page.reply && document.getElementById('alarms').textContent.includes('series of an incident')");
  assert.match(await page.run("document.getElementById('counts').textContent"), /Incidents of all series\d+.*Outlier of its group\d+/);
  // each for itself, and nothing beside it
  await page.run("window.preview.set({ alarms: '1/week', group: 'off' })");
  assert.equal(await page.run("window.preview.together.alarms"), null);
  assert.doesNotMatch(await page.run("document.getElementById('counts').textContent"), /of its group/);
  assertQuiet(page);
  await page.close();
});

test("a link carries the budget for all and the group, and the copied sections have them", async () => {
  const page = await site.open({ file: "fleet.html", hash: "#series=h7" });
  await page.run("window.preview.set({ alarms: '1/week for all', group: 'mad', tolerance: '4' })");
  await page.until("location.hash.includes('set.group=mad')");
  const hash = await page.run("location.hash");
  const ini = await page.run("window.preview.page.reply.ini");
  assert.match(ini, /alarms: 1\/week for all\n[^]*\[group\.preview\]\non: preview\nacross: \$host\nalgorithm: mad\ntolerance: 4/);
  await page.close();
  const shared = await site.open({ file: "fleet.html", hash });
  assert.equal(await shared.run("document.querySelector('[name=alarms_for]').value"), "for all");
  assert.equal(await shared.run("document.querySelector('[name=group]').value"), "mad");
  assert.ok(await shared.run("window.preview.page.outliers.length > 0"));
  assertQuiet(shared);
  await shared.close();
});

test("windows of log records are series of the page", async () => {
  const lines = [];
  for (let second = 0; second < 4 * 3600; second += 1) {
    for (const host of ["a", "b"]) lines.push(JSON.stringify({ ts: START + second, status: second % 7 ? 200 : 500, host }));
  }
  writeFileSync(site.file("logs.jsonl"), lines.join("\n"));
  writeFileSync(site.file("logs.ini"), "[series.requests]\nmatch: web.*\nmeasure: count\nevery: 1m\nby: $host\ntime: $ts\n");
  site.run("report", "-i", "logs.jsonl", "-c", "logs.ini", "-o", "logs.html");
  const page = await site.open({ file: "logs.html", hash: "#series=b" });
  const shown = await page.run("window.preview.columns().then(({ time, value }) => [[...time].length, [...value].every((x) => x === 60)])");
  assert.ok(shown[0] >= 235 && shown[0] <= 240 && shown[1], `${shown}`);
  assertQuiet(page);
  await page.close();
});
