#!/bin/sh
# Three days of ten hosts. A deploy slows six of them twelve hours ago; web-9 is slow and has errors in the last hour but one.
cd "$(dirname "$0")" || exit 1
awk -v now="$(date +%s)" 'BEGIN {
    srand(7); now -= now % 300
    for (n = 864; n >= 0; n--) for (host = 0; host < 10; host++) {
        deploy = n <= 144 && n > 138 && host < 6; sick = n <= 24 && n > 12 && host == 9
        printf "{\"time\":%d,\"host\":\"web-%d\",\"latency_ms\":%.2f,\"errors\":%d}\n", now - 300 * n + host, host,
            (deploy || sick ? 90 : 10) + 4 * rand(), (sick ? 60 : 3) + int(4 * rand())
    }
}' > app.log
