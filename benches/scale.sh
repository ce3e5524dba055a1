#!/usr/bin/env bash
# How cost grows with tiles, window, taps, camera and pictures: tables in Markdown, from `convscope bench --json` and the
# commands for folders.
#
#   benches/scale.sh [FRAMES] [OPTIONS OF convscope bench...]
#
# FRAMES (default 12) are counted in each row; further options go to every run, such as `--device gpu` or
# `--weights keras`. Without any, the network is the untrained one of the published width. CONVSCOPE names the binary
# (default: built now). docs/performance.md tells what the columns are.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
frames="${1:-12}"
shift || true
options=("$@")
[[ " ${options[*]} " == *" --weights "* ]] || options+=(--weights untrained)

convscope="${CONVSCOPE:-}"
if [ -z "$convscope" ]; then
    (cd "$root" && cargo build --release --locked --quiet)
    convscope="${CARGO_TARGET_DIR:-$root/target}/release/convscope"
fi

notes="$(mktemp)"
trap 'rm -f "$notes"' EXIT

# One row: the label, then the columns that the table names. Medians, in milliseconds unless a heading says otherwise.
row() { # LABEL OPTIONS...
    local label="$1"
    shift
    "$convscope" bench --frames "$frames" "$@" "${options[@]}" --json 2>"$notes" |
        python3 -c '
import json, sys
found, label, columns = json.load(sys.stdin), sys.argv[1], sys.argv[2:]
def number(value):
    return "–" if value is None else "%.*f" % (2 if value < 10 else 0, value)
def cell(column):
    if column == "tiles":
        view = found["view"]
        return "%d of %d×%d" % (view["tiles"], *view["tile_size"])
    value = found
    for key in column.split("."):
        value = value[key]
    if isinstance(value, dict):
        value = value["median"]
    if column.endswith(("bytes", "gpu", "host")):
        return "–" if value is None else "%.*f" % (0 if value > 1e8 else 2 if value > 1e6 else 3, value / 1e6)
    return number(value)
print("| " + " | ".join([label] + [cell(column) for column in columns]) + " |")' "$label" "${columns[@]}" || { cat "$notes" >&2; exit 1; }
}

columns=()
table() { # TITLE FIRST_COLUMN HEADING=COLUMN...
    local heading="| $2 |" line="|---|"
    printf '\n### %s\n\n' "$1"
    shift 2
    columns=()
    for column in "$@"; do
        heading+=" ${column%%=*} |"
        line+="--:|"
        columns+=("${column#*=}")
    done
    printf '%s\n%s\n' "$heading" "$line"
}

cost=("network alone, a frame=view_cost.network_alone_ms" "with tiles, a frame=view_cost.with_tiles_ms"
    "ratio=view_cost.tiles_ratio" "ratio with everything=view_cost.everything_ratio")

# What machine this is.
"$convscope" bench --frames 1 "${options[@]}" 2>/dev/null | head -3 | sed 's/^/> /'

# Cold: the binary is not in the page cache, and the graphics driver has no compiled shaders.
first_tiles() {
    "$convscope" bench --frames 1 "$@" --json 2>/dev/null |
        python3 -c 'import json, sys; print("%.0f" % json.load(sys.stdin)["start_up"]["first_tiles_ms"])'
}
printf '\n### Start-up, ms until the first tiles\n\n| weights | cold | warm |\n|---|--:|--:|\n'
for weights in embedded untrained; do
    dd if="$convscope" iflag=nocache count=0 status=none
    shaders="$(mktemp -d)"
    cold="$(MESA_SHADER_CACHE_DIR="$shaders" first_tiles --weights "$weights")"
    rm -rf "$shaders"
    first_tiles --weights "$weights" >/dev/null
    warm="$(for _ in 1 2 3; do first_tiles --weights "$weights"; done | sort -n | sed -n 2p)"
    echo "| $weights | $cold | $warm |"
done

table "Tiles (mixed10, 1920×1080)" "--tiles" "tiles=tiles" "statistics=stages_apart.statistics_ms" \
    "tiles alone=stages_apart.tiles_ms" "present=stages_apart.present_ms" "${cost[@]}"
for tiles in 16 64 256 1024 2048; do
    row "$tiles" --layer mixed10 --tiles "$tiles" --size 1920x1080
done

table "View (mixed0)" "--size" "tiles=tiles" "layout=stages_apart.layout_ms" "tiles alone=stages_apart.tiles_ms" \
    "present=stages_apart.present_ms" "key=pipelined.key_ms" "${cost[@]}"
for size in 1280x720 1920x1080 2560x1440 3840x2160; do
    row "${size/x/×}" --size "$size"
done

taps=(mixed0 mixed1 mixed2 mixed3 mixed4 mixed5 mixed6 mixed7 mixed8 mixed9 mixed10 conv2d_10 conv2d_20 conv2d_30 conv2d_40
    conv2d_50 conv2d_60 conv2d_70 conv2d_80 conv2d_90)
table "Taps (1280×720, tiles of the first)" "taps" "network=stages_apart.network_ms" \
    "hand-over=stages_apart.handover_ms" "statistics=stages_apart.statistics_ms" "${cost[@]}" \
    "MB up=bytes_a_frame.host_to_gpu" "MB back=bytes_a_frame.gpu_to_host"
for count in 1 5 10 20; do
    layers="$(IFS=,; printf '%s' "${taps[*]:0:count}")"
    row "$count" --layer "$layers"
done

table "Camera frames (mixed0, 1280×720)" "--frame-size" "upload=stages_apart.upload_ms" \
    "preprocess=stages_apart.preprocess_ms" "present=stages_apart.present_ms" "latency=pipelined.latency_ms" \
    "of that beyond its own processing=pipelined.beyond_network_ms" "frames captured since=pipelined.latency_frames" \
    "MB up=bytes_a_frame.host_to_gpu" "MB of memory=memory.peak_bytes"
for size in 640x480 1280x720 1920x1080 3840x2160; do
    row "${size/x/×}" --frame-size "$size"
done

# Whole processes, the middle of three; always with the embedded network, which classifies.
work="$(mktemp -d)"
trap 'rm -rf "$notes" "$work"' EXIT
"$convscope" dataset --count 64 --size 640 -o "$work/drawn" >/dev/null 2>"$notes" || { cat "$notes" >&2; exit 1; }
find "$work/drawn" -name '*.png' | sort >"$work/list"

milliseconds() { # COMMAND...
    local start end
    for _ in 1 2 3; do
        start="$(date +%s%N)"
        "$@" >/dev/null 2>"$notes" || { cat "$notes" >&2; exit 1; }
        end="$(date +%s%N)"
        echo $(((end - start) / 1000000))
    done | sort -n | sed -n 2p
}
printf '\n### Pictures of a folder (640×640 PNG, embedded network), whole processes, ms\n\n'
printf '| pictures | classify | a picture | maps (mixed5, PNG) | a picture | diagnose | a picture |\n'
printf '|---|--:|--:|--:|--:|--:|--:|\n'
for count in 1 4 16 64; do
    folder="$work/$count"
    mkdir "$folder"
    number=0
    while read -r picture; do
        number=$((number + 1))
        cp "$picture" "$folder/$number.png"
    done < <(head -n "$count" "$work/list")
    line="| $count |"
    for command in "classify" "maps --layer mixed5 --overwrite -o $work/maps.png" "diagnose"; do
        read -ra words <<<"$command"
        time="$(milliseconds "$convscope" "${words[0]}" "$folder" --weights embedded "${words[@]:1}")"
        line+=" $time | $((time / count)) |"
    done
    echo "$line"
done
