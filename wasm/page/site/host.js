// The page's side of the worker: calls that answer with a promise; and the data that lies in the page.

/** Meta data of the report: series, settings, incidents, notes. */
const meta = JSON.parse(document.getElementById("meta").textContent);

/** A series as it lies in the page; the worker reads it. */
const packed = (index) => ({ ...meta.series[index], text: document.querySelector(`[data-series="${index}"]`).textContent });

function startWorker() {
  const text = document.getElementById("worker").textContent;
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  const waiting = new Map();
  let next = 0;
  worker.onmessage = ({ data: { id, result, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  };
  worker.onerror = (event) => {
    const error = new Error(`worker: ${event.message}`);
    waiting.forEach(({ reject }) => reject(error));
    waiting.clear();
  };
  return (task, given = {}) =>
    new Promise((resolve, reject) => {
      next += 1;
      waiting.set(next, { resolve, reject });
      worker.postMessage({ id: next, task, ...given });
    });
}

/** Runs the latest of what is asked for while one is under way; those in between are dropped. */
function latestOnly(run) {
  let busy = false;
  let waiting = null;
  return async (...given) => {
    if (busy) {
      waiting?.done();
      return new Promise((done) => (waiting = { given, done }));
    }
    busy = true;
    let now = { given, done: () => {} };
    while (now) {
      try {
        await run(...now.given);
      } catch (error) {
        tell(String(error?.message ?? error));
      }
      now.done();
      now = waiting;
      waiting = null;
    }
    busy = false;
  };
}

const told = new Map(); // by what it is about

/** Shows a message about something until another about the same comes; an empty one takes it away. */
function tell(text, about = "failure") {
  told.set(about, text);
  const texts = [...told.values()].filter((one) => one !== "");
  const message = document.getElementById("message");
  message.textContent = texts.join("\n");
  message.className = told.get("failure") || told.get("settings") ? "" : "note";
  message.hidden = texts.length === 0;
}
