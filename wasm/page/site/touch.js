// Fingers on a chart: one moves through time, two zoom about what lies between them. Up and down scrolls the page.

/** What lies under a finger stays under it. `marked` gets a stretch while incidents are marked. */
function fingers(box, chartOf, view, which, marked) {
  const NEAR = 16; // px: closer fingers would zoom by chance
  let held = null; // the times under the fingers, in the order of `touches`
  let started = null; // time at which marking began

  const plot = () => chartOf().over.getBoundingClientRect();
  const xs = (event) => [...event.targetTouches].slice(0, 2).map(({ clientX }) => clientX - plot().left);
  const timeAt = (x) => {
    const [from, to] = view.state[which];
    return from + (x / plot().width) * (to - from);
  };
  const hold = (event) => {
    held = xs(event).map(timeAt);
    started = page.marking && held.length === 1 ? held[0] : null;
  };

  const drag = ([x]) => {
    const [from, to] = view.state[which];
    const start = held[0] - (x / plot().width) * (to - from);
    view.set(which, [start, start + (to - from)]);
  };
  const pinch = ([left, right]) => {
    if (Math.abs(right - left) < NEAR || held[0] === held[1]) return;
    const length = ((held[1] - held[0]) / (right - left)) * plot().width;
    if (length <= 0) return; // the fingers have crossed
    const start = held[0] - (left / plot().width) * length;
    view.set(which, [start, start + length]);
  };
  const select = (x) => {
    const chart = chartOf();
    const [a, b] = [chart.valToPos(started, "x"), Math.min(Math.max(x, 0), plot().width)];
    chart.setSelect({ left: Math.min(a, b), width: Math.abs(b - a), top: 0, height: plot().height }, false);
  };

  box.addEventListener("touchstart", (event) => {
    if (!event.target.closest(".u-over")) return;
    if (event.targetTouches.length > 1) event.preventDefault(); // no zoom of the page
    hold(event);
  }, { passive: false });
  box.addEventListener("touchmove", (event) => {
    if (!held) return;
    const at = xs(event);
    if (at.length !== held.length) return hold(event);
    if (event.cancelable && (at.length === 2 || started !== null)) event.preventDefault();
    if (at.length === 2) pinch(at);
    else if (started !== null) select(at[0]);
    else drag(at);
  }, { passive: false });
  box.addEventListener("touchend", (event) => {
    if (!held) return;
    if (started !== null && event.targetTouches.length === 0) {
      const chart = chartOf();
      const { left, width } = chart.select;
      chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      if (width > 3) marked([chart.posToVal(left, "x"), chart.posToVal(left + width, "x")]);
    }
    event.targetTouches.length ? hold(event) : (held = null);
  });
  // the page has begun to scroll
  box.addEventListener("touchcancel", () => { held = null; });
}
