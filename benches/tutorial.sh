#!/usr/bin/env bash
# The whole tutorial on one photograph, as whole processes side by side: present-day Keras (its CPU build, PyTorch
# behind it) and convscope on the CPU, alternating. Prints the median of each, the spread, and their ratio.
#
#   benches/tutorial.sh PHOTO WEIGHTS.safetensors [RUNS]
#
# tutorial.py, the tutorial in present-day Keras, is taken from CONVSCOPE_REFERENCE (default: ../shared/reference).
# CONVSCOPE_PYTHON names a Python that has keras, torch, matplotlib, pillow and safetensors; without it, they are
# installed into a throw-away environment.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
photo="${1:?which photograph?}" weights="${2:?which weight file?}" runs="${3:-5}"
reference="${CONVSCOPE_REFERENCE:-$root/../shared/reference}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

python="${CONVSCOPE_PYTHON:-}"
if [ -z "$python" ]; then
    python3 -m venv "$work/venv"
    python="$work/venv/bin/python"
    "$python" -m pip install --quiet keras torch matplotlib pillow safetensors
fi
(cd "$root" && cargo build --release --locked --quiet)
target="${CARGO_TARGET_DIR:-$root/target}"
convscope="$target/release/convscope"

# PyTorch keeps gradients unless it is told not to, and then refuses to hand out arrays.
cat > "$work/run.py" <<'PYTHON'
import runpy, sys
import torch
torch.set_grad_enabled(False)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
PYTHON


seconds() { # COMMAND...: how long it takes
    local start end
    start="$(date +%s.%N)"
    "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
    end="$(date +%s.%N)"
    awk -v a="$start" -v b="$end" 'BEGIN { printf "%.3f\n", b - a }'
}

keras() {
    KERAS_BACKEND=torch "$python" "$work/run.py" "$reference/tutorial.py" "$photo" --weights "$weights" --out "$work/keras"
}

ours() {
    rm -rf "$work/ours"
    "$convscope" tutorial "$photo" --weights "$weights" --resize antialias --device cpu -o "$work/ours"
}

# Once each for nothing: files come into the page cache, Python compiles its modules.
keras > /dev/null 2>&1
ours > /dev/null 2>&1
for run in $(seq "$runs"); do
    a="$(seconds keras)"
    b="$(seconds ours)"
    printf 'run %s: Keras %s s, convscope %s s\n' "$run" "$a" "$b"
    echo "$a" >> "$work/a"
    echo "$b" >> "$work/b"
done
middle() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%s %s %s", v[int((NR + 1) / 2)], v[1], v[NR] }'; }
read -r a a_low a_high <<< "$(middle "$work/a")"
read -r b b_low b_high <<< "$(middle "$work/b")"
awk -v a="$a" -v al="$a_low" -v ah="$a_high" -v b="$b" -v bl="$b_low" -v bh="$b_high" 'BEGIN {
    printf "Keras     %.2f s (%.2f to %.2f)\nconvscope %.2f s (%.2f to %.2f)\nratio     %.1f\n", a, al, ah, b, bl, bh, a / b
}'
