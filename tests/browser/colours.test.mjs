// Contrast after WCAG 2 (AA), and colours as people with colour-vision deficiencies see them, from the page's style.
//
// Run: node --test tests/browser/*.test.mjs

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { startSite } from "./site.mjs";

const style = (name) => readFileSync(new URL(`../../wasm/page/site/${name}`, import.meta.url), "utf8");
const variables = (css) => Object.fromEntries([...css.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value]));
const light = variables(style("page.css"));
const THEMES = { light, dark: { ...light, ...variables(style("dark.css")) } };

/** Red, green, blue, opacity. */
function parsed(colour) {
  if (colour.startsWith("#")) return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)).concat(1);
  const [red, green, blue, opacity = 1] = colour.match(/[\d.]+/g).map(Number);
  return [red, green, blue, opacity];
}

/** What is seen of a colour that lies on another. */
const over = ([r, g, b, opacity], back) => [r, g, b].map((part, at) => part * opacity + back[at] * (1 - opacity));

const linear = (colour) => colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));

/** Relative luminance and contrast ratio as WCAG 2 defines them. */
const luminance = (colour) => linear(colour).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
function contrast(front, back) {
  const [dark, bright] = [luminance(front), luminance(back)].sort((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

/** Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB. */
const VISION = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
const times = (matrix, vector) => matrix.map((row) => row.reduce((sum, factor, at) => sum + factor * vector[at], 0));

/** CIE L*a*b*, D65. */
function lab(rgb) {
  const xyz = times([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], rgb);
  const [x, y, z] = [xyz[0] / 0.95047, xyz[1], xyz[2] / 1.08883].map((part) => (part > 216 / 24389 ? Math.cbrt(part) : ((24389 / 27) * part + 16) / 116));
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}
function difference(one, other, vision) {
  const [a, b] = [one, other].map((colour) => lab(times(VISION[vision], linear(colour)).map((part) => Math.min(1, Math.max(0, part)))));
  return Math.hypot(...a.map((part, at) => part - b[at]));
}

let site;
before(async () => { site = await startSite(); });
after(() => site?.close());

test("the ratio is that of WCAG: 21 for black on white, 4.54 for #767676", () => {
  assert.equal(contrast([0, 0, 0], [255, 255, 255]), 21);
  assert.ok(Math.abs(contrast([0x76, 0x76, 0x76], [255, 255, 255]) - 4.54) < 0.005);
});

test("lines, marks and edges of controls stand out 3 to 1 from what they lie on", () => {
  const LINES = ["value", "band-edge", "expected", "anomaly", "outlier", "change", "incident-edge", "ok", "warn", "alert", "nodata", "focus", "edge"];
  for (const [theme, colours] of Object.entries(THEMES)) {
    for (const name of LINES) {
      for (const ground of name === "edge" || name === "focus" ? ["back", "panel"] : ["back"]) {
        const back = parsed(colours[ground]).slice(0, 3);
        const ratio = contrast(over(parsed(colours[name]), back), back);
        assert.ok(ratio >= 3, `${theme}: --${name} on --${ground}: ${ratio.toFixed(2)}`);
      }
    }
  }
});

test("text that is painted on canvases is readable: axes, thresholds, states", () => {
  for (const [theme, colours] of Object.entries(THEMES)) {
    for (const [ink, ground] of [["dim", "back"], ["text", "back"], ["ink", "warn"], ["back", "alert"], ["back", "nodata"]]) {
      const ratio = contrast(parsed(colours[ink]).slice(0, 3), parsed(colours[ground]).slice(0, 3));
      assert.ok(ratio >= 4.5, `${theme}: --${ink} on --${ground}: ${ratio.toFixed(2)}`);
    }
  }
});

test("colours of one chart stay apart with each kind of colour vision", () => {
  const CHARTS = [["value", "expected", "anomaly"], ["value", "band-edge"], ["outlier", "change"], ["ok", "warn", "alert", "nodata"], ["anomaly", "incident-edge"]];
  for (const [theme, colours] of Object.entries(THEMES)) {
    const back = parsed(colours.back).slice(0, 3);
    for (const chart of CHARTS) {
      chart.forEach((one, at) => chart.slice(at + 1).forEach((other) => {
        for (const vision of Object.keys(VISION)) {
          const apart = difference(over(parsed(colours[one]), back), over(parsed(colours[other]), back), vision);
          // 2.3 is just noticeable side by side
          assert.ok(apart >= 20, `${theme}, ${vision}: --${one} and --${other} are ${apart.toFixed(1)} apart`);
        }
      }));
    }
  }
});

/** All text on the page with its colour and what lies behind it, outermost first. */
const TEXTS = `[...document.querySelectorAll("body *")].flatMap((element) => {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "") || /^(INPUT|SELECT)$/.test(element.tagName);
  if (!own || element.closest("script, style, noscript, option") || !element.checkVisibility()) return [];
  const chain = [];
  for (let at = element; at; at = at.parentElement) chain.unshift(at);
  const grounds = chain.map((at) => getComputedStyle(at).backgroundColor);
  const opacity = chain.reduce((all, at) => all * Number(getComputedStyle(at).opacity), 1);
  const about = element.tagName + "#" + element.id + " " + (element.textContent || element.placeholder || element.value).trim().slice(0, 30);
  const said = { about, grounds, opacity };
  const placeholder = element.placeholder ? [{ ...said, about: "placeholder of " + about, colour: getComputedStyle(element, "::placeholder").color }] : [];
  return [{ ...said, colour: getComputedStyle(element).color }, ...placeholder];
})`;

test("all text has a contrast of 4.5 to 1, with problems, incidents, comparison and suggestions shown", async () => {
  for (const theme of ["light", "dark"]) {
    const page = await site.open({ theme });
    await page.run(`(async () => {
      document.querySelectorAll("details").forEach((details) => { details.open = true; });
      document.getElementById("mark-shown").click();
      document.getElementById("suggest").click();
      document.getElementById("compare").click();
      document.getElementById("mark").click();
      await window.preview.set({ algorithm: "basic", deviations: "0", timezone: "Nowhere" });
      document.getElementById("series").focus();
      document.getElementById("series").click();
    })()`);
    await page.until("document.querySelector('.problem:not(:empty)') && document.querySelectorAll('#comparison div').length >= 3 && !document.getElementById('reasons').hidden");
    const texts = await page.run(TEXTS);
    assert.ok(texts.length > 100, `${texts.length} texts`);
    for (const { about, colour, grounds, opacity } of texts) {
      const back = grounds.reduce((below, ground) => over(parsed(ground), below), parsed(THEMES[theme].back).slice(0, 3));
      const [r, g, b, own] = parsed(colour);
      const ratio = contrast(over([r, g, b, own * opacity], back), back);
      assert.ok(ratio >= 4.5, `${theme}: ${about}: ${colour} has ${ratio.toFixed(2)}`);
    }
    await page.close();
  }
});
