#!/usr/bin/env bash
# CPU of Fluent Bit with series made from log lines, against a filter that does nothing, the same count in Lua, and Fluent
# Bit's own stream processor.
#   FLUENT_BIT=/path/to/fluent-bit [RUNS=5] [RECORDS=200000] benches/fluent-bit-logs.sh
# tail -> filter -> null over lines of about 250 bytes of 20 services; the commands take turns, medians are printed.
source "$(dirname "$0")/fluent-bit-common.sh" 200000

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

# <name> <filters> <the end of the file>
logs() { configure "$1" app.web $'    time_key: ts\n    time_format: "%s"\n    time_keep: true' "$2" "$3"; }
logs none '' ''
logs noop "$(wasm "$noop" noop "$work/count")" ''
for kind in count p95 five; do logs $kind "$(wasm "$filter" anomaly_filter "$work/$kind")" ''; done
logs lua "$(printf '  filters:\n    - name: lua\n      match: "*"\n      script: %s\n      call: count\n      time_as_table: true\n' "$work/count.lua")" ''
logs stream '' "stream_processor:
  - name: errors
    exec: \"CREATE STREAM errors WITH (tag='errors') AS SELECT service, COUNT(*) FROM TAG:'app.*' WINDOW TUMBLING (60 SECOND) WHERE level = 'error' AND code >= 500 GROUP BY service;\""

take_turns noop count p95 five lua stream none

echo "$records lines of $(($(stat -c %s "$work/in.jsonl") / records)) bytes, median of $runs runs; anomaly_filter.wasm: $(stat -c %s "$filter") bytes"
report 'noop=do-nothing filter' 'count=count, where, by' 'p95=p95, by two fields' 'five=five sections' 'lua=the same count in Lua' \
    'stream=the same count by the stream processor' 'none=no filter at all'
