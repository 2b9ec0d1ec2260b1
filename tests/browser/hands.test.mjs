// The page by touch and by keyboard alone.
//
// Run: node --test tests/browser/*.test.mjs

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertQuiet, press, startSite } from "./site.mjs";

let site;
before(async () => { site = await startSite(); });
after(() => site?.close());

const PHONE = { width: 390, height: 844, phone: true };
const range = (page, which = "view") => page.run(`[...window.preview.view.state.${which}]`);
const near = (one, other, by) => assert.ok(Math.abs(one - other) <= by, `${one} and ${other} are within ${by}`);

/** Fingers on a chart: `move` takes places as parts of its width, and of its height from the middle. */
async function fingersOn(page, chart) {
  await page.run(`document.getElementById("${chart}").scrollIntoView({ block: "center" })`);
  const box = await page.run(`(({ x, y, width, height }) => ({ x, y, width, height }))(document.querySelector("#${chart} .u-over").getBoundingClientRect())`);
  const points = (places) => places.map(([x, y = 0], id) => ({ id, x: box.x + x * box.width, y: box.y + (0.5 + y) * box.height }));
  const send = (type, places) => page.ask("Input.dispatchTouchEvent", { type, touchPoints: points(places) });
  return {
    async move(from, to) {
      await send("touchStart", from);
      for (let step = 1; step <= 8; step += 1) {
        await send("touchMove", from.map((place, finger) => place.map((at, axis) => at + ((to[finger][axis] - at) * step) / 8)));
        await page.run("new Promise(requestAnimationFrame)");
      }
      await send("touchEnd", []);
    },
    tap: async (place) => { await send("touchStart", [place]); await send("touchEnd", []); },
  };
}

test("one finger moves through time, and what lies under it stays under it", async () => {
  const page = await site.open(PHONE);
  await page.run("window.preview.view.set('view', [1735900000, 1735950000])");
  for (const chart of ["evaluation", "share", "scores"]) {
    const [from, to] = await range(page);
    const fingers = await fingersOn(page, chart);
    await fingers.move([[0.3, 0]], [[0.7, 0]]);
    const [left, right] = await range(page);
    near(right - left, to - from, 1);
    // the browser takes the first pixels to see which way the finger goes
    near(left, from - 0.4 * (to - from), 0.1 * (to - from));
  }
  assert.equal(await page.run("window.scrollX"), 0);
  assertQuiet(page);
  await page.close();
});

test("two fingers zoom about what lies between them, in and out, and the page keeps its size", async () => {
  const page = await site.open(PHONE);
  await page.run("window.preview.view.set('view', [1735900000, 1735950000])");
  const fingers = await fingersOn(page, "evaluation");
  const [from, to] = await range(page);
  await fingers.move([[0.4, 0], [0.6, 0]], [[0.2, 0], [0.8, 0]]);
  const [left, right] = await range(page);
  near((right - left) / (to - from), 1 / 3, 0.05);
  near((left + right) / 2, (from + to) / 2, 0.05 * (to - from));
  await fingers.move([[0.1, 0], [0.9, 0]], [[0.4, 0], [0.6, 0]]);
  const [first, last] = await range(page);
  near((last - first) / (right - left), 4, 0.6);
  // both fingers together move as well
  await fingers.move([[0.3, 0], [0.5, 0]], [[0.5, 0], [0.7, 0]]);
  const [start, end] = await range(page);
  near((end - start) / (last - first), 1, 0.05);
  assert.ok(start < first);
  assert.equal(await page.run("visualViewport.scale"), 1);
  const shown = await page.run("[window.preview.page.shown.time[0], window.preview.page.shown.time.at(-1)]");
  assert.ok(shown[0] <= start + 60 && shown[1] >= end - 60, "what is drawn is what was zoomed to");
  assertQuiet(page);
  await page.close();
});

