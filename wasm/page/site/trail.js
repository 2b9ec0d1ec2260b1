// Every setting that was tried: undo, redo, reset, what a change did, and the address that shares it.

const WAIT = 600; // ms without a further change that make one entry

const trail = {
  entries: [], // {settings, figures}
  at: -1,
  first: null, // the settings that the page began with
  timer: 0,

  /** Figures of the settings before the present ones. */
  before() {
    const settings = JSON.stringify(controls.get());
    const now = trail.entries[trail.at];
    if (!now || now.of !== (overview.open ? "all" : page.index)) return null;
    return JSON.stringify(now.settings) === settings ? (trail.entries[trail.at - 1]?.figures ?? null) : now.figures;
  },
  /** Takes a result in; a knob that is still being turned makes one entry. */
  commit(figures) {
    clearTimeout(trail.timer);
    const settings = controls.get();
    const of = overview.open ? "all" : page.index;
    const take = () => {
      const now = trail.entries[trail.at];
      // figures of another series say nothing about a change of settings
      if (now && now.of !== of) trail.entries.forEach((entry) => { Object.assign(entry, { figures: null, of }); });
      if (now && JSON.stringify(now.settings) === JSON.stringify(settings)) now.figures = figures ?? now.figures;
      else {
        trail.entries = [...trail.entries.slice(0, trail.at + 1), { settings, figures, of }];
        trail.at = trail.entries.length - 1;
      }
      trail.first ??= settings;
      trail.buttons();
      address.write();
    };
    const entry = trail.entries[trail.at];
    if (!entry || JSON.stringify(entry.settings) === JSON.stringify(settings)) take();
    else trail.timer = setTimeout(take, WAIT);
  },
  async go(by) {
    const entry = trail.entries[trail.at + by];
    if (!entry) return;
    clearTimeout(trail.timer);
    trail.at += by;
    controls.replace(entry.settings);
    trail.buttons();
    await changed();
    address.write();
  },
  async reset() {
    if (!trail.first) return;
    controls.replace(trail.first);
    await changed();
  },
  buttons() {
    byId("undo").disabled = trail.at <= 0;
    byId("redo").disabled = trail.at >= trail.entries.length - 1;
  },
};

/** The part of the address behind `#`: series, stretch of time, settings. */
const address = {
  read() {
    const given = new URLSearchParams(location.hash.slice(1));
    const series = given.get("series");
    const view = (given.get("view") ?? "").split(",").map(Number);
    const settings = {};
    given.forEach((value, key) => { if (key.startsWith("set.")) settings[key.slice(4)] = value; });
    return {
      series,
      index: series === null ? -1 : meta.series.findIndex(({ name }) => name === series),
      view: view.length === 2 && view.every(Number.isFinite) ? view : null,
      settings: Object.keys(settings).length ? settings : null,
    };
  },
  write() {
    const given = new URLSearchParams();
    if (!overview.open && meta.series[page.index]) {
      given.set("series", meta.series[page.index].name);
      given.set("view", view.state.view.map(Math.round).join(","));
    }
    Object.entries(controls.get()).forEach(([key, value]) => given.set(`set.${key}`, value));
    try {
      history.replaceState(null, "", `#${given}`);
    } catch {
      // a page without an address of its own, in a frame for example
    }
  },
};

function trailControls() {
  byId("undo").addEventListener("click", () => trail.go(-1));
  byId("redo").addEventListener("click", () => trail.go(1));
  byId("reset").addEventListener("click", () => trail.reset());
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.target.closest("input")) return;
    event.preventDefault();
    trail.go(event.shiftKey ? 1 : -1);
  });
}
