#!/bin/sh
# 3000 usual latencies, twenty minutes of slow ones, and usual ones again.
cd "$(dirname "$0")" || exit 1
awk -v now="$(date +%s)" 'BEGIN {
    srand(9)
    for (n = 0; n < 3200; n++)
        printf "{\"time\":%d,\"service\":\"pay\",\"latency_ms\":%.2f}\n", now - 60 * (3200 - n), (n >= 3000 && n < 3020 ? 90 : 10) + 4 * rand()
}' > app.log
