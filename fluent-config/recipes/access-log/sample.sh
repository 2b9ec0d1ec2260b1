#!/bin/sh
# Four days of requests up to now: 10 % of them fail for the last twenty minutes but five, and /cart is slow then.
cd "$(dirname "$0")" || exit 1
awk -v now="$(date +%s)" 'BEGIN {
    srand(7); split("/ /cart /search /pay /health", routes, " ")
    begin = now - 4 * 86400; bad = now - 25 * 60; good = now - 5 * 60
    for (second = begin; second < now; second += 20) for (n = int(3 * rand() + 1); n > 0; n--) {
        route = routes[int(5 * rand()) + 1]; incident = second >= bad && second < good
        status = rand() < (incident ? 0.3 : 0.01) ? 503 : 200
        seconds = 0.04 + 0.04 * rand(); if (incident && route == "/cart") seconds *= 4
        printf "{\"time\":%d.%03d,\"method\":\"GET\",\"route\":\"%s\",\"status\":%d,\"seconds\":%.3f}\n", second, 100 * n, route, status, seconds
    }
}' > access.log
