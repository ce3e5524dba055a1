#!/usr/bin/env bash
# What live gradients cost: the view off screen with gradients and a Grad-CAM of every frame,
# beside the same view without, in turns; milliseconds a frame, and the share of the rate that is left.
#
#   benches/live_gradients.sh [OPTIONS OF THE NETWORK...]
#
# Each number is the difference between a run with many frames and one with few, divided by how many more, so that what is done
# once does not count; medians of ROUNDS (default 5). FRAMES (default 60) are how many more. CONVSCOPE names the binary
# (default: built now).
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
convscope="${CONVSCOPE:-}"
if [ -z "$convscope" ]; then
    (cd "$root" && cargo build --release --locked --quiet)
    convscope="${CARGO_TARGET_DIR:-$root/target}/release/convscope"
fi

exec python3 - "$convscope" "${ROUNDS:-5}" "${FRAMES:-60}" "$@" <<'PYTHON'
import statistics
import subprocess
import sys
import time

convscope, rounds, frames, *options = sys.argv[1:]
FEW = 8
WAYS = {
    "the view": [],
    "a guided gradient of the top class over the picture": ["--saliency", "guided", "--from", "class:top"],
    "Grad-CAM": ["--grad-cam", "gradcam", "--from", "class:top"],
    "gradients in the tiles and Grad-CAM": ["--gradients", "--grad-cam", "gradcam", "--from", "class:top"],
}


def seconds(count, more):
    run = [convscope, "--headless", "--source", "testcard", "--frames", str(count), *more, *options]
    start = time.perf_counter()
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


times = {way: [] for way in WAYS}
for _ in range(int(rounds)):
    for way, more in WAYS.items():
        times[way].append((seconds(FEW + int(frames), more) - seconds(FEW, more)) / int(frames) * 1000)
usual = statistics.median(times["the view"])
print("| with | ms a frame, median; least | share of the rate, median; least |\n|---|---|---|")
for way, all in times.items():
    median, least = statistics.median(all), min(all)
    print(f"| {way} | {median:.1f}; {least:.1f} | {usual / median:.2f}; {min(times['the view']) / least:.2f} |")
PYTHON
