// The form: a control for each parameter. Values are texts; the engine says which of them are not allowed.

const ALGORITHMS = ["basic", "agile", "robust"];
const WINDOWS = ["last_5m", "last_15m", "last_30m", "last_1h", "last_2h", "last_4h", "last_1d"];

/** Key, label, a sentence that says what it does, and either choices or a hint of what holds when the field is empty. */
const GROUPS = [
  ["Alarms", [
    { key: "alarms", label: "False alarms allowed", choices: ["1/hour", "1/day", "1/week", "1/month", "off"], help: "How many false alarms may be raised; the calibrated score alarms at what is rarer than that." },
    { key: "alarms_for", label: "Budget", choices: ["for each series", "for all"], help: "One budget for each series, or one for all of them together; then alarms that begin together are one incident." },
  ]],
  ["Group: each series beside the others", [
    { key: "group", label: "Outliers by", wide: true, choices: ["off", "1/day", "1/week", "1/month", "dbscan", "scaled_dbscan", "mad", "scaled_mad"], help: "Finds series that do not behave as the others do: by a budget of false alarms of the whole group, or by a distance." },
    { key: "tolerance", label: "Tolerance", step: 0.5, least: 0.5, hint: "3", help: "How many usual deviations a series may be away from its group; a budget needs none." },
    { key: "group_interval", label: "Interval, s", step: 60, least: 1, hint: "60", help: "Series are compared once in so many seconds, by their means." },
  ]],
  ["Monitor: band", [
    { key: "algorithm", label: "Algorithm", choices: ALGORITHMS, help: "Basic follows the level, agile follows seasons and shifts, robust holds on to the seasons it knows." },
    { key: "deviations", label: "Deviations", step: 0.5, least: 0.5, help: "The width of the band: more deviations make fewer points anomalous." },
    { key: "seasonality", label: "Seasonality", choices: ["", "hourly", "daily", "weekly"], seasonal: true, help: "The pattern that repeats; a band needs three of them first." },
    { key: "direction", label: "Direction", choices: ["both", "above", "below"], help: "Which side of the band is anomalous." },
    { key: "interval", label: "Rollup, s", step: 60, least: 1, help: "Points are averaged over this many seconds before they are judged." },
    { key: "timezone", label: "Time zone, DST", list: "zones", hint: "UTC", seasonal: true, help: "Days begin at midnight there, and follow its daylight saving." },
    { key: "metric", label: "Metric query", wide: true, hint: "avg:value{*}", help: "The metric as Datadog writes it; it goes into the copied query." },
  ]],
  ["Monitor: windows and thresholds", [
    { key: "trigger_window", label: "Trigger window", list: "windows", help: "The share of anomalous points is taken over this window." },
    { key: "recovery_window", label: "Recovery window", list: "windows", hint: "as trigger", help: "An alert ends when the share over this window is low enough." },
    { key: "critical", label: "Alert at share", step: 0.1, least: 0, help: "Share of anomalous points, 0 to 1, that alerts." },
    { key: "critical_recovery", label: "Alert recovery", step: 0.1, least: 0, hint: "0", help: "Share at which an alert ends." },
    { key: "warning", label: "Warn at share", step: 0.1, least: 0, hint: "off", help: "Share of anomalous points, 0 to 1, that warns." },
    { key: "warning_recovery", label: "Warn recovery", step: 0.1, least: 0, hint: "0", help: "Share at which a warning ends." },
    { key: "query_window", label: "Query window", list: "windows", hint: "5 x trigger", help: "The time that Datadog's chart shows; it does not change what alerts." },
    { key: "evaluation_delay", label: "Evaluation delay, s", step: 60, least: 0, hint: "0", help: "Waits this long for points that come late." },
    { key: "notify_no_data", label: "Notify no data", choices: ["", "true", "false"], help: "A silent series becomes NO DATA." },
    { key: "require_full_window", label: "Require full window", choices: ["", "true", "false"], help: "Judges only windows without gaps." },
    { key: "count_default_zero", label: "Empty counts are 0", choices: ["", "true", "false"], help: "A count without points is a 0." },
  ]],
  ["ChangeFinder", [
    { key: "r", label: "r, discounting rate", step: 0.005, least: 0, hint: "0.02", help: "How fast old points are forgotten: 0.02 remembers about fifty." },
    { key: "k", label: "k, AR order", step: 1, least: 1, hint: "by AIC", help: "How many points before it predict a point." },
    { key: "T1", label: "T1, points", step: 1, least: 1, hint: "10", help: "Outlier scores are averaged over this many points." },
    { key: "T2", label: "T2, points", step: 1, least: 1, hint: "5", help: "Change scores are averaged over this many points." },
    { key: "ar", label: "ar", choices: ["yule", "burg"], help: "How the AR model is estimated." },
    { key: "score", label: "score", choices: ["logloss", "hellinger"], help: "What a score measures: surprise, or how far the prediction moves." },
  ]],
];

const FOR_ALL = "for all";
const DEFAULTS = {
  alarms: "1/week", alarms_for: "for each series", group: "off",
  algorithm: "basic", deviations: "2", direction: "both", interval: "60", trigger_window: "last_15m",
  critical: "0.8", ar: "yule", score: "logloss",
};

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  made.append(...children);
  return made;
}

