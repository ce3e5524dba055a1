#!/usr/bin/env bash
# Builds the bench `network` and prints where it lies (cargo gives benches names with a hash).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo build --release --locked --quiet --bench network --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\/network-[^"]*\)".*/\1/p' | tail -n 1
