#!/bin/sh
# Four days of lines of three apps up to now; `pay` writes to stderr for twenty minutes.
cd "$(dirname "$0")" || exit 1
awk -v now="$(date +%s)" 'BEGIN {
    srand(7); split("shop pay mail", apps, " ")
    for (second = now - 4 * 86400; second < now; second += 20) for (n = 1; n <= 3; n++) {
        if (rand() < 0.2) continue
        incident = n == 2 && second >= now - 25 * 60 && second < now - 5 * 60
        stream = rand() < (incident ? 0.9 : 0.1) ? "stderr" : "stdout"
        printf "{\"time\":%d,\"stream\":\"%s\",\"log\":\"line %d\",\"kubernetes\":{\"pod_name\":\"%s-7d4b-x%d\",\"namespace_name\":\"%s\",\"labels\":{\"app\":\"%s\"}}}\n", second, stream, second, apps[n], second % 4, n < 3 ? "web" : "batch", apps[n]
    }
}' > containers.log