function fieldOf(control) {
  const id = `control-${control.key}`;
  let input;
  if (control.choices) {
    input = element("select", { id });
    control.choices.forEach((choice) => input.append(element("option", { value: choice }, choice || "not set")));
  } else {
    input = element("input", { id, autocomplete: "off", spellcheck: "false", placeholder: control.hint ?? "" });
    if (control.step) input.inputMode = "decimal";
    if (control.list) input.setAttribute("list", control.list);
  }
  input.name = control.key;
  input.setAttribute("aria-describedby", `${id}-problem ${id}-help`);
  const field = element("div", { class: control.wide ? "field wide" : "field", title: control.help },
    element("label", { for: id }, control.label), input, element("span", { class: "problem", id: `${id}-problem` }), element("div", {}, element("span", { class: "help", id: `${id}-help` }, control.help)));
  return field;
}

/** Arrow up and down step a number, as in a number field, but any text may be typed. */
function step(input, control, up) {
  const now = Number(input.value || control.hint || control.least);
  if (!Number.isFinite(now)) return;
  const next = Math.max(control.least, now + (up ? control.step : -control.step));
  input.value = String(Math.round(next * 1e6) / 1e6);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function buildControls(form, changed) {
  const controls = GROUPS.flatMap(([, members]) => members);
  GROUPS.forEach(([title, members]) => {
    form.append(element("fieldset", {}, element("legend", {}, title), ...members.map(fieldOf)));
  });
  const listOf = (id, values) => {
    form.append(element("datalist", { id }, ...values.map((value) => element("option", { value }))));
  };
  listOf("windows", WINDOWS);
  listOf("zones", Intl.supportedValuesOf?.("timeZone") ?? ["UTC", "Europe/Vienna", "America/New_York"]);
  let extra = {}; // settings without a control, such as a message
  const get = () => {
    const settings = { ...extra };
    controls.forEach(({ key }) => {
      const value = form.elements[key].value.trim();
      if (value !== "") settings[key] = value;
    });
    // what a control shows where nothing is said is not said
    if (settings.alarms_for === FOR_ALL && settings.alarms !== "off") settings.alarms += ` ${FOR_ALL}`;
    delete settings.alarms_for;
    if (settings.group === "off") delete settings.group;
    return settings;
  };
  /** As the controls show it. */
  const shown = ({ alarms, ...others }) => {
    if (alarms === undefined) return others;
    const forAll = alarms.endsWith(` ${FOR_ALL}`);
    return { ...others, alarms: forAll ? alarms.slice(0, -FOR_ALL.length - 1) : alarms, alarms_for: forAll ? FOR_ALL : DEFAULTS.alarms_for };
  };
  const set = (settings) => {
    Object.entries(shown(settings)).forEach(([key, value]) => {
      const input = form.elements[key];
      if (!input) extra[key] = value;
      else {
        // a budget of its own, from a configuration
        if (input.options && value !== "" && ![...input.options].some((option) => option.value === value)) input.append(element("option", { value }, value));
        input.value = value;
      }
    });
    dim();
  };
  /** All settings at once: what is not given is empty. */
  const replace = (settings) => {
    extra = {};
    set({ ...Object.fromEntries(controls.map(({ key }) => [key, ""])), alarms_for: DEFAULTS.alarms_for, group: "off", ...settings });
  };
  const dim = () => {
    const basic = form.elements.algorithm.value === "basic";
    const { alarms, group } = form.elements;
    const idle = (key, is) => form.elements[key].parentElement.classList.toggle("idle", is);
    idle("alarms_for", alarms.value === "off");
    idle("tolerance", group.value === "off" || group.value.includes("/"));
    idle("group_interval", group.value === "off");
    controls.filter(({ seasonal }) => seasonal).forEach(({ key }) => {
      const field = form.elements[key].parentElement;
      field.classList.toggle("idle", basic);
      field.title = basic ? "Basic knows no seasons." : controls.find((control) => control.key === key).help;
      field.querySelector(".help").textContent = field.title;
    });
  };
  form.addEventListener("input", () => { dim(); changed(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("keydown", (event) => {
    const control = controls.find(({ key }) => key === event.target.name);
    if (!control?.step || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    step(event.target, control, event.key === "ArrowUp");
  });
  const problems = (list) => {
    controls.forEach(({ key }) => {
      const said = list.filter((problem) => problem.key === key).map((problem) => problem.message);
      const input = form.elements[key];
      input.setAttribute("aria-invalid", said.length > 0);
      document.getElementById(`control-${key}-problem`).textContent = said.join("; ");
    });
    const others = list.filter(({ key }) => !form.elements[key]);
    // the same mistake can be told at its field already
    const untold = others.length === list.length ? others : others.filter(({ key }) => key !== "anomalies");
    tell(untold.map(({ key, message }) => `${key}: ${message}`).join("\n"), "settings");
  };
  set(DEFAULTS);
  return { get, set, replace, problems };
}
