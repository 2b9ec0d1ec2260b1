#!/usr/bin/env python3
"""CPU a record of `fluent-anomaly serve`, beside Fluent Bit and Fluentd that only pass the same records on.

    FLUENT_BIT=/path FLUENTD=/path SERVE=target/release/fluent-anomaly benches/serve.py [rounds] [millions of records]

A client sends PackedForward chunks of 1 MB (records of about 110 bytes in 200 series) with ids and waits for each ack; a
next hop acknowledges what it gets. Both are this script. What is counted is the CPU of the process in between, user and
system, from /proc. The hops take turns; medians are printed. `pass`: no section scores the tag, so that this is the cost
on top of the pipeline. `threads`: models that cost more than the network (k 20, calibrated score, three monitors),
two connections.
"""
import os, random, socket, statistics, struct, subprocess, sys, tempfile, threading, time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
MILLIONS = float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
SERVE = os.environ.get("SERVE", "target/release/fluent-anomaly")
TICK = os.sysconf("SC_CLK_TCK")


def text(t):
    t = t.encode()
    return (bytes([0xA0 | len(t)]) if len(t) < 32 else b"\xd9" + bytes([len(t)])) + t


def body(seed, second):
    """About 1 MB of entries, one second each 200."""
    rng = random.Random(seed)
    out, count = [], 0
    size = 0
    while size < 1_000_000:
        host = f"web-{count % 200:03d}"
        entry = (b"\x92\xd7\x00" + struct.pack(">II", second + count // 200, count % 200 * 1_000_000) + b"\x85" + text("metric")
                 + text("system.cpu.idle") + text("raw_value") + b"\xcb" + struct.pack(">d", 40 + 20 * rng.random())
                 + text("scope") + text("host:" + host) + text("host") + text(host) + text("sequence_number")
                 + b"\xce" + struct.pack(">I", count))
        out.append(entry)
        size += len(entry)
        count += 1
    return b"".join(out), count


def value_end(data, at):
    """Offset behind the msgpack value at `at`; None when it is not whole."""
    need = 1
    while need:
        if at >= len(data):
            return None
        m = data[at]
        at += 1
        need -= 1
        if m <= 0x7F or m >= 0xE0 or m in (0xC0, 0xC2, 0xC3):
            continue
        if 0x80 <= m <= 0x8F:
            need += 2 * (m & 15)
        elif 0x90 <= m <= 0x9F:
            need += m & 15
        elif 0xA0 <= m <= 0xBF:
            at += m & 31
        elif m in (0xC4, 0xD9, 0xC7, 0xC5, 0xDA, 0xC8, 0xC6, 0xDB, 0xC9):
            width = {0xC4: 1, 0xD9: 1, 0xC7: 1, 0xC5: 2, 0xDA: 2, 0xC8: 2}.get(m, 4)
            if at + width > len(data):
                return None
            at += width + int.from_bytes(data[at:at + width], "big") + (m in (0xC7, 0xC8, 0xC9))
        elif m in (0xDC, 0xDD, 0xDE, 0xDF):
            width = 2 if m in (0xDC, 0xDE) else 4
            if at + width > len(data):
                return None
            need += int.from_bytes(data[at:at + width], "big") * (1 if m < 0xDE else 2)
            at += width
        else:
            at += {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
                   0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17}[m]
    return at if at <= len(data) else None


class NextHop:
    """Acknowledges every message, and counts its bytes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.bytes = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        data = bytearray()
        while True:
            part = client.recv(1 << 20)
            if not part:
                return
            data += part
            self.bytes += len(part)
            while data and (end := value_end(data, 0)):
                at = bytes(data[max(0, end - 200):end]).rfind(b"\xa5chunk")
                if at >= 0:
                    start = max(0, end - 200) + at + 6
                    client.sendall(b"\x81\xa3ack" + bytes(data[start:value_end(data, start)]))
                del data[:end]


def send(port, chunks, times, name):
    client = socket.create_connection(("127.0.0.1", port))
    for n in range(times):
        data, _ = chunks[n % len(chunks)]
        head = b"\x93" + text("bench.cpu") + b"\xc6" + struct.pack(">I", len(data))
        chunk_id = f"{name}-{n:08d}"
        client.sendall(head + data + b"\x82\xa5chunk" + text(chunk_id) + b"\xa4size\xcd\x00\x00")
        ack = b"\x81\xa3ack" + text(chunk_id)
        got = b""
        while len(got) < len(ack):
            part = client.recv(len(ack) - len(got))
            assert part, "closed before its ack"
            got += part
        assert got == ack, (got, ack)


def cpu(pid):
    """Seconds of a process and of its children that live."""
    total = 0
    pids = [pid]
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = open(f"/proc/{entry}/stat").read().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                pids.append(int(entry))
    for one in pids:
        try:
            fields = open(f"/proc/{one}/stat").read().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def threads_cpu(pid):
    """Seconds of each thread of a process."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            fields = open(f"/proc/{pid}/task/{task}/stat").read().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        found[task] = (int(fields[11]) + int(fields[12])) / TICK
    return found


def wait_for(port):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on {port}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


SECTION = "[series.cpu]\nmatch: bench.*\nvalue: $raw_value\nby: $host\nr: 0.02\nk: 7\nT1: 10\nT2: 5\n"
HEAVY = SECTION.replace("k: 7", "k: 20") + "anomaly_score: on\n" + "".join(
    f"[monitor.{name}]\non: cpu\nprefix: {name}_\nquery: avg(last_4h):anomalies(avg:cpu{{*}} by {{host}}, '{name}', 3, "
    f"alert_window='last_15m', interval=60{season}) >= 0.8\n"
    for name, season in (("robust", ", seasonality='hourly'"), ("agile", ", seasonality='hourly'"), ("basic", "")))


def serve_command(work, name, ini):
    def command(port, next_port):
        folder = os.path.join(work, f"{name}-{time.monotonic_ns()}")
        os.mkdir(folder)
        path = os.path.join(folder, "serve.ini")
        open(path, "w").write(ini)
        return [SERVE, "serve", "-c", path, "--listen", f"tcp://127.0.0.1:{port}", "--to", f"tcp://127.0.0.1:{next_port}"]
    return command


def fluent_bit(work):
    def command(port, next_port):
        path = os.path.join(work, "fluent-bit.yaml")
        open(path, "w").write(f"""
service: {{flush: 0.2, log_level: error}}
pipeline:
  inputs:
    - {{name: forward, listen: 127.0.0.1, port: {port}, buffer_chunk_size: 4M, buffer_max_size: 16M}}
  outputs:
    - {{name: forward, match: '*', host: 127.0.0.1, port: {next_port}, require_ack_response: true}}
""")
        return [os.environ["FLUENT_BIT"], "-c", path]
    return command


def fluentd(work):
    def command(port, next_port):
        path = os.path.join(work, "fluentd.conf")
        open(path, "w").write(f"""
<system>
  log_level error
</system>
<source>
  @type forward
  bind 127.0.0.1
  port {port}
</source>
<match **>
  @type forward
  require_ack_response true
  heartbeat_type none
  <server>
    host 127.0.0.1
    port {next_port}
  </server>
  <buffer>
    @type memory
    chunk_limit_size 4m
    flush_interval 0.2s
    flush_thread_interval 0.05
    total_limit_size 1g
  </buffer>
</match>
""")
        return [os.environ["FLUENTD"], "-c", path]
    return command


def run(command, chunks, times, connections=1):
    """CPU seconds and wall seconds for all chunks, arrived at the next hop."""
    hop = NextHop()
    port = free_port()
    process = subprocess.Popen(command(port, hop.port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        # models are made, buffers grow
        send(port, chunks, 2, "warm")
        time.sleep(1.0)
        before, begun, had = cpu(process.pid), time.monotonic(), hop.bytes
        each = threads_cpu(process.pid)
        senders = [threading.Thread(target=send, args=(port, chunks, times // connections, f"c{n}")) for n in range(connections)]
        [sender.start() for sender in senders]
        [sender.join() for sender in senders]
        acked = time.monotonic() - begun
        wanted = sum(len(chunks[n % len(chunks)][0]) for n in range(times // connections)) * connections
        while hop.bytes - had < 0.98 * wanted:
            time.sleep(0.02)
            if time.monotonic() - begun > 300:
                raise SystemExit("records are missing at the next hop")
        time.sleep(0.5)
        busiest = max(spent - each.get(task, 0) for task, spent in threads_cpu(process.pid).items())
        return cpu(process.pid) - before, acked, busiest
    finally:
        process.kill()
        process.wait()


def main():
    chunks = [body(seed, 1_700_000_000 + 200 * seed) for seed in range(8)]
    per_chunk = chunks[0][1]
    times = max(2, int(MILLIONS * 1e6 / per_chunk))
    print(f"records of {len(chunks[0][0]) / per_chunk:.0f} bytes, {per_chunk} a chunk, {times} chunks, {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as work:
        off = "[filter]\nstate: off\n"
        hops = {
            "serve, pass": serve_command(work, "pass", "[filter]\nstate: state\n[series.x]\nmatch: none.*\nvalue: $x\n"),
            "serve, k 7": serve_command(work, "k7", "[filter]\nstate: state\n" + SECTION),
            "serve, k 7, state: off": serve_command(work, "off", off + SECTION),
        }
        if os.environ.get("FLUENT_BIT"):
            hops["Fluent Bit, pass"] = fluent_bit(work)
        if os.environ.get("FLUENTD"):
            hops["Fluentd, pass"] = fluentd(work)
        found = {name: [] for name in hops}
        for _ in range(ROUNDS):
            for name, command in hops.items():
                found[name].append(run(command, chunks, times)[0] / (times * per_chunk) * 1e6)
        for name, values in found.items():
            print(f"{name:24} {statistics.median(values):6.3f} us of CPU a record ({min(values):.3f} to {max(values):.3f})")
        bounds = {}
        for threads in (1, 2):
            ini = f"[filter]\nstate: state\n[serve]\nthreads: {threads}\n" + HEAVY
            runs = [run(serve_command(work, f"t{threads}", ini), chunks, times, 2) for _ in range(ROUNDS)]
            records = times // 2 * 2 * per_chunk
            total, wall, busiest = (statistics.median(values) / records * 1e6 for values in zip(*runs))
            bounds[threads] = max(busiest, total / 2)
            print(f"threads: {threads}               {total:6.3f} us of CPU a record, {busiest:6.3f} in the busiest thread, "
                  f"{wall:6.3f} us by wall clock")
        print(f"two threads against one on two cores: {bounds[1] / bounds[2]:.2f} times, by the busiest thread and half of all CPU")


main()
