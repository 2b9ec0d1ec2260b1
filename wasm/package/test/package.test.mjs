// The package as others use it: `cargo preview-pkg` builds it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import init, { Series, check } from "../../../target/package/fluent_anomaly_preview.js";

const times = Float64Array.from({ length: 600 }, (_, n) => 60 * n);
const values = times.map((_, n) => (n === 500 ? 50 : (n * 7) % 5));
const settings = { algorithm: "basic", deviations: 3, trigger_window: "last_15m", interval: 60, critical: 0.8, r: 0.02, k: 4 };

const WARM_UP = 4 + 1 / 0.02 + 10 + 5; // k + 1/r + T1 + T2

before(async () => {
  await init({ module_or_path: await readFile(new URL("../../../target/package/fluent_anomaly_preview_bg.wasm", import.meta.url)) });
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
