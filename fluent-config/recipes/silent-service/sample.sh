#!/bin/sh
# Four days of lines of three services up to now; `mail` falls silent some twenty minutes before the end, as a window begins:
# so the first window that tells it has the value 0.
cd "$(dirname "$0")" || exit 1
awk -v now="$(date +%s)" 'BEGIN {
    srand(7); split("shop pay mail", services, " "); silent = now - now % 300 - 1200
    for (second = now - 4 * 86400; second < now; second += 20) for (n = 1; n <= 3; n++)
        if (rand() < 0.8 && (n < 3 || second < silent))
            printf "{\"time\":%d,\"service\":\"%s\",\"msg\":\"request %d done\"}\n", second, services[n], second
}' > app.log
