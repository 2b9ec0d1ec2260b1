// Chromium by Playwright: playwright-core, which brings no browser of its own.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  (path) => path && existsSync(path),
);

const FLAGS = ["--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"];

/** Starts Chromium without a window; `close()` ends it. */
export async function startChromium() {
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  return { page: (options) => openPage(browser, options), close: () => browser.close() };
}

/** A page of its own size and theme, with everything it complained about and asked for. `before`: a script that runs first. */
async function openPage(browser, { url, width = 1280, height = 800, theme = "light", phone = false, before }) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: theme, deviceScaleFactor: phone ? 2 : 1, isMobile: phone, hasTouch: phone,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  let session = null;
  const complaints = [];
  const requests = [];
  page.on("pageerror", (error) => complaints.push(error.stack));
  page.on("console", (said) => ["error", "warning", "assert"].includes(said.type()) && complaints.push(said.text()));
  page.on("request", (request) => requests.push(request.url()));
  if (before) await page.addInitScript(before);
  const began = performance.now();
  await page.goto(url);
  /** Runs an expression; promises are waited for. */
  const run = (expression) => page.evaluate(expression);
  /** Waits until an expression is true; ms since the page was asked for. Not `waitForFunction`, which the page's policy forbids to evaluate a text. */
  const until = async (expression, ms = 20000) => {
    const end = performance.now() + ms;
    while (!(await run(expression).catch(() => false))) {
      if (performance.now() > end) throw new Error(`waited ${ms} ms for ${expression}; page says: ${await run("document.getElementById('message')?.textContent")}; ${complaints.join("; ")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return performance.now() - began;
  };
  return {
    run, until, complaints, requests,
    keyboard: page.keyboard, mouse: page.mouse, goto: (address) => page.goto(address),
    /** A command of the debugging protocol: Playwright has no call for several fingers. */
    async ask(method, params) {
      session ??= await context.newCDPSession(page);
      return session.send(method, params);
    },
    ready: (ms) => until("document.documentElement.dataset.ready === 'true'", ms),
    shot: (fullPage = false) => page.screenshot({ fullPage }),
    close: () => context.close(),
  };
}
