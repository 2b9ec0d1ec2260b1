// Incidents that people marked against the alerts of an evaluation.

const ALERT = 2;

/**
 * An incident is hit when an alert overlaps it, or comes within the trigger window behind its end: a share needs that
 * long to build up. An alert that belongs to no incident is a false alarm.
 */
function judge(incidents, states, triggerSeconds) {
  const alerts = states.filter(([, , state]) => state === ALERT);
  const belongs = ([start, end], { from, to }) => start <= to + triggerSeconds && end >= from;
  const hit = incidents.filter((incident) => alerts.some((alert) => belongs(alert, incident)));
  const falseAlarms = alerts.filter((alert) => !incidents.some((incident) => belongs(alert, incident)));
  return { hits: hit.length, misses: incidents.length - hit.length, falseAlarms: falseAlarms.length, hit };
}

/** `from,to,label` lines (seconds since 1970 or ISO times), or a JSON array of `{from, to, label}`. */
function readIncidents(text) {
  const time = (value) => (/^\s*-?[\d.]+\s*$/.test(value) ? Number(value) : Date.parse(value) / 1000);
  if (/[\0-\x08]/.test(text)) throw new Error("no text: unpack it first");
  if (text.trim().startsWith("[")) {
    return JSON.parse(text).map(({ from, to, label }, at) => checked(time(String(from)), time(String(to)), label ?? "", `entry ${at + 1}`));
  }
  const lines = text.split(/\r?\n/).map((line, at) => [line, at + 1]).filter(([line]) => line.trim() !== "" && !line.startsWith("#"));
  return lines
    .filter(([line, number]) => !(number === 1 && /^\s*from\s*,/i.test(line)))
    .map(([line, number]) => {
      const [from, to, ...label] = line.split(",");
      return checked(time(from), time(to ?? ""), label.join(",").trim(), `line ${number}`);
    });
}

function checked(from, to, label, where) {
  if (!Number.isFinite(from) || !Number.isFinite(to) || to < from) {
    throw new Error(`${where}: needs from,to with two times, the second not before the first`);
  }
  return { from, to, label: String(label) };
}
