// Base64 in the page -> engine and points. Runs in the worker: a million points take a while.

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Times (s) and values: values first, then times unless they are evenly spaced. */
function unpack({ text, points, start, step }) {
  const bytes = bytesOf(text.trim());
  const values = new Float64Array(bytes.buffer, 0, points);
  if (step === 0) return { times: new Float64Array(bytes.buffer, 8 * points, points), values };
  const times = new Float64Array(points);
  for (let at = 0; at < points; at += 1) times[at] = start + at * step;
  return { times, values };
}
