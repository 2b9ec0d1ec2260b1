// The engine: WebAssembly with plain exports (see ../src/abi.rs). Runs in the worker.

const COLUMNS = ["time", "value", "expected", "lower", "upper", "share", "outlier", "change"];
const FLAGS = ["anomalous", "status"];
const RARITY = 10; // column of the calibrated score

async function startEngine(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const wasm = instance.exports;
  const utf8 = new TextEncoder();
  const reply = () => {
    const text = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, wasm.reply(), wasm.reply_len()));
    return text === "" ? null : JSON.parse(text);
  };
  const outcome = (fine) => (fine ? { reply: reply() } : { refused: reply() });
  /** Calls an export that reads a text. */
  const ask = (name, lines, ...given) => {
    const text = utf8.encode(lines.join("\n"));
    new Uint8Array(wasm.memory.buffer, wasm.text(text.length), text.length).set(text);
    return outcome(wasm[name](...given));
  };
  /** Writes times and values where the engine wants them. */
  const write = (times, values) => {
    const at = wasm.points(times.length);
    new Float64Array(wasm.memory.buffer, at, times.length).set(times);
    new Float64Array(wasm.memory.buffer, at + 8 * times.length, values.length).set(values);
  };
  const linesOf = (settings) => Object.entries(settings).map(([key, value]) => `${key}=${String(value).replace(/\s+/g, " ")}`);
  const column = (number, Kind) => new Kind(wasm.memory.buffer, wasm.column(number), wasm.column_len(number)).slice();

  return {
    /** Takes the points of a series, s and values. */
    load(times, values, until) {
      write(times, values);
      return outcome(wasm.load(until));
    },
    /** Evaluates under settings by key: `{columns, reply}`, or `{refused}` with the problems. */
    evaluate(settings) {
      const said = ask("evaluate", linesOf(settings));
      if (said.refused) return said;
      const columns = {};
      COLUMNS.forEach((name, number) => { columns[name] = column(number, Float64Array); });
      FLAGS.forEach((name, number) => { columns[name] = column(COLUMNS.length + number, Uint8Array); });
      return { ...said, columns };
    },
    /** Scores under the budget of the settings: `{scores, reply}`, or `{refused}`. */
    alarms(settings) {
      const said = ask("alarms", linesOf(settings));
      return said.refused ? said : { ...said, scores: column(RARITY, Float64Array) };
    },
    /** Judges rare points of all series, in the order of time, under one budget; lives: first and last second of each. */
    fleet(settings, { times, ids, rarities, sizes }, lives) {
      const numbers = Float64Array.from([...times, ...ids, ...rarities, ...sizes, ...lives.flat()]);
      new Float64Array(wasm.memory.buffer, wasm.points(numbers.length / 2), numbers.length).set(numbers);
      return ask("fleet", linesOf(settings), times.length);
    },
    /** Compares series with each other: the outliers of each. */
    compare(settings, all) {
      for (const { times, values } of all) {
        write(times, values);
        const taken = outcome(wasm.member());
        if (taken.refused) return taken;
      }
      return ask("compare", linesOf(settings));
    },
    /** What the monitor says of the series, counted: no columns, and no ChangeFinder. */
    summary: (settings) => ask("summary", linesOf(settings)),
    /** Suggests settings for the series that is loaded; incidents: `[{from, to}]`, s. */
    suggest: (incidents) => ask("suggest", incidents.map(({ from, to }) => `${from} ${to}`)),
  };
}
