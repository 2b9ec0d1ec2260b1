// Chromium over its debugging pipe: no packages needed.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

/** Starts Chromium without a window; `close()` ends it. */
export async function startChromium() {
  const profile = mkdtempSync(join(tmpdir(), "preview-chromium-"));
  const flags = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--hide-scrollbars", "--force-color-profile=srgb", `--user-data-dir=${profile}`];
  const child = spawn(CHROMIUM, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [, , , to, from] = child.stdio;
  const waiting = new Map();
  const listeners = new Set();
  let next = 0;
  let buffer = Buffer.alloc(0);
  from.on("data", (piece) => {
    buffer = Buffer.concat([buffer, piece]);
    for (let end = buffer.indexOf(0); end >= 0; end = buffer.indexOf(0)) {
      const message = JSON.parse(buffer.subarray(0, end).toString());
      buffer = buffer.subarray(end + 1);
      const call = waiting.get(message.id);
      waiting.delete(message.id);
      if (call && message.error) call.reject(new Error(`${call.method}: ${message.error.message}`));
      else if (call) call.resolve(message.result);
      else listeners.forEach((listen) => listen(message));
    }
  });
  const send = (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      next += 1;
      waiting.set(next, { resolve, reject, method });
      to.write(`${JSON.stringify({ id: next, method, params, sessionId })}\0`);
    });
  return {
    send,
    listen: (listener) => listeners.add(listener),
    page: (options) => openPage({ send, listeners }, options),
    async close() {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      await send("Browser.close").catch(() => child.kill());
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A page of its own size and theme, with everything it complained about and asked for. */
async function openPage({ send, listeners }, { url, width = 1280, height = 800, theme = "light", phone = false }) {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method, params) => send(method, params, sessionId);
  const complaints = [];
  const requests = [];
  listeners.add(({ sessionId: session, method, params }) => {
    if (session !== sessionId) return;
    if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) complaints.push(params.args.map(({ value, description }) => value ?? description).join(" "));
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) complaints.push(params.entry.text);
    if (method === "Network.requestWillBeSent") requests.push(params.request.url);
  });
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await ask(`${domain}.enable`);
  await ask("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: phone ? 2 : 1, mobile: phone });
  if (phone) await ask("Emulation.setTouchEmulationEnabled", { enabled: true, maxTouchPoints: 2 });
  await ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: theme }] });
  const began = performance.now();
  await ask("Page.navigate", { url });
  /** Runs an expression; promises are waited for. */
  const run = async (expression) => {
    const { result, exceptionDetails } = await ask("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true, userGesture: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const until = async (expression, ms = 20000) => {
    const end = performance.now() + ms;
    while (!(await run(expression).catch(() => false))) {
      if (performance.now() > end) throw new Error(`waited ${ms} ms for ${expression}; page says: ${await run("document.getElementById('message')?.textContent")}; ${complaints.join("; ")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return performance.now() - began;
  };
  return {
    ask, run, until, complaints, requests, targetId,
    ready: () => until("document.documentElement.dataset.ready === 'true'"),
    async shot(full = false) {
      const { data } = await ask("Page.captureScreenshot", { format: "png", captureBeyondViewport: full });
      return Buffer.from(data, "base64");
    },
    close: () => send("Target.closeTarget", { targetId }),
  };
}
