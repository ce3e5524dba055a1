#!/usr/bin/env bash
# `best` over a folder against `classify` over the same folder by the same network, as whole processes in turns. Prints the median
# of each, and their ratio.
#
#   benches/best.sh FOLDER [LAYER] [RUNS] [OPTION...]
#
# OPTIONs go to both: --weights FILE, --input-size 299x299. CONVSCOPE names the program. Without OPTIONs the embedded network runs.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
folder="${1:?which folder of pictures?}" layer="${2:-mixed5}" runs="${3:-3}"
shift $(($# > 3 ? 3 : $#))
convscope="${CONVSCOPE:-${CARGO_TARGET_DIR:-$root/target}/release/convscope}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
options=(--device cpu "$@")
export CONVSCOPE_CACHE="${CONVSCOPE_CACHE:-$work/cache}"

seconds() { # COMMAND...: how long it takes
    local start end
    start="$(date +%s.%N)"
    "$@" >"$work/out" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
    end="$(date +%s.%N)"
    awk -v a="$start" -v b="$end" 'BEGIN { printf "%.2f\n", b - a }'
}

# Once for nothing: files come into the page cache.
"$convscope" classify "$folder" "${options[@]}" --json >/dev/null 2>&1
for run in $(seq "$runs"); do
    seconds "$convscope" classify "$folder" "${options[@]}" --json >>"$work/classify"
    seconds "$convscope" best "$folder" --layer "$layer" "${options[@]}" --json >>"$work/json"
    seconds "$convscope" best "$folder" --layer "$layer" "${options[@]}" -o "$work/sheet.png" --overwrite >>"$work/sheet"
    echo "run $run: classify $(tail -n1 "$work/classify") s, best --json $(tail -n1 "$work/json") s, with its sheet $(tail -n1 "$work/sheet") s"
done
median() { sort -n "$1" | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
c="$(median "$work/classify")" j="$(median "$work/json")" s="$(median "$work/sheet")"
awk -v c="$c" -v j="$j" -v s="$s" 'BEGIN { printf "median: classify %s s, best %.2f times that, with its sheet %.2f times\n", c, j / c, s / c }'
