# Sourced by the benches that run Fluent Bit: the built modules, a folder for the run, and CPU side by side.
#   FLUENT_BIT=/path/to/fluent-bit [RUNS=5] [RECORDS=...] [NOOP=module] benches/...
# Sets: runs, records (of $1 where RECORDS says nothing), work, filter, noop.
set -euo pipefail
: "${FLUENT_BIT:?name the executable: FLUENT_BIT=/opt/fluent-bit/bin/fluent-bit $0}"
runs=${RUNS:-5}
records=${RECORDS:-$1}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$root"
cargo wasm --quiet >/dev/null
filter=$root/target/wasm32-unknown-unknown/release/anomaly_filter.wasm
noop=${NOOP:-}
if [ -z "$noop" ]; then
    cargo build --quiet --release --target wasm32-unknown-unknown \
        --manifest-path benches/noop-filter/Cargo.toml --target-dir target/noop-filter
    noop=$root/target/noop-filter/wasm32-unknown-unknown/release/noop_filter.wasm
fi

# configure <name> <tag> <keys of the parser> <filters> <the end of the file>: $work/in.jsonl -> filters -> null
configure() {
    cat >"$work/$1.yaml" <<YAML
service:
  flush: 1
  log_level: error
parsers:
  - name: json
    format: json
$3
$5
pipeline:
  inputs:
    - name: tail
      path: $work/in.jsonl
      read_from_head: true
      exit_on_eof: true
      tag: $2
      parser: json
      buffer_chunk_size: 512k
      buffer_max_size: 4m
$4
  outputs:
    - name: null
      match: '*'
YAML
}

# wasm <module> <function> <folder>: the filter's lines
wasm() {
    printf '  filters:\n    - name: wasm\n      match: "*"\n      wasm_path: %s\n      function_name: %s\n      event_format: json\n      accessible_paths: %s\n' "$1" "$2" "$3"
}

# take_turns <name>...: each configuration once a run, in turn; `before_each <name>` may be defined
take_turns() {
    local run kind TIMEFORMAT='%U %S'
    for ((run = 0; run < runs; run++)); do
        for kind in "$@"; do
            ! declare -F before_each >/dev/null || before_each "$kind"
            { time "$FLUENT_BIT" -c "$work/$kind.yaml" >/dev/null 2>"$work/log"; } 2>>"$work/$kind.cpu"
            # a module that does not load costs nothing: that must show (the banner need not)
            grep -E '\[ *(error|warn)|fluent-anomaly\]' "$work/log" | head -3 >&2 || true
        done
    done
}

# report <name=text>...: medians of CPU, and of the ratios to the first one in the same turn
report() {
    local names='' files=() one
    for one in "$@"; do
        files+=("$work/${one%%=*}.cpu")
        names+=${names:+|}${one#*=}
    done
    awk -v names="$names" '
        function median(a, n,    i, j, t) {
            for (i = 2; i <= n; i++) for (j = i; j > 1 && a[j] < a[j-1]; j--) { t = a[j]; a[j] = a[j-1]; a[j-1] = t }
            return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
        }
        function line(name,    n, i, runs, ratios, text) {
            for (i = 1; (i, file) in cpu; i++) { runs[i] = cpu[i, file]; ratios[i] = runs[i] / cpu[i, 1]; n = i }
            text = sprintf("%-40s %.2f s CPU", name, median(runs, n))
            print file == 1 ? text : text sprintf(", %.2f times", median(ratios, n))
        }
        FNR == 1 { file++ }
        { cpu[FNR, file] = $1 + $2 }
        END {
            kinds = split(names, name, "|")
            for (file = 1; file <= kinds; file++) line(name[file])
        }' "${files[@]}"
}
