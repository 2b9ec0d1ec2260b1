#!/bin/sh
# CPU seconds of 100 000 annotated records (200 000 points) through Fluent Bit: `null` output against `dd`.
#   output-dd/bench/cpu.sh /path/to/fluent-bit [/path/to/libout_dd.so]
# Needs python3 for the records and for an intake that accepts everything; its CPU is not counted.
set -eu
bit=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
library=${2:-$here/target/release/libout_dd.so}
work=$(mktemp -d)
trap 'kill "$intake" 2>/dev/null; rm -rf "$work"' EXIT

python3 - "$work" <<'PY' &
import http.server, json, os, random, sys, time, zlib
work = sys.argv[1]
random.seed(1)
now = int(time.time())
with open(work + "/records.log", "w") as out:
    for i in range(100_000):
        host = f"web{i % 50}"
        out.write(json.dumps({
            "metric": "system.cpu.idle", "raw_value": random.uniform(0, 100), "scope": f"host:{host},env:prod",
            "host": host, "time": now - 2000 + i // 50,
            "metric_outlier": "changefinder.outlier.cpu", "score_outlier": random.expovariate(0.2),
            "metric_change": "changefinder.change.cpu", "score_change": random.expovariate(0.2),
        }) + "\n")
class Intake(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    points = requests = 0
    def do_POST(self):
        if not os.path.exists(work + "/points"):
            Intake.points = Intake.requests = 0
        body = zlib.decompress(self.rfile.read(int(self.headers["content-length"])))
        Intake.points += body.count(b'"timestamp"')
        Intake.requests += 1
        with open(work + "/points", "w") as out:
            out.write(f"{Intake.points} points in {Intake.requests} requests\n")
        self.send_response(202)
        self.send_header("Content-Length", "13")
        self.end_headers()
        self.wfile.write(b'{"errors":[]}')
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Intake)
with open(work + "/port.new", "w") as out:
    out.write(str(server.server_address[1]))
os.rename(work + "/port.new", work + "/port")
server.serve_forever()
PY
intake=$!
while [ ! -f "$work/port" ]; do sleep 0.1; done

printf '[PARSER]\n    Name json\n    Format json\n' > "$work/parsers.conf"
run() { # label, output section
    printf '[SERVICE]\n    Flush 0.2\n    Grace 5\n    Log_Level warn\n    Parsers_File %s/parsers.conf\n[INPUT]\n    Name tail\n    Path %s/records.log\n    Read_from_Head on\n    Parser json\n    Exit_On_Eof on\n    Tag changefinder.cpu\n    Mem_Buf_Limit 200M\n[OUTPUT]\n    Match *\n    Workers 1\n%s' \
        "$work" "$work" "$2" > "$work/fluent-bit.conf"
    python3 - "$1" "$bit" -e "$library" -c "$work/fluent-bit.conf" <<'PY'
import os, resource, subprocess, sys
done = subprocess.run(sys.argv[2:], capture_output=True, text=True, env={**os.environ, "DD_API_KEY": "0" * 32})
if done.returncode != 0:
    sys.exit(done.stdout + done.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{sys.argv[1]}: {used.ru_utime + used.ru_stime:.2f} s of CPU, {used.ru_maxrss // 1024} MB at most")
PY
}
for round in 1 2 3; do
    run "null" "    Name null
"
    for order in off on; do
        rm -f "$work/points"
        run "dd, dd_order $order" "    Name dd
    Retry_Limit no_limits
    dd_url http://127.0.0.1:$(cat "$work/port")
    dd_order $order
    dd_order_start 0
"
        cat "$work/points"
    done
done
