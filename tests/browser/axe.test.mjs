// What axe-core finds on the page: the list of all series, a series, and both with everything opened.
//
// Run: node --test tests/browser/*.test.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { startSite } from "./site.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { width: 390, height: 844, phone: true };

let site;
before(async () => { site = await startSite(); });
after(() => site?.close());

for (const [what, options] of [
  ["the list", { hash: "" }],
  ["the list on a phone, dark", { hash: "", theme: "dark", ...PHONE }],
  ["a series, dark", { theme: "dark" }],
  ["a series on a phone", PHONE],
]) {
  test(`axe finds no violation that is serious: ${what}`, async () => {
    const page = await site.open(options);
    if (options.hash === "") await page.until("window.preview.overview.done");
    else await page.run("document.querySelectorAll('details').forEach((details) => { details.open = true; }); document.getElementById('suggest').click()");
    await page.run(AXE);
    const found = await page.run("axe.run(document, { resultTypes: ['violations'] })");
    assert.ok(found.passes.length > 10, `${found.passes.length} rules were looked at`);
    const serious = found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
    assert.deepEqual(serious.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), []);
    await page.close();
  });
}
