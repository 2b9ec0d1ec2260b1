// The time that is looked at: `context` in the historical view, `view` in all charts below.

function buildView(changed) {
  let whole = [0, 1];
  const state = { view: [0, 1], context: [0, 1] };

  const within = ([from, to], [least, most]) => {
    const length = Math.min(to - from, most - least);
    const start = Math.min(Math.max(from, least), most - length);
    return [start, start + length];
  };
  const set = (which, range) => {
    const shortest = which === "view" ? 60 : 600;
    if (range[1] - range[0] < shortest) range = [(range[0] + range[1] - shortest) / 2, (range[0] + range[1] + shortest) / 2];
    state[which] = within(range, whole);
    if (which === "view") {
      const [from, to] = state.view;
      const [left, right] = state.context;
      // what is shown below is always to be seen above
      if (from < left || to > right) state.context = within([Math.min(from, left), Math.max(to, right)], whole);
    }
    changed(which);
  };

  return {
    state,
    /** A new series: the whole above, its end below. */
    reset(from, to, length) {
      whole = [from, to > from ? to : from + 3600];
      state.context = [...whole];
      state.view = within([whole[1] - length, whole[1]], whole);
      changed("view");
    },
    /** The same series with more points: what is looked at is given. */
    extend(from, to, range) {
      whole = [from, to > from ? to : from + 3600];
      state.context = [...whole];
      state.view = within(range, whole);
      changed("view");
    },
    set,
    /** Seconds; 0 is everything. */
    length(seconds) {
      const [, end] = state.view;
      set("view", seconds > 0 ? [end - seconds, end] : [...whole]);
      if (seconds === 0) set("context", [...whole]);
    },
    move(which, part) {
      const [from, to] = state[which];
      set(which, [from + part * (to - from), to + part * (to - from)]);
    },
    /** Brings an instant into the middle of what is shown. */
    look(at) {
      const [from, to] = state.view;
      set("view", [at - (to - from) / 2, at + (to - from) / 2]);
    },
    /** About an instant, the middle when none is given. */
    zoom(which, factor, at) {
      const [from, to] = state[which];
      const centre = at ?? (from + to) / 2;
      set(which, [centre - (centre - from) * factor, centre + (to - centre) * factor]);
    },
  };
}

/** Wheel, keys, clicks and dragging on a chart. */
function steer(box, chartOf, view, which, clicked, dragged = () => {}) {
  const timeAt = (event) => {
    const chart = chartOf();
    return chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, "x");
  };
  box.addEventListener("wheel", (event) => {
    if (!event.target.closest(".u-over")) return;
    event.preventDefault();
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) view.move(which, sideways / 1500);
    else view.zoom(which, event.deltaY > 0 ? 1.25 : 0.8, timeAt(event));
  }, { passive: false });
  let pressed = 0; // px
  box.addEventListener("pointerdown", (event) => { pressed = event.clientX; }, true);
  box.addEventListener("click", (event) => {
    if (event.target.closest(".u-over") && Math.abs(event.clientX - pressed) < 3) clicked(timeAt(event));
  });
  /** Moves the cursor by a point: what a pointer would read. */
  const read = (by) => {
    const chart = chartOf();
    const times = chart.data[0];
    const last = times.length - 1;
    if (last < 0) return;
    const { min, max } = chart.scales.x;
    const inside = (row) => times[row] >= min && times[row] <= max;
    let row = chart.cursor.idx ?? (by > 0 ? -1 : last + 1);
    do row += by; while (row >= 0 && row <= last && !inside(row));
    if (row < 0 || row > last) return;
    const column = chart.data.find((values, n) => n > 0 && values[row] !== null && values[row] !== undefined && chart.series[n].show);
    chart.setCursor({ left: chart.valToPos(times[row], "x"), top: column ? chart.valToPos(column[row], "y") : 0 }, true, true);
    byId("spoken").textContent = byId("readout").textContent;
  };
  box.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.5 : 0.1;
    const act = { ArrowLeft: () => view.move(which, -step), ArrowRight: () => view.move(which, step),
      "+": () => view.zoom(which, 0.7), "=": () => view.zoom(which, 0.7), "-": () => view.zoom(which, 1.4),
      ",": () => read(-1), ".": () => read(1),
      Home: () => view.move(which, -1e6), End: () => view.move(which, 1e6) }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  return (u) => {
    const { left, width } = u.select;
    if (width < 3) return;
    const range = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    dragged(range);
  };
}
