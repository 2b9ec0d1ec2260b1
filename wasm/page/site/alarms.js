// Alarms of the calibrated score: on the charts, and as a list.

/** A word above each alarm, where there is room for it: over the grid, which is drawn after the stretches. */
function paintAlarmWords(u, found) {
  const { ctx, bbox } = u;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.font = `600 ${11 * scale}px system-ui`;
  ctx.textAlign = "left"; // the axes leave another
  ctx.textBaseline = "top";
  let free = bbox.left;
  found.forEach(({ from, reason, size }) => {
    const x = u.valToPos(from, "x", true) + 3 * scale;
    const text = `${reason} ${short(Number(size.toPrecision(2)))}σ`;
    const width = ctx.measureText(text).width;
    if (x < free || x + width > bbox.left + bbox.width) return;
    ctx.fillStyle = colour("back");
    ctx.fillRect(x - scale, bbox.top + 4 * scale, width + 2 * scale, 13 * scale);
    ctx.fillStyle = colour("text");
    ctx.fillText(text, x, bbox.top + 5 * scale);
    free = x + width + 4 * scale;
  });
  ctx.restore();
}

/** How many series the incident of an alarm has, where one budget is for all. */
function sharedBy({ incident }) {
  const series = together.incidents[incident]?.series ?? 1;
  return series > 1 ? `, one of ${series} series of an incident` : "";
}

function listAlarms() {
  const items = [...page.alarms].reverse().slice(0, 100).map((alarm) => {
    const minutes = Math.round((alarm.to - alarm.from) / 60);
    const go = element("button", { type: "button" }, when(alarm.from));
    go.addEventListener("click", () => view.set("view", [alarm.from - 6 * 3600, alarm.to + 6 * 3600]));
    return element("li", {}, go, ` ${alarm.reason}: ${short(alarm.observed)} instead of ${short(alarm.expected)}, ${short(Number(alarm.size.toPrecision(3)))} usual deviations${minutes > 0 ? `, ${minutes} min` : ""}${sharedBy(alarm)}`);
  });
  const apart = [...page.outliers].reverse().slice(0, 100).map(({ from, to, distance }) => {
    const go = element("button", { type: "button" }, when(from));
    go.addEventListener("click", () => view.set("view", [from - 6 * 3600, to + 6 * 3600]));
    return element("li", {}, go, ` outlier of its group: ${short(Number(distance.toPrecision(3)))} usual deviations, ${Math.max(1, Math.round((to - from) / 60))} min`);
  });
  const details = byId("alarms");
  details.querySelector("ul").replaceChildren(...items, ...apart);
  const judged = page.judgedFrom === undefined ? "not judged yet: too few points" : `${page.alarms.length}`;
  details.querySelector("summary").textContent = `Alarms of the calibrated score (${judged})`;
}
