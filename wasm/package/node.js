// The same in Node, which reads the module from beside this file where a browser fetches it.
import { readFile } from "node:fs/promises";

import start from "./fluent_anomaly_preview.js";

export * from "./fluent_anomaly_preview.js";

export default async function init(given) {
  return start(given ?? { module_or_path: await readFile(new URL("./fluent_anomaly_preview_bg.wasm", import.meta.url)) });
}
