// The worker: holds the engine and the whole columns; the page gets what it shows.

let engine = null;
let series = null;
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
    return engine.load(times, values, until);
  },
  evaluate({ name, settings }) {
    const began = performance.now();
    const said = engine.evaluate(settings);
    if (said.refused) return said;
    const { columns, reply } = said;
    const shown = lastOfBuckets(columns, reply.interval);
    results.set(name, { all: columns, shown, silences: silencesOf(shown.time) });
    return { buckets: shown === columns ? null : countsOf(shown), reply, states: statesOf(columns, reply.interval), took_ms: performance.now() - began };
  },
  suggest: ({ incidents }) => engine.suggest(incidents),
  view({ name, from, to, bins }) {
    const result = results.get(name);
    return result ? viewOf(series, result, from, to, bins) : {};
  },
  /** All columns, for tests and scripts. */
  columns: ({ name }) => results.get(name)?.all ?? null,
};

self.onmessage = async ({ data: { id, task, ...given } }) => {
  try {
    self.postMessage({ id, result: await tasks[task](given) });
  } catch (error) {
    self.postMessage({ id, error: String(error?.stack ?? error) });
  }
};
