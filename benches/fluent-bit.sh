#!/usr/bin/env bash
# CPU of Fluent Bit with the anomaly filter, against the same with a filter that does nothing.
#   FLUENT_BIT=/path/to/fluent-bit [RUNS=5] [RECORDS=400000] benches/fluent-bit.sh
# tail -> filter -> null over records of about 110 bytes in 50 series; the commands take turns, medians are printed.
set -euo pipefail
: "${FLUENT_BIT:?name the executable: FLUENT_BIT=/opt/fluent-bit/bin/fluent-bit $0}"
runs=${RUNS:-5}
records=${RECORDS:-400000}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$root"
cargo wasm --quiet
filter=$root/target/wasm32-unknown-unknown/release/anomaly_filter.wasm
cargo build --quiet --release --target wasm32-unknown-unknown \
    --manifest-path benches/noop-filter/Cargo.toml --target-dir target/noop-filter
noop=$root/target/noop-filter/wasm32-unknown-unknown/release/noop_filter.wasm

awk -v n="$records" 'BEGIN {
    srand(1)
    for (i = 0; i < n; i++) {
        host = sprintf("web-%02d", i % 50)
        printf "{\"metric\":\"system.cpu.idle\",\"raw_value\":%.4f,\"scope\":\"host:%s\",\"host\":\"%s\",\"time\":%d}\n",
            40 + 20 * rand(), host, host, 1700000000 + 60 * int(i / 50)
    }
}' >"$work/in.jsonl"

for kind in off monitor calibrated journal; do
    mkdir "$work/$kind"
    state='state: off'
    [ "$kind" = journal ] && state=$'state: state\njournal: record'
    [ "$kind" = calibrated ] && state=$'state: off\nanomaly_score: on'
    printf '[filter]\n%s\n[datadog.cpu]\nquery: avg:system.cpu.idle{*} by {host}\nr: 0.02\nk: 7\nT1: 10\nT2: 5\n' \
        "$state" >"$work/$kind/fluent-anomaly.ini"
done
# state: off as well; each record closes a bucket of its series
cat >>"$work/monitor/fluent-anomaly.ini" <<'INI'
[monitor.cpu]
on: cpu
query: avg(last_4h):anomalies(avg:system.cpu.idle{*} by {host}, 'robust', 3, alert_window='last_15m', interval=60, seasonality='hourly') >= 0.8
INI

# name, module, function, folder
configure() {
    cat >"$work/$1.yaml" <<YAML
service:
  flush: 1
  log_level: error
parsers:
  - name: json
    format: json
pipeline:
  inputs:
    - name: tail
      path: $work/in.jsonl
      read_from_head: true
      exit_on_eof: true
      tag: changefinder.cpu
      parser: json
      buffer_chunk_size: 512k
      buffer_max_size: 4m
  filters:
    - name: wasm
      match: '*'
      wasm_path: $2
      function_name: $3
      event_format: json
      accessible_paths: $4
  outputs:
    - name: null
      match: '*'
YAML
}
configure noop "$noop" noop "$work/off"
configure off "$filter" anomaly_filter "$work/off"
configure monitor "$filter" anomaly_filter "$work/monitor"
configure calibrated "$filter" anomaly_filter "$work/calibrated"
configure journal "$filter" anomaly_filter "$work/journal"

TIMEFORMAT='%U %S'
for ((run = 0; run < runs; run++)); do
    for kind in noop off monitor calibrated journal; do
        rm -rf "$work/journal/state"
        { time "$FLUENT_BIT" -c "$work/$kind.yaml" >/dev/null 2>"$work/log"; } 2>>"$work/$kind.cpu"
        # a module that does not load costs nothing: that must show (the banner need not)
        grep -E '\[ *(error|warn)|fluent-anomaly\]' "$work/log" >&2 || true
    done
done

echo "$records records, median of $runs runs; anomaly_filter.wasm: $(stat -c %s "$filter") bytes"
awk '
    function median(a, n,    i, j, t) {
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j-1]; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    # of each file, one kind of filter, the runs and their ratios to the do-nothing filter of the same turn
    function report(name,    n, i, runs, ratios, text) {
        for (i = 1; (i, file) in cpu; i++) { runs[i] = cpu[i, file]; ratios[i] = runs[i] / cpu[i, 1]; n = i }
        text = sprintf("%-24s %.2f s CPU", name, median(runs, n))
        print file == 1 ? text : text sprintf(", %.2f times", median(ratios, n))
    }
    FNR == 1 { file++ }
    { cpu[FNR, file] = $1 + $2 }
    END {
        split("do-nothing filter|state: off|with a robust monitor|anomaly_score: on|state, journal: record", names, "|")
        for (file = 1; file <= 5; file++) report(names[file])
    }' "$work"/{noop,off,monitor,calibrated,journal}.cpu
