#!/usr/bin/env bash
# What experiments cost: a run with a channel changed from each of several layers on, and a run with a place covered, beside
# whole runs; a table in Markdown.
#
#   benches/experiments.sh PHOTO [OPTIONS OF THE NETWORK...]
#
# Each number is the difference between a command with many runs and the same with few, divided by how many more, so that
# what is done once does not count; the median of ROUNDS (default 3). Whole runs are those with WHOLE (default: 290)
# of the input's pixels covered along each side, as many at the same time as all others: too large a square for anything to be
# spared. LAYERS (default: InceptionV3's) names the layers. CONVSCOPE names the binary (default:
# built now).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
photo="${1:?a photograph}"
shift
convscope="${CONVSCOPE:-}"
if [ -z "$convscope" ]; then
    (cd "$root" && cargo build --release --locked --quiet)
    convscope="${CARGO_TARGET_DIR:-$root/target}/release/convscope"
fi

exec python3 - "$convscope" "$photo" "${LAYERS:-mixed2 mixed5 mixed7 mixed9 mixed10}" "${ROUNDS:-3}" "${WHOLE:-290}" "$@" <<'PYTHON'
import statistics
import subprocess
import sys
import time

convscope, photo, layers, rounds, large, *options = sys.argv[1:]


def seconds(*arguments):
    start = time.perf_counter()
    subprocess.run([convscope, *arguments, *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def each(few, many, command):
    """Milliseconds of a run."""
    times = [(seconds(*command(many)) - seconds(*command(few))) / (many - few) for _ in range(int(rounds))]
    return 1000 * statistics.median(times)


def ablation(layer):
    return lambda count: ["ablate", photo, "--layer", layer, "--channels", f"0..{count}", "--json"]


def covering(*size):
    return lambda count: ["occlude", photo, *size, "--places", str(round(count**0.5)), "--json"]


usual = each(4, 64, covering("--size", large))
print("| what is changed | ms a run | whole runs in the same time |\n|---|---|---|")
print(f"| nearly all of the picture | {usual:.1f} | 1 |")
own = each(4, 100, covering())
print(f"| a place of the picture | {own:.1f} | {usual / own:.1f} |", flush=True)
for layer in layers.split():
    own = each(8, 128, ablation(layer))
    print(f"| a channel of {layer} | {own:.2f} | {usual / own:.1f} |", flush=True)
PYTHON
