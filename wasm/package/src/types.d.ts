/** Keys of `[monitor.*]` and `[series.*]`, and the arguments of the query one by one; all optional. */
export interface SeriesSettings {
  /** A whole query; then the arguments below it are not looked at. */
  query?: string;
  metric?: string;
  algorithm?: "basic" | "agile" | "robust";
  deviations?: number | string;
  direction?: "both" | "above" | "below";
  seasonality?: "hourly" | "daily" | "weekly" | "";
  timezone?: string;
  query_window?: string;
  trigger_window?: string;
  recovery_window?: string;
  interval?: number | string;
  count_default_zero?: boolean | string;
  critical?: number | string;
  critical_recovery?: number | string;
  warning?: number | string;
  warning_recovery?: number | string;
  r?: number | string;
  k?: number | string;
  T1?: number | string;
  T2?: number | string;
  ar?: "yule" | "burg";
  score?: "logloss" | "hellinger";
  [key: string]: string | number | boolean | undefined;
}
export interface SettingsProblem {
  key: string;
  message: string;
}
export interface SettingsSuggestion {
  settings: { algorithm: string; deviations: string; interval: string; seasonality: string; trigger_window: string; critical: string };
  reasons: { key: string; text: string }[];
}
export interface EvaluationReport {
  query: string;
  ini: string;
  json: string;
  explanation: string[];
  summary: { points: number; judged: number; anomalous: number; alerts: number; warnings: number; late: number };
  critical: number;
  recovery: number;
  warning?: number;
  interval: number;
  trigger_s: number;
}
