// Columns thinned out for a screen: what a view shows, in a few points a pixel column. Runs in the worker.

/** First index whose time is not below `at`. */
function lowerBound(times, at) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows of a view, with one beyond either edge so that lines leave the picture. */
function rowsOf(times, from, to) {
  return [Math.max(0, lowerBound(times, from) - 1), Math.min(times.length, lowerBound(times, to) + 1)];
}

/**
 * Up to two points a bin: where a column has its least and its greatest value. Other columns that have to stay
 * beside them (`kept`) are taken from the same rows; `marks` are rows that may not be lost.
 */
function thinRows(times, values, from, to, bins, marks) {
  const [first, end] = rowsOf(times, from, to);
  const rows = [];
  if (end - first <= 4 * bins) {
    for (let row = first; row < end; row += 1) rows.push(row);
    return rows;
  }
  const size = (end - first) / bins;
  for (let bin = 0; bin < bins; bin += 1) {
    const start = first + Math.floor(bin * size);
    const stop = Math.min(end, first + Math.floor((bin + 1) * size));
    let least = -1;
    let most = -1;
    let mark = -1;
    for (let row = start; row < stop; row += 1) {
      const value = values[row];
      if (marks && marks[row] && mark < 0) mark = row;
      if (value !== value) continue;
      if (least < 0 || value < values[least]) least = row;
      if (most < 0 || value > values[most]) most = row;
    }
    const some = [least, most, mark].filter((row) => row >= 0).sort((a, b) => a - b);
    if (some.length === 0 && start < stop) rows.push(start);
    some.forEach((row, n) => (n === 0 || row !== some[n - 1]) && rows.push(row));
  }
  return rows;
}

/** The usual distance of two points, s. */
function stepOf(times) {
  const steps = [];
  const stride = Math.max(1, Math.floor(times.length / 1000));
  for (let row = 1; row < times.length; row += stride) steps.push(times[row] - times[row - 1]);
  return steps.length ? Math.max(1, steps.sort((a, b) => a - b)[steps.length >> 1]) : 60;
}

/** Rows behind which the series is silent for much longer than it usually is. */
function silencesOf(times) {
  const longest = 3 * stepOf(times);
  const silences = [];
  for (let row = 1; row < times.length; row += 1) {
    if (times[row] - times[row - 1] > longest) silences.push(row - 1);
  }
  return silences;
}

/** Rows with an entry between those around a silence, where lines break: the row before it, and a half. */
function broken(rows, silences) {
  const out = [];
  let next = rows.length ? lowerBound(silences, rows[0]) : 0;
  rows.forEach((row, at) => {
    out.push(row);
    const after = rows[at + 1] ?? row;
    if (silences[next] < after) out.push(silences[next] + 0.5);
    while (silences[next] < after) next += 1;
  });
  return out;
}

const pick = (values, rows) => rows.map((row) => (values[row] === undefined || Number.isNaN(values[row]) ? null : values[row]));
const pickTimes = (times, rows) => rows.map((row) => times[row] ?? (times[row - 0.5] + times[row + 0.5]) / 2);

/** What the charts show between two instants. */
function viewOf(series, { all, shown: columns, silences }, from, to, bins) {
  const rows = broken(thinRows(columns.time, columns.value, from, to, bins, columns.anomalous), silences);
  const scored = broken(thinRows(series.times, all.outlier, from, to, bins, null), series.silences);
  const shares = thinRows(columns.time, columns.share, from, to, bins, null);
  return {
    time: pickTimes(columns.time, rows),
    value: pick(columns.value, rows),
    expected: pick(columns.expected, rows),
    lower: pick(columns.lower, rows),
    upper: pick(columns.upper, rows),
    anomalous: rows.map((row) => (columns.anomalous[row] ? columns.value[row] : null)),
    share: { time: pick(columns.time, shares), share: pick(columns.share, shares) },
    scores: {
      time: pickTimes(series.times, scored),
      outlier: pick(all.outlier, scored),
      change: pick(all.change, scored),
    },
    rarity: all.rarity?.length ? rarityOf(series, all.rarity, from, to, bins) : { time: [], score: [] },
  };
}

/** The largest score of each bin: ordinary points between two rare ones say nothing. */
function rarityOf(series, scores, from, to, bins) {
  const [first, end] = rowsOf(series.times, from, to);
  const count = Math.min(bins, end - first);
  const rows = [];
  for (let bin = 0; bin < count; bin += 1) {
    const start = first + Math.floor((bin * (end - first)) / count);
    const stop = first + Math.floor(((bin + 1) * (end - first)) / count);
    let most = start;
    for (let row = start + 1; row < stop; row += 1) if (scores[row] > scores[most] || scores[most] !== scores[most]) most = row;
    rows.push(most);
  }
  return { time: pickTimes(series.times, rows), score: pick(scores, rows) };
}

/** A quantile of the numbers in a column; null where there are none. */
function quantile(column, share) {
  const numbers = column.filter((value) => value === value).sort();
  return numbers.length ? numbers[Math.min(numbers.length - 1, Math.floor(share * numbers.length))] : null;
}

/** Least and greatest value by bin, for a small chart. */
function sparkOf(times, values, bins) {
  const [from, to] = [times[0], times[times.length - 1]];
  const least = new Array(bins).fill(null);
  const most = new Array(bins).fill(null);
  let [low, high] = [Infinity, -Infinity];
  for (let row = 0; row < times.length; row += 1) {
    const value = values[row];
    if (!Number.isFinite(value)) continue;
    const bin = Math.min(bins - 1, Math.floor((bins * (times[row] - from)) / Math.max(1, to - from)));
    if (bin < 0) continue;
    if (least[bin] === null || value < least[bin]) least[bin] = value;
    if (most[bin] === null || value > most[bin]) most[bin] = value;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { from, to, least, most, low, high };
}

/** Where several points share a bucket, the last of them: by then the value is the bucket's. */
function lastOfBuckets(columns, interval) {
  const { time } = columns;
  const bucket = (row) => Math.floor(time[row] / interval);
  const rows = [];
  for (let row = 0; row < time.length; row += 1) {
    if (row + 1 < time.length && bucket(row + 1) === bucket(row)) continue;
    rows.push(row);
  }
  if (rows.length === time.length) return columns;
  const taken = {};
  ["time", "value", "expected", "lower", "upper", "share", "status", "anomalous"].forEach((name) => {
    taken[name] = columns[name].constructor.from(rows, (row) => columns[name][row]);
  });
  return taken;
}

/** Buckets with a band, and those that ended outside it. */
function countsOf({ expected, anomalous }) {
  let judged = 0;
  let outside = 0;
  for (let row = 0; row < expected.length; row += 1) {
    judged += expected[row] === expected[row] ? 1 : 0;
    outside += anomalous[row];
  }
  return { judged, outside };
}

/** Stretches of one state: `[from s, to s, state]`. */
function statesOf(columns, interval) {
  const { time, status } = columns;
  const stretches = [];
  for (let row = 0; row < time.length; row += 1) {
    const last = stretches[stretches.length - 1];
    const end = row + 1 < time.length ? time[row + 1] : time[row] + interval;
    if (last && last[2] === status[row]) last[1] = end;
    else stretches.push([time[row], end, status[row]]);
  }
  return stretches;
}
