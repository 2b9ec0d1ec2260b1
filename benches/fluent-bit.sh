#!/usr/bin/env bash
# CPU of Fluent Bit with the anomaly filter, against the same with a filter that does nothing.
#   FLUENT_BIT=/path/to/fluent-bit [RUNS=5] [RECORDS=400000] benches/fluent-bit.sh
# tail -> filter -> null over records of about 110 bytes in 50 series; the commands take turns, medians are printed.
source "$(dirname "$0")/fluent-bit-common.sh" 400000

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

# <name> <module> <function> <folder>
filtered() { configure "$1" changefinder.cpu '' "$(wasm "$2" "$3" "$4")" ''; }
filtered noop "$noop" noop "$work/off"
for kind in off monitor calibrated journal; do filtered $kind "$filter" anomaly_filter "$work/$kind"; done

before_each() { rm -rf "$work/journal/state"; }
take_turns noop off monitor calibrated journal

echo "$records records, median of $runs runs; anomaly_filter.wasm: $(stat -c %s "$filter") bytes"
report 'noop=do-nothing filter' 'off=state: off' 'monitor=with a robust monitor' 'calibrated=anomaly_score: on' 'journal=state, journal: record'
