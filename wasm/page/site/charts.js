// Charts of the page. All but the historical view share one time axis and one cursor.

const AXIS = 60; // px of the value axis: the same for all, so that their times stand above one another

const colours = new Map(); // of the present theme

/** A colour of the style by its name: asked once a theme, since charts ask for each stroke. */
function colour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return colours.get(name);
}

const short = (value) => {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e5 || (size > 0 && size < 1e-3)) return value.toExponential(2);
  return String(Number(value.toPrecision(5)));
};

const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(1000 * share) / 10} %`);

/** What holds of all charts; `more` replaces members. */
function chartOptions(height, zone, more) {
  const axis = { stroke: colour("dim"), grid: { stroke: colour("line"), width: 0.5 }, ticks: { stroke: colour("line"), size: 4 }, font: "11px system-ui" };
  return {
    height,
    width: 400,
    padding: [6, 22, 0, 0],
    legend: { show: false },
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone || "UTC"),
    axes: [
      { ...axis, size: more.noTimes ? 4 : 36, values: more.noTimes ? () => [] : CLOCK, space: more.timeSpace ?? 60 },
      { ...axis, size: AXIS, values: (u, ticks) => ticks.map(more.axisText ?? short), space: more.space ?? 26 },
    ],
    cursor: {
      sync: more.alone ? undefined : { key: "time", setSeries: false, filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
      drag: { x: true, y: false, setScale: false },
      points: { size: 6 },
    },
    scales: { x: { time: true, ...more.x }, y: more.y ?? { range: valueRange } },
    series: more.series,
    bands: more.bands,
    hooks: more.hooks ?? {},
  };
}

/** As uPlot does it, but with an axis where there is nothing, so that all plots begin at the same place. */
function valueRange(u, least, most) {
  if (!Number.isFinite(least) || !Number.isFinite(most)) return [0, 1];
  const end = { pad: 0.1, soft: 0, mode: 3 };
  return uPlot.rangeNum(least, most, { min: end, max: end });
}

/** Words where a plot would be empty. */
function paintEmpty(u, columns, text) {
  const { min, max } = u.scales.x;
  const times = u.data[0];
  if (columns.some((column) => times.some((time, row) => time >= min && time <= max && (u.data[column][row] ?? null) !== null))) return;
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = colour("dim");
  ctx.font = `${12 * devicePixelRatio}px system-ui`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  ctx.fillText(text, bbox.left + bbox.width / 2, bbox.top + bbox.height / 2);
  ctx.restore();
}

/** Time axis: 24 hours, ISO dates. Columns as uPlot wants them: increment, text, then texts at new years, days, ... */
const CLOCK = [
  [86400, "{MM}-{DD}", "\n{YYYY}", null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [60, "{HH}:{mm}", "\n{YYYY}-{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
  [1, ":{ss}", "\n{YYYY}-{MM}-{DD} {HH}:{mm}", null, "\n{MM}-{DD} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

/** Paints stretches of time over the height of a plot. */
function paintStretches(u, stretches, fill, edge) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  stretches.forEach(([from, to]) => {
    const left = u.valToPos(from, "x", true);
    const width = Math.max(2, u.valToPos(to, "x", true) - left);
    ctx.fillStyle = fill;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    if (!edge) return;
    ctx.fillStyle = edge;
    ctx.fillRect(left, bbox.top, width, 3 * devicePixelRatio);
  });
  ctx.restore();
}

/** Anomalous points: diamonds, so that shape tells them as well as colour. */
function paintAnomalies(u, column) {
  const { ctx, bbox } = u;
  const [times, values] = [u.data[0], u.data[column]];
  const size = (bbox.width / times.length > 6 ? 4 : 3) * devicePixelRatio;
  ctx.save();
  ctx.fillStyle = colour("anomaly");
  for (let row = 0; row < times.length; row += 1) {
    if (values[row] === null || values[row] === undefined) continue;
    const x = u.valToPos(times[row], "x", true);
    const y = u.valToPos(values[row], "y", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x - size, y);
    ctx.lineTo(x, y - size);
    ctx.lineTo(x + size, y);
    ctx.lineTo(x, y + size);
    ctx.fill();
  }
  ctx.restore();
}

function paintLevel(u, level, name, text) {
  if (level === undefined || level === null) return;
  const { ctx, bbox } = u;
  const y = u.valToPos(level, "y", true);
  if (y < bbox.top || y > bbox.top + bbox.height) return;
  ctx.save();
  ctx.strokeStyle = colour(name);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(name === "warn" ? [3 * devicePixelRatio, 3 * devicePixelRatio] : [8 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = `${11 * devicePixelRatio}px system-ui`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  // on the line, which makes room for it
  const left = bbox.left + ({ warn: 58, change: 124 }[name] ?? 6) * devicePixelRatio;
  const room = 3 * devicePixelRatio;
  ctx.fillStyle = colour("back");
  ctx.fillRect(left - room, y - 6 * devicePixelRatio, ctx.measureText(text).width + 2 * room, 12 * devicePixelRatio);
  ctx.fillStyle = colour("text");
  ctx.fillText(text, left, y);
  ctx.restore();
}

/** Lines of band, expectation, values and anomalous points, for the big chart and the comparison. */
function bandSeries() {
  const none = { show: false };
  const line = (stroke, width, more = {}) => ({ stroke, width, points: none, spanGaps: false, ...more });
  return {
    series: [
      {},
      line(colour("band-edge"), 1),
      line(colour("band-edge"), 1),
      line(colour("expected"), 1.25, { dash: [4, 3] }),
      line(colour("value"), 1.25, { points: { show: (u) => u.data[0].length < 300, size: 3 } }),
      line("transparent", 0, { paths: () => null }),
    ],
    bands: [{ series: [2, 1], fill: colour("band") }],
  };
}

const bandData = (view) => [view.time, view.lower, view.upper, view.expected, view.value, view.anomalous];

/** States as a strip of colour with letters, since colour alone does not tell. */
const STATES = [["ok", "OK", "ink"], ["warn", "WARN", "ink"], ["alert", "ALERT", "back"], ["nodata", "NO DATA", "back"], ["line", "NOT JUDGED YET", "text"]];

function paintStates(canvas, stretches, from, to, width) {
  const scale = devicePixelRatio;
  canvas.width = Math.round(width * scale);
  canvas.height = 20 * scale;
  canvas.style.width = `${width}px`;
  const ctx = canvas.getContext("2d");
  ctx.font = `600 ${11 * scale}px system-ui`;
  ctx.textBaseline = "middle";
  stretches.forEach(([start, end, state]) => {
    if (end < from || start > to) return;
    const left = Math.max(0, ((start - from) / (to - from)) * canvas.width);
    const right = Math.min(canvas.width, ((end - from) / (to - from)) * canvas.width);
    const [name, text, ink] = STATES[state];
    ctx.fillStyle = colour(name);
    // OK lies low: what is higher needs a look
    const top = state === 0 ? 0.6 : state === 1 ? 0.3 : 0;
    ctx.fillRect(left, top * canvas.height, Math.max(2 * scale, right - left), (1 - top) * canvas.height);
    if (state !== 0 && right - left > ctx.measureText(text).width + 6 * scale) {
      ctx.fillStyle = colour(ink);
      ctx.fillText(text, left + 4 * scale, 0.57 * canvas.height + (state === 1 ? 2 * scale : 0));
    }
  });
}
