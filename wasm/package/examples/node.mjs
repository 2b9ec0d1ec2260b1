// node examples/node.mjs: which points of a series lie outside the band?
import init, { Series } from "fluent-anomaly-preview";

await init();
const times = Float64Array.from({ length: 600 }, (_, n) => 60 * n); // s since 1970
const values = times.map((_, n) => (n === 500 ? 50 : (n * 7) % 5));
const evaluation = new Series(times, values).evaluate({ algorithm: "basic", deviations: 3 });
evaluation.anomalous.forEach((anomalous, n) => {
  if (anomalous) console.log(`${times[n]} s: ${values[n]} is not within ${evaluation.lower[n].toFixed(1)} to ${evaluation.upper[n].toFixed(1)}`);
});
