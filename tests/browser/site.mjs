// What the tests in Chromium share: two hosts of history, a configuration, their report, and a browser to open it.
//
// Needs the release binary (`cargo build --release`, or $FLUENT_ANOMALY) and Chromium (or $CHROMIUM).

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CHROMIUM, startChromium } from "./chromium.mjs";

export const BINARY = process.env.FLUENT_ANOMALY ?? new URL("../../target/release/fluent-anomaly", import.meta.url).pathname;
assert.ok(existsSync(BINARY), `${BINARY} is missing: cargo build --release`);
assert.ok(CHROMIUM, "Chromium is missing: apt-get install chromium");

export const START = 1_735_689_600; // 2025-01-01
const POINTS = 6 * 1440;

/** Six days of minutes for two hosts: a daily pattern with noise, spikes, and an hour on another level. */
function history() {
  let state = 7n;
  const random = () => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number(state >> 33n) / 2 ** 31;
  };
  const lines = ["time,value,host"];
  for (const host of ["a", "b"]) {
    for (let n = 0; n < POINTS; n += 1) {
      if (host === "b" && n > 7000 && n < 7100) continue; // a gap
      const shift = n > 6500 && n < 6560 ? 30 : 0;
      const spike = n % 1999 === 0 ? 50 : 0;
      const value = 100 + 40 * Math.sin((2 * Math.PI * n) / 1440) + 4 * (random() + random() - 1) + shift + spike;
      lines.push(`${START + 60 * n},${value.toFixed(3)},${host}`);
    }
  }
  return lines.join("\n");
}

export const CONFIG = `[series.s]
match: *
value: $value
by: $host
r: 0.01
k: 4

[monitor.m]
on: s
query: avg(last_1h):anomalies(avg:value{*}, 'agile', 3, direction='both', alert_window='last_15m', interval=60, count_default_zero='true', seasonality='daily') >= 0.6
warning: 0.3
recovery_window: last_10m
message: too far off \\n {{value}}
`;

/** A folder with `report.html`, and what is done with it. */
export async function startSite() {
  const folder = mkdtempSync(join(tmpdir(), "preview-test-"));
  const file = (name) => join(folder, name);
  const run = (...args) => execFileSync(BINARY, args, { encoding: "utf8", cwd: folder, maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "pipe"] });
  writeFileSync(file("history.csv"), history());
  writeFileSync(file("f.ini"), CONFIG);
  run("report", "-i", "history.csv", "-c", "f.ini", "-o", "report.html");
  const browser = await startChromium();
  return {
    folder, file, run, browser,
    async open(options = {}) {
      const page = await browser.page({ url: pathToFileURL(file(options.file ?? "report.html")).href + (options.hash ?? "#series=a"), ...options });
      await page.ready();
      return page;
    },
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Nothing was asked of any network, and nothing was complained about. */
export function assertQuiet(page) {
  assert.deepEqual(page.complaints, []);
  const outside = page.requests.filter((url) => !url.startsWith("file://") && !url.startsWith("blob:") && !url.startsWith("data:"));
  assert.deepEqual(outside, []);
}

/** Presses a key as a keyboard does; a letter is typed. */
export const press = (page, key) => page.keyboard.press(key);
