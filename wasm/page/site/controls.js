// The form: a control for each parameter. Values are texts; the engine says which of them are not allowed.

const ALGORITHMS = ["basic", "agile", "robust"];
const WINDOWS = ["last_5m", "last_15m", "last_30m", "last_1h", "last_2h", "last_4h", "last_1d"];

/** Key, label, and either choices or a hint of what holds when the field is empty. */
const GROUPS = [
  ["Band", [
    { key: "algorithm", label: "Algorithm", choices: ALGORITHMS },
    { key: "deviations", label: "Deviations", step: 0.5, least: 0.5 },
    { key: "seasonality", label: "Seasonality", choices: ["", "hourly", "daily", "weekly"], seasonal: true },
    { key: "direction", label: "Direction", choices: ["both", "above", "below"] },
    { key: "interval", label: "Rollup, s", step: 60, least: 1 },
    { key: "timezone", label: "Time zone, DST", list: "zones", hint: "UTC", seasonal: true },
    { key: "metric", label: "Metric query", wide: true, hint: "avg:value{*}" },
  ]],
  ["Windows and thresholds", [
    { key: "trigger_window", label: "Trigger window", list: "windows" },
    { key: "recovery_window", label: "Recovery window", list: "windows", hint: "as trigger" },
    { key: "critical", label: "Alert at share", step: 0.1, least: 0 },
    { key: "critical_recovery", label: "Alert recovery", step: 0.1, least: 0, hint: "0" },
    { key: "warning", label: "Warn at share", step: 0.1, least: 0, hint: "off" },
    { key: "warning_recovery", label: "Warn recovery", step: 0.1, least: 0, hint: "0" },
    { key: "query_window", label: "Query window", list: "windows", hint: "5 x trigger" },
    { key: "evaluation_delay", label: "Evaluation delay, s", step: 60, least: 0, hint: "0" },
    { key: "notify_no_data", label: "Notify no data", choices: ["", "true", "false"] },
    { key: "require_full_window", label: "Require full window", choices: ["", "true", "false"] },
    { key: "count_default_zero", label: "Empty counts are 0", choices: ["", "true", "false"] },
  ]],
  ["ChangeFinder", [
    { key: "r", label: "r, discounting rate", step: 0.005, least: 0, hint: "0.02" },
    { key: "k", label: "k, AR order", step: 1, least: 1, hint: "by AIC" },
    { key: "T1", label: "T1, points", step: 1, least: 1, hint: "10" },
    { key: "T2", label: "T2, points", step: 1, least: 1, hint: "5" },
    { key: "ar", label: "ar", choices: ["yule", "burg"] },
    { key: "score", label: "score", choices: ["logloss", "hellinger"] },
  ]],
];

const DEFAULTS = {
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
    control.choices.forEach((choice) => input.append(element("option", { value: choice }, choice || "–")));
  } else {
    input = element("input", { id, autocomplete: "off", spellcheck: "false", placeholder: control.hint ?? "" });
    if (control.step) input.inputMode = "decimal";
    if (control.list) input.setAttribute("list", control.list);
  }
  input.name = control.key;
  input.setAttribute("aria-describedby", `${id}-problem`);
  const field = element("div", { class: control.wide ? "field wide" : "field" },
    element("label", { for: id }, control.label), input, element("span", { class: "problem", id: `${id}-problem` }));
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
    return settings;
  };
  const set = (settings) => {
    Object.entries(settings).forEach(([key, value]) => {
      const input = form.elements[key];
      if (input) input.value = value;
      else extra[key] = value;
    });
    dim();
  };
  const dim = () => {
    const basic = form.elements.algorithm.value === "basic";
    controls.filter(({ seasonal }) => seasonal).forEach(({ key }) => {
      const field = form.elements[key].parentElement;
      field.classList.toggle("idle", basic);
      field.title = basic ? "basic knows no seasons" : "";
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
  return { get, set, problems };
}