test("the historical view zooms under two fingers, and a tap brings a part of it below", async () => {
  const page = await site.open(PHONE);
  const [from, to] = await range(page, "context");
  const fingers = await fingersOn(page, "history");
  await fingers.tap([0.25, 0]);
  await page.until(`(([left, right]) => Math.abs((left + right) / 2 - ${from + 0.25 * (to - from)}) < ${0.02 * (to - from)})(window.preview.view.state.view)`);
  await fingers.move([[0.4, 0], [0.6, 0]], [[0.1, 0], [0.9, 0]]);
  const [left, right] = await range(page, "context");
  near((right - left) / (to - from), 0.25, 0.05);
  assertQuiet(page);
  await page.close();
});

test("a finger that goes up or down scrolls the page and leaves the time alone", async () => {
  const page = await site.open(PHONE);
  const before = await range(page);
  const fingers = await fingersOn(page, "evaluation");
  const top = await page.run("window.scrollY");
  await fingers.move([[0.5, 0.3]], [[0.5, -0.3]]);
  await page.until(`window.scrollY > ${top} + 20`);
  assert.deepEqual(await range(page), before);
  await page.close();
});

test("a finger marks an incident while incidents are marked, and a tap reads a point", async () => {
  const page = await site.open(PHONE);
  const fingers = await fingersOn(page, "evaluation");
  await fingers.tap([0.5, 0]);
  await page.until("/expected|no band/.test(document.getElementById('readout').textContent)");
  await page.run("document.getElementById('mark').click()");
  const [from, to] = await range(page);
  await fingers.move([[0.4, 0]], [[0.6, 0]]);
  await page.until("window.preview.page.incidents.length === 1");
  const incident = await page.run("window.preview.page.incidents[0]");
  near(incident.from, from + 0.4 * (to - from), 0.03 * (to - from));
  near(incident.to, from + 0.6 * (to - from), 0.03 * (to - from));
  assert.deepEqual(await range(page), [from, to]);
  assertQuiet(page);
  await page.close();
});

/** What has the focus: an id, a name, or a part of a button's data. */
const FOCUSED = `((element) => element.id || element.name || JSON.stringify(element.dataset) + element.tagName + element.textContent)(document.activeElement)`;

test("Tab reaches every control in the order in which it is read, and shows where it is", async () => {
  const page = await site.open();
  await page.run(`document.querySelectorAll("details").forEach((details) => { details.open = true; }); document.getElementById("mark-shown").click(); document.activeElement.blur(); 0`);
  const wanted = await page.run(`[...document.querySelectorAll("button, input, select, summary, pre, [tabindex]")].filter((element) => element.checkVisibility() && !element.disabled).map((element) => element.id || element.name || JSON.stringify(element.dataset) + element.tagName + element.textContent)`);
  assert.ok(wanted.length > 45, `${wanted.length} controls`);
  const reached = [];
  for (let turn = 0; turn < wanted.length; turn += 1) {
    await press(page, "Tab");
    reached.push(await page.run(FOCUSED));
    const outline = await page.run("(({ outlineStyle, outlineWidth }) => `${outlineStyle} ${outlineWidth}`)(getComputedStyle(document.activeElement))");
    assert.ok(/^(solid|auto) [1-9]/.test(outline), `${reached.at(-1)}: ${outline}`);
  }
  assert.deepEqual(reached, wanted);
  await page.close();
});

