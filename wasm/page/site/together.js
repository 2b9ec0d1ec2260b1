// All series together: one budget for all of them, incidents, and each beside the others.

const isForAll = ({ alarms }) => / for all$/.test(alarms ?? "");
const hasGroup = ({ group }) => (group ?? "off") !== "off" && meta.series.length > 1;

const together = {
  key: null,
  alarms: null, // by series, where one budget is for all
  incidents: [], // of all series: from, to, series (how many), size, first
  outliers: null, // by series, where they are compared with each other

  /** Finds what settings make of all series, where they ask for that; what is found is kept. */
  async find(settings) {
    const key = JSON.stringify([isForAll(settings) && settings.alarms, hasGroup(settings) && Object.entries(settings).filter(([name]) => name === "tolerance" || name.startsWith("group")), meta.until]);
    if (together.key === key) return;
    Object.assign(together, { key: null, alarms: null, incidents: [], outliers: null });
    const [ask] = await overview.start();
    if (isForAll(settings)) await together.share(ask, settings);
    if (hasGroup(settings)) await together.compare(ask, settings);
    together.key = key;
  },

  /** Asks the fleet which of the rare points of all series alarm. */
  async share(ask, settings) {
    if (overview.scored !== settings.alarms) await overview.pass("alarms", settings);
    const found = overview.rows.flatMap((row, id) => (row?.candidates ?? []).map((point) => ({ ...point, id })));
    found.sort((a, b) => a.from - b.from || a.id - b.id);
    const points = { times: found.map(({ from }) => from), ids: found.map(({ id }) => id), rarities: found.map(({ log10_s }) => log10_s), sizes: found.map(({ size }) => size) };
    const said = await ask("fleet", { settings, points, lives: meta.series.map(({ start, end }) => [start, end]) });
    if (said.refused) return;
    together.incidents = said.reply.incidents;
    together.alarms = meta.series.map(() => []);
    found.forEach((point, at) => {
      const incident = said.reply.incident_of[at];
      if (incident < 0) return;
      const { id, log10_s, ...alarm } = point;
      const own = together.alarms[id];
      const last = own[own.length - 1];
      if (last?.incident !== incident) own.push({ ...alarm, incident });
      else {
        last.to = alarm.to;
        // as in the engine: sizes of one kind compare
        if (alarm.reason === last.reason && alarm.size > last.size) Object.assign(last, { size: alarm.size, observed: alarm.observed, expected: alarm.expected });
      }
    });
  },

  async compare(ask, settings) {
    const groups = new Map(); // those that are compared with each other
    meta.series.forEach(({ group = "" }, index) => groups.set(group, [...(groups.get(group) ?? []), index]));
    const outliers = [];
    for (const members of groups.values()) {
      const said = await ask("compare", { settings, all: members.map(packed) });
      if (said.refused) return;
      members.forEach((index, at) => { outliers[index] = said.reply[at]; });
    }
    together.outliers = outliers;
  },

  /** The alarms of a series: what the fleet says where one budget is for all. */
  alarmsOf: (index, own) => together.alarms?.[index] ?? own,
  outliersOf: (index) => together.outliers?.[index] ?? [],
};

/** Bars at the foot of a plot: when the series was an outlier among the others. */
function paintOutliers(u, found) {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.font = `600 ${11 * scale}px system-ui`;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  let free = bbox.left;
  found.forEach(({ from, to, distance }) => {
    const left = Math.max(bbox.left, u.valToPos(from, "x", true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos(to, "x", true));
    if (right < bbox.left || left > bbox.left + bbox.width) return;
    ctx.fillStyle = colour("outlier");
    ctx.fillRect(left, bbox.top + bbox.height - 6 * scale, Math.max(2 * scale, right - left), 6 * scale);
    const text = `outlier, ${short(Number(distance.toPrecision(2)))}σ from its group`;
    const width = ctx.measureText(text).width;
    const start = Math.min(left, bbox.left + bbox.width - width - 4 * scale);
    if (start < free) return;
    ctx.fillStyle = colour("back");
    ctx.fillRect(start, bbox.top + bbox.height - 20 * scale, width + 2 * scale, 13 * scale);
    ctx.fillStyle = colour("text");
    ctx.fillText(text, start + scale, bbox.top + bbox.height - 7 * scale);
    free = start + width + 6 * scale;
  });
  ctx.restore();
}
