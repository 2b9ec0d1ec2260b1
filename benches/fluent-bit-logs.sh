#!/usr/bin/env bash
# CPU of Fluent Bit with series made from log lines, against a filter that does nothing, the same count in Lua, and Fluent
# Bit's own stream processor.
#   FLUENT_BIT=/path/to/fluent-bit [RUNS=5] [RECORDS=200000] benches/fluent-bit-logs.sh
# tail -> filter -> null over lines of about 250 bytes of 20 services; the commands take turns, medians are printed.
set -euo pipefail
: "${FLUENT_BIT:?name the executable: FLUENT_BIT=/opt/fluent-bit/bin/fluent-bit $0}"
runs=${RUNS:-5}
records=${RECORDS:-200000}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$root"
cargo wasm --quiet
filter=$root/target/wasm32-unknown-unknown/release/anomaly_filter.wasm
noop=${NOOP:-}
if [ -z "$noop" ]; then
    cargo build --quiet --release --target wasm32-unknown-unknown \
        --manifest-path benches/noop-filter/Cargo.toml --target-dir target/noop-filter
    noop=$root/target/noop-filter/wasm32-unknown-unknown/release/noop_filter.wasm
fi

awk -v n="$records" 'BEGIN {
    srand(1)
    for (i = 0; i < n; i++) {
        bad = rand() < 0.05
        printf "{\"ts\":\"%d\",\"level\":\"%s\",\"service\":\"svc-%02d\",\"code\":%d,\"route\":\"/api/v1/items/%d\",\"latency_ms\":%.3f,\"user\":\"u%05d\",\"host\":\"node-%02d.example.net\",\"msg\":\"request handled, cache miss, retried once after a timeout of upstream\"}\n",
            1700000000 + int(i / 100), bad ? "error" : "info", int(20 * rand()), bad ? 503 : 200, int(5 * rand()), -40 * log(1 - rand()), int(5000 * rand()), int(30 * rand())
    }
}' >"$work/in.jsonl"

section() { printf '[series.%s]\nmatch: app.*\nevery: 1m\n%s\n' "$1" "$2"; }
for kind in count p95 five; do mkdir "$work/$kind"; printf '[filter]\nstate: off\n' >"$work/$kind/fluent-anomaly.ini"; done
section errors $'where: $level == \'error\' and $code >= 500\nmeasure: count\nby: $service\nk: 7' >>"$work/count/fluent-anomaly.ini"
section slow $'measure: p95 $latency_ms\nby: $service, $route\nk: 7' >>"$work/p95/fluent-anomaly.ini"
{
    section errors $'where: $level == \'error\' and $code >= 500\nmeasure: count\nby: $service\nk: 7'
    section lines $'measure: rate\nby: $service\nk: 7'
    section share $'measure: share $code >= 500\nby: $service\nk: 7'
    section slow $'measure: p95 $latency_ms\nby: $service\nk: 7'
    section users $'measure: distinct $user\nk: 7'
} >>"$work/five/fluent-anomaly.ini"
cat >"$work/count.lua" <<'LUA'
local counts, window = {}, 0
function count(tag, timestamp, record)
    local from = timestamp.sec - timestamp.sec % 60
    if from > window then
        counts, window = {}, from
    end
    if record.level == 'error' and record.code >= 500 then
        counts[record.service] = (counts[record.service] or 0) + 1
    end
    return 0, timestamp, record
end
LUA

# name, then the lines of the filter or of the stream processor
configure() {
    cat >"$work/$1.yaml" <<YAML
service:
  flush: 1
  log_level: error
parsers:
  - name: json
    format: json
    time_key: ts
    time_format: '%s'
    time_keep: true
$3
pipeline:
  inputs:
    - name: tail
      path: $work/in.jsonl
      read_from_head: true
      exit_on_eof: true
      tag: app.web
      parser: json
      buffer_chunk_size: 512k
      buffer_max_size: 4m
$2
  outputs:
    - name: null
      match: '*'
YAML
}
wasm() {
    printf '  filters:\n    - name: wasm\n      match: "*"\n      wasm_path: %s\n      function_name: %s\n      event_format: json\n      accessible_paths: %s\n' "$1" "$2" "$3"
}
configure none '' ''
configure noop "$(wasm "$noop" noop "$work/count")" ''
for kind in count p95 five; do configure $kind "$(wasm "$filter" anomaly_filter "$work/$kind")" ''; done
configure lua "$(printf '  filters:\n    - name: lua\n      match: "*"\n      script: %s\n      call: count\n      time_as_table: true\n' "$work/count.lua")" ''
configure stream '' "stream_processor:
  - name: errors
    exec: \"CREATE STREAM errors WITH (tag='errors') AS SELECT service, COUNT(*) FROM TAG:'app.*' WINDOW TUMBLING (60 SECOND) WHERE level = 'error' AND code >= 500 GROUP BY service;\""

kinds=(noop count p95 five lua stream none)
TIMEFORMAT='%U %S'
for ((run = 0; run < runs; run++)); do
    for kind in "${kinds[@]}"; do
        { time "$FLUENT_BIT" -c "$work/$kind.yaml" >/dev/null 2>"$work/log"; } 2>>"$work/$kind.cpu"
        # a module that does not load costs nothing: that must show (the banner need not)
        grep -E '\[ *(error|warn)|fluent-anomaly\]' "$work/log" | head -3 >&2 || true
    done
done

echo "$records lines of $(($(stat -c %s "$work/in.jsonl") / records)) bytes, median of $runs runs; anomaly_filter.wasm: $(stat -c %s "$filter") bytes"
awk '
    function median(a, n,    i, j, t) {
        for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j-1]; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
        return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
    }
    # of each file, one kind of filter, the runs and their ratios to the do-nothing filter of the same turn
    function report(name,    n, i, runs, ratios) {
        for (i = 1; (i, file) in cpu; i++) { runs[i] = cpu[i, file]; ratios[i] = runs[i] / cpu[i, 1]; n = i }
        printf "%-40s %.2f s CPU, %.2f times\n", name, median(runs, n), median(ratios, n)
    }
    FNR == 1 { file++ }
    { cpu[FNR, file] = $1 + $2 }
    END {
        split("do-nothing filter|count, where, by|p95, by two fields|five sections|the same count in Lua|the same count by the stream processor|no filter at all", names, "|")
        for (file = 1; file <= 7; file++) report(names[file])
    }' "$work"/{noop,count,p95,five,lua,stream,none}.cpu
