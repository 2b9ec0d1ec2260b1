// The list of all series, what is said of a control, and addresses.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { writeFileSync } from "node:fs";
import { START, assertQuiet, startSite } from "./site.mjs";

const LONG = `ip-10-0-0-1.eu-central-1.compute.internal/${"x".repeat(120)}`;
let site;

before(async () => {
  site = await startSite();
  const lines = ["time,value,host"];
  for (let n = 0; n < 400; n += 1) lines.push(`${START + 60 * n},${n % 7},${LONG}`, `${START + 60 * n},${n % 5},<b>&amp;`);
  writeFileSync(site.file("names.csv"), lines.join("\n"));
  site.run("report", "-i", "names.csv", "-o", "names.html");
});
after(() => site?.close());

const text = (page, id) => page.run(`document.getElementById(${JSON.stringify(id)}).textContent`);
const isDisabled = (page, id) => page.run(`document.getElementById(${JSON.stringify(id)}).disabled`);
const scanned = (page, alarms) => page.until(`JSON.parse(window.preview.overview.done ?? "{}").alarms === ${JSON.stringify(alarms)}`);
const choose = (page, value) => page.run(`(() => {
  const control = document.getElementById("control-alarms");
  control.value = ${JSON.stringify(value)};
  control.dispatchEvent(new Event("input", { bubbles: true }));
})()`);

test("settings that are turned in the list are counted for all series, undone, redone and reset, and the address carries them", async () => {
  const page = await site.open({ hash: "" });
  await scanned(page, "1/week");
  const first = await text(page, "overview-found");
  assert.match(first, /^\d+ alarms? in \d of 2 series · \d+ alerts?$/);
  assert.ok(await isDisabled(page, "undo"));
  await choose(page, "1/hour");
  await scanned(page, "1/hour");
  assert.match(await text(page, "overview-found"), /^\d+ alarms \(was \d+\) in /);
  await page.until("!document.getElementById('undo').disabled");
  assert.match(await page.run("location.hash"), /set\.alarms=1%2Fhour/);
  await page.run("document.getElementById('undo').click()");
  await scanned(page, "1/week");
  assert.equal(await text(page, "overview-found"), first);
  assert.ok(!(await isDisabled(page, "redo")));
  await page.run("document.getElementById('redo').click()");
  await scanned(page, "1/hour");
  await page.run("document.getElementById('reset').click()");
  await scanned(page, "1/week");
  assertQuiet(page);
  await page.close();
});

test("opening series makes no step that undo would have to take back", async () => {
  const page = await site.open({ hash: "" });
  await scanned(page, "1/week");
  const steps = () => page.run("window.preview.trail.entries.length");
  const before = await steps();
  for (const name of ["a", "b", "a"]) {
    await page.run(`[...document.querySelectorAll(".overview-row")].find((row) => row.title === "${name}").click()`);
    await page.until(`!window.preview.overview.open && document.getElementById("series").value === "${name}" && window.preview.page.reply !== null && document.getElementById("busy").textContent === ""`);
    await page.run("document.getElementById('overview-open').click()");
    await page.until("window.preview.overview.open");
  }
  await new Promise((resolve) => setTimeout(resolve, 800)); // a knob's wait
  assert.equal(await steps(), before);
  await page.close();
});

test("the list says what its marks mean, and a long name keeps its row small", async () => {
  const page = await site.open({ file: "names.html", hash: "" });
  await page.until("window.preview.overview.done");
  for (const word of ["value", "alarm", "outlier of its group", "several series"]) assert.ok((await text(page, "overview-legend")).includes(word), word);
  const rows = await page.run("[...document.querySelectorAll('.overview-row')].map((row) => [row.title, row.clientHeight])");
  assert.deepEqual(rows.map(([title]) => title).sort(), ["<b>&amp;", LONG]);
  assert.ok(rows.every(([, height]) => height < 60), JSON.stringify(rows));
  await page.close();
});

test("a control that has the focus says what it does, over what follows and without moving it", async () => {
  const page = await site.open();
  const place = "JSON.stringify(document.getElementById('control-direction').getBoundingClientRect())";
  const was = await page.run(place);
  await page.run("document.getElementById('control-algorithm').focus()");
  await page.keyboard.press("Tab");
  const help = await page.run(`(() => {
    const input = document.activeElement;
    const [, help] = input.getAttribute("aria-describedby").split(" ").map((id) => document.getElementById(id));
    const box = help.getBoundingClientRect();
    return { key: input.name, text: help.textContent, below: box.top >= input.getBoundingClientRect().bottom, inside: box.left >= 0 && box.right <= innerWidth, width: box.width };
  })()`);
  assert.deepEqual([help.key, help.below, help.inside], ["deviations", true, true]);
  assert.match(help.text, /width of the band/);
  assert.ok(help.width > 100);
  assert.equal(await page.run(place), was);
  await page.close();
});

test("a point within an alarm is read with the alarm's reason, its value and what was expected", async () => {
  const page = await site.open({ hash: "#series=a" });
  assert.ok(await page.run("window.preview.page.alarms.length > 0"));
  await page.run("(() => { const [{ from }] = window.preview.page.alarms; window.preview.view.set('view', [from - 30, from + 600]); document.getElementById('evaluation').focus(); })()");
  await page.until("(() => { const [{ from }] = window.preview.page.alarms; return window.preview.page.shown?.time.includes(from); })()");
  for (let n = 0; n < 3 && !(await text(page, "readout")).includes("alarm: "); n += 1) await page.keyboard.press(".");
  const [alarm] = await page.run("window.preview.page.alarms.map(({ reason }) => reason)");
  assert.match(await text(page, "readout"), new RegExp(`alarm: ${alarm}, [-\\d.]+ instead of [-\\d.]+$`));
  await page.close();
});

test("an address of a series that is not there is told, and one that is typed anew is gone to", async () => {
  const page = await site.open({ hash: "#series=nobody&set.alarms=1%2Fday" });
  assert.match(await text(page, "message"), /names the series "nobody", which this page does not have/);
  assert.equal(await page.run("document.getElementById('control-alarms').value"), "1/day");
  await page.run("(() => { document.documentElement.dataset.ready = 'false'; location.hash = '#series=b'; })()").catch(() => {});
  await page.ready();
  await page.until("document.getElementById('series').value === 'b'");
  assert.equal(await text(page, "message"), "");
  await page.close();
});
