// The engine: WebAssembly with plain exports (see ../src/abi.rs). Runs in the worker.

const COLUMNS = ["time", "value", "expected", "lower", "upper", "share", "outlier", "change"];
const FLAGS = ["anomalous", "status"];

async function startEngine(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const wasm = instance.exports;
  const utf8 = new TextEncoder();
  const reply = () => {
    const text = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, wasm.reply(), wasm.reply_len()));
    return text === "" ? null : JSON.parse(text);
  };
  const linesOf = (settings) => utf8.encode(Object.entries(settings).map(([key, value]) => `${key}=${String(value).replace(/\s+/g, " ")}`).join("\n"));
  const outcome = (fine) => (fine ? { reply: reply() } : { refused: reply() });

  return {
    /** Takes the points of a series, s and values. */
    load(times, values, until) {
      const at = wasm.points(times.length);
      new Float64Array(wasm.memory.buffer, at, times.length).set(times);
      new Float64Array(wasm.memory.buffer, at + 8 * times.length, values.length).set(values);
      return outcome(wasm.load(until));
    },
    /** Evaluates under settings by key: `{columns, reply}`, or `{refused}` with the problems. */
    evaluate(settings) {
      const text = linesOf(settings);
      new Uint8Array(wasm.memory.buffer, wasm.text(text.length), text.length).set(text);
      const said = outcome(wasm.evaluate());
      if (said.refused) return said;
      const columns = {};
      const copy = (name, number, Kind) => {
        columns[name] = new Kind(wasm.memory.buffer, wasm.column(number), wasm.column_len(number)).slice();
      };
      COLUMNS.forEach((name, number) => copy(name, number, Float64Array));
      FLAGS.forEach((name, number) => copy(name, COLUMNS.length + number, Uint8Array));
      return { ...said, columns };
    },
    /** Scores under the budget of the settings: `{scores, reply}`, or `{refused}`. */
    alarms(settings) {
      const text = linesOf(settings);
      new Uint8Array(wasm.memory.buffer, wasm.text(text.length), text.length).set(text);
      const said = outcome(wasm.alarms());
      if (said.refused) return said;
      return { ...said, scores: new Float64Array(wasm.memory.buffer, wasm.column(10), wasm.column_len(10)).slice() };
    },
    /** The reply of an evaluation alone, without its columns. */
    summary(settings) {
      const text = linesOf(settings);
      new Uint8Array(wasm.memory.buffer, wasm.text(text.length), text.length).set(text);
      return outcome(wasm.evaluate());
    },
    /** Suggests settings for the series that is loaded; incidents: `[{from, to}]`, s. */
    suggest(incidents) {
      const text = utf8.encode(incidents.map(({ from, to }) => `${from} ${to}`).join("\n"));
      new Uint8Array(wasm.memory.buffer, wasm.text(text.length), text.length).set(text);
      return outcome(wasm.suggest());
    },
  };
}
