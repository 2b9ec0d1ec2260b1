#!/usr/bin/env bash
# The table of allocators in README.md: wasm/filter/allocators.sh [RECORDS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
for allocator in default talc wee_alloc; do
    features=(); [ "$allocator" = default ] || features=(--features "$allocator")
    cargo wasm --quiet --target-dir "target/allocators/$allocator" "${features[@]}" >/dev/null
    printf '%-10s ' "$allocator"
    ANOMALY_FILTER_WASM="target/allocators/$allocator/wasm32-unknown-unknown/release/anomaly_filter.wasm" \
        cargo bench --quiet --bench allocators -- "${1:-10000000}"
done