test("every parameter is set by keys alone, and evaluated at once", async () => {
  const page = await site.open();
  const names = await page.run("[...document.querySelectorAll('#controls [name]')].map((control) => [control.name, control.tagName === 'SELECT', control.inputMode === 'decimal'])");
  assert.equal(names.length, 29);
  const typed = { timezone: "Europe/Vienna", metric: "sum:x{*}", trigger_window: "last_10m", recovery_window: "last_5m", query_window: "last_4h" };
  for (const [name, choice, number] of names) {
    await page.run(`document.querySelector("[name=${name}]").focus(); document.querySelector("[name=${name}]").select?.(); window.before = window.preview.page.reply; 0`);
    const before = await page.run(`document.querySelector("[name=${name}]").value`);
    if (choice) {
      const last = await page.run(`((select) => select.selectedIndex === select.options.length - 1)(document.querySelector("[name=${name}]"))`);
      await press(page, last ? "ArrowUp" : "ArrowDown");
    } else if (number) await press(page, "ArrowUp");
    else await page.keyboard.insertText(typed[name]);
    const now = await page.run(`document.querySelector("[name=${name}]").value`);
    assert.notEqual(now, before, name);
    await page.until(`window.preview.page.reply !== window.before || window.preview.page.refused`);
    const refused = await page.run("window.preview.page.refused");
    // one that does not suit the others is told at its place; it goes back for the next
    if (refused) {
      assert.ok(await page.run("document.querySelector('.problem:not(:empty)') !== null || !document.getElementById('message').hidden"), name);
      await page.run(`window.preview.set({ ${name}: ${JSON.stringify(before)} })`);
    }
  }
  assertQuiet(page);
  await page.close();
});

test("buttons, details and the list of series do their work by keys alone", async () => {
  const page = await site.open();
  const at = (selector) => page.run(`document.querySelector('${selector}').focus()`);
  for (const [selector, key, expected] of [
    ["[data-range=\"3600\"]", "Enter", "Math.round(window.preview.view.state.view[1] - window.preview.view.state.view[0]) === 3600"],
    ["[data-move=\"-1\"]", " ", "window.preview.view.state.view[1] < window.preview.view.state.context[1]"],
    ["[data-zoom=\"0.5\"]", "Enter", "Math.round(window.preview.view.state.view[1] - window.preview.view.state.view[0]) === 1800"],
    ["[data-range=\"0\"]", " ", "window.preview.view.state.view[0] === window.preview.view.state.context[0]"],
    ["#mark", "Enter", "document.getElementById('mark').getAttribute('aria-pressed') === 'true'"],
    ["#mark", " ", "document.getElementById('mark').getAttribute('aria-pressed') === 'false'"],
    ["#theme", "Enter", "document.documentElement.dataset.theme === 'light'"],
    ["#suggest", "Enter", "!document.getElementById('reasons').hidden"],
    ["#compare", " ", "document.querySelectorAll('#comparison canvas').length === 3"],
    ["[data-copy=\"ini\"]", "Enter", "document.getElementById('copied').textContent === 'ini copied'"],
    ["#explanation summary", "Enter", "document.getElementById('explanation').open"],
    ["#incidents summary", " ", "document.getElementById('incidents').open"],
    ["#mark-shown", "Enter", "window.preview.page.incidents.length === 1"],
    ["#incidents li button", "Enter", "window.preview.page.incidents.length === 1"],
    ["#incidents li button[aria-label]", "Enter", "window.preview.page.incidents.length === 0"],
    ["#evaluation", "m", "document.getElementById('mark').getAttribute('aria-pressed') === 'true'"],
  ]) {
    await at(selector);
    await press(page, key);
    await page.until(expected, 8000);
  }
  await at("#series");
  await press(page, "ArrowDown");
  await press(page, "ArrowDown");
  await press(page, "Enter");
  await page.until("window.preview.page.index === 1 && window.preview.page.reply");
  assertQuiet(page);
  await page.close();
});

test("comma and full stop read the points of a chart aloud", async () => {
  const page = await site.open();
  await page.run("window.preview.view.length(3600); document.getElementById('evaluation').focus()");
  await page.until("window.preview.page.shown.time.length < 100");
  await press(page, ".");
  const first = await page.run("document.getElementById('spoken').textContent");
  assert.match(first, /^2025-01-06 \d\d:\d\d · [\d.]+ · (expected|no band)/);
  await press(page, ".");
  const second = await page.run("document.getElementById('spoken').textContent");
  assert.notEqual(second, first);
  await press(page, ",");
  assert.equal(await page.run("document.getElementById('spoken').textContent"), first);
  await page.close();
});
