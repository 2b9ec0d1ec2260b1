#!/bin/sh
# Four days of lines of three services up to now; `pay` logs eight times its usual errors for twenty minutes.
cd "$(dirname "$0")" || exit 1
awk -v now="$(date +%s)" 'BEGIN {
    srand(7); split("shop pay mail", services, " ")
    for (second = now - 4 * 86400; second < now; second += 20) for (n = 1; n <= 3; n++) {
        if (rand() < 0.2) continue
        incident = n == 2 && second >= now - 25 * 60 && second < now - 5 * 60
        if (rand() < (incident ? 0.8 : 0.1)) printf "{\"time\":%d,\"service\":\"%s\",\"level\":\"error\",\"msg\":\"request %d failed\"}\n", second, services[n], second
        else printf "{\"time\":%d,\"service\":\"%s\",\"level\":\"info\",\"msg\":\"request %d done\"}\n", second, services[n], second
    }
}' > app.log
