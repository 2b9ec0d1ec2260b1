// The package as others use it: `cargo preview-pkg` builds it, npm packs it and installs it into a folder of its own.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { CHROMIUM, startChromium } from "../../../tests/browser/chromium.mjs";

const run = promisify(execFile);
const BUILT = new URL("../../../target/package/", import.meta.url).pathname;
const NAME = "fluent-anomaly-preview";
let folder, packed, Series, check;

const times = Float64Array.from({ length: 600 }, (_, n) => 60 * n);
const values = times.map((_, n) => (n === 500 ? 50 : (n * 7) % 5));
const settings = { algorithm: "basic", deviations: 3, trigger_window: "last_15m", interval: 60, critical: 0.8, r: 0.02, k: 4 };

const WARM_UP = 4 + 1 / 0.02 + 10 + 5; // k + 1/r + T1 + T2

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "fluent-anomaly-package-"));
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", folder], { cwd: BUILT });
  [packed] = Object.values(JSON.parse(stdout));
  await writeFile(join(folder, "package.json"), '{"private": true}');
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", join(folder, packed.filename)], { cwd: folder });
  const entry = createRequire(join(folder, "of.js")).resolve(NAME);
  const installed = await import(pathToFileURL(entry));
  ({ Series, check } = installed);
  await installed.default();
});

after(() => rm(folder, { recursive: true, force: true }));

test("the package holds what it names, and has the version of the repository", async () => {
  const named = JSON.parse(await readFile(join(folder, "node_modules", NAME, "package.json"), "utf8"));
  const files = new Set(packed.files.map(({ path }) => path));
  for (const file of [named.main, named.types, ...Object.values(named.exports["."]), named.exports["./engine.wasm"]]) {
    assert.ok(files.has(file.replace(/^\.\//, "")), file);
  }
  assert.ok(files.has("LICENSE") && files.has("examples/node.mjs"), [...files].join());
  const workspace = await readFile(new URL("../../../Cargo.toml", import.meta.url), "utf8");
  assert.equal(named.version, /^version = "(.*)"$/m.exec(workspace)[1]);
  assert.ok((await stat(join(folder, packed.filename))).size < 250_000);
});

test("the example for Node runs where the package is installed", async () => {
  const example = join("node_modules", NAME, "examples/node.mjs");
  await writeFile(join(folder, "example.mjs"), await readFile(join(folder, example), "utf8"));
  const { stdout } = await run("node", ["example.mjs"], { cwd: folder });
  assert.match(stdout, /^30000 s: 50 is not within -?[\d.]+ to [\d.]+\n$/);
});

test("the example for a browser runs where the package is served", async (context) => {
  if (!CHROMIUM) return context.skip("no Chromium");
  const kinds = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };
  const server = createServer(async (request, response) => {
    const body = await readFile(join(folder, request.url)).catch(() => null);
    response.writeHead(body ? 200 : 404, { "content-type": kinds[extname(request.url)] ?? "text/plain" }).end(body ?? "");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    const browser = await startChromium();
    const page = await browser.page({ url: `http://127.0.0.1:${server.address().port}/node_modules/${NAME}/examples/browser.html` });
    await page.until('document.getElementById("found")?.textContent === "30000 s: 50"');
    await browser.close();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("what the README shows is so", () => {
  assert.equal(check({ ...settings, deviations: -1 })[0].key, "deviations");
  assert.deepEqual(check(settings), []);
  const evaluation = new Series(times, values).evaluate(settings);
  assert.equal(evaluation.anomalous[500], 1);
  assert.ok(Number.isNaN(evaluation.lower[0]));
  assert.ok(evaluation.lower[100] < evaluation.upper[100]);
  const { summary, query } = evaluation.report;
  assert.deepEqual([summary.points, summary.judged, summary.anomalous, summary.alerts], [600, 585, 1, 0]);
  assert.match(query, /^avg\(last_75m\):anomalies\(avg:value\{\*\}, 'basic', 3, .*\) >= 0.8$/);
  assert.equal(new Series(times, values).suggest().settings.seasonality, "hourly"); // 60 is a multiple of 5
});

test("columns have a row for each point, scores as well", () => {
  const evaluation = new Series(times, values).evaluate(settings);
  for (const name of ["time", "value", "expected", "lower", "upper", "share", "outlier", "change"]) {
    assert.ok(evaluation[name] instanceof Float64Array, name);
    assert.equal(evaluation[name].length, 600, name);
  }
  assert.ok(evaluation.status instanceof Uint8Array);
  // the model warms up for k + 1/r + T1 + T2 points
  const first = evaluation.outlier.findIndex(Number.isFinite);
  assert.equal(first, WARM_UP);
  assert.ok(evaluation.outlier.slice(first).every(Number.isFinite) && evaluation.outlier.slice(0, first).every(Number.isNaN));
});

test("what is wrong is thrown with its words", () => {
  assert.throws(() => new Series(times, values.slice(1)), /600 times and 599 values/);
  assert.throws(() => new Series([0.5], [1]), /time of point 0: 0.5 is not allowed/);
  assert.throws(() => new Series(times, values).evaluate({ warning: 7 }), /^Error: warning: 7 is not allowed/);
  assert.throws(() => new Series([], []).suggest(), /at least 60/);
});
