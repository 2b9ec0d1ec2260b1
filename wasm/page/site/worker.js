// The worker: holds the engine and the whole columns; the page gets what it shows.

let engine = null;
let series = null;
let calibrated = null; // the calibrated score under the latest budget: the other settings do not touch it
let usual = null; // the score of one point in a thousand, under ChangeFinder's latest settings
const results = new Map(); // by name of the evaluation: "main", or an algorithm's

const tasks = {
  async start({ text }) {
    engine = await startEngine(bytesOf(text.trim()));
    return {};
  },
  load({ until, ...packed }) {
    const { times, values } = unpack(packed);
    series = { times, values, silences: silencesOf(times) };
    results.clear();
    calibrated = null;
    usual = null;
    return engine.load(times, values, until);
  },
  evaluate({ name, settings }) {
    const began = performance.now();
    const said = engine.evaluate(settings);
    if (said.refused) return said;
    const { columns, reply } = said;
    const shown = lastOfBuckets(columns, reply.interval);
    // the comparison of algorithms shows neither
    const isMain = name === "main";
    if (isMain) columns.rarity = calibratedUnder(settings).scores;
    results.set(name, { all: columns, shown, silences: silencesOf(shown.time) });
    return { ...(isMain && { calibrated: calibrated.reply, usual: usualUnder(settings, columns) }), buckets: shown === columns ? null : countsOf(shown), reply, states: statesOf(columns, reply.interval), took_ms: performance.now() - began };
  },
  /** Series for the list of all: alarms and a small chart of each, or how often its monitor alerts. */
  scan: ({ batch, ...given }) => batch.map((packed) => scanned(packed, given)),
  /** One budget for all series. */
  fleet: ({ settings, points, lives }) => engine.fleet(settings, points, lives),
  /** All series beside each other. */
  compare: ({ settings, all }) => engine.compare(settings, all.map(unpack)),
  suggest: ({ incidents }) => engine.suggest(incidents),
  view({ name, from, to, bins }) {
    const result = results.get(name);
    return result ? viewOf(series, result, from, to, bins) : {};
  },
  /** All columns, for tests and scripts. */
  columns: ({ name }) => results.get(name)?.all ?? null,
};

function scanned(packed, { until, settings, what }) {
  const { times, values } = unpack(packed);
  const loaded = engine.load(times, values, until);
  if (loaded.refused) return loaded;
  if (what === "alerts") {
    const said = engine.summary(settings);
    return said.refused ? said : { alerts: said.reply.alerts };
  }
  const said = engine.alarms(settings);
  if (said.refused) return said;
  const size = said.reply.alarms.reduce((most, alarm) => Math.max(most, alarm.size), 0);
  return { ...said.reply, size, step: stepOf(times), spark: sparkOf(times, values, 220) };
}

function calibratedUnder(settings) {
  const key = String(settings.alarms ?? "");
  if (calibrated?.key !== key) calibrated = { key, ...engine.alarms(settings) };
  return calibrated;
}

function usualUnder({ r, k, T1, T2, ar, score }, columns) {
  const key = JSON.stringify([r, k, T1, T2, ar, score]);
  if (usual?.key !== key) usual = { key, outlier: quantile(columns.outlier, 0.999), change: quantile(columns.change, 0.999) };
  return usual;
}

self.onmessage = async ({ data: { id, task, ...given } }) => {
  try {
    self.postMessage({ id, result: await tasks[task](given) });
  } catch (error) {
    self.postMessage({ id, error: String(error?.stack ?? error) });
  }
};
