#!/usr/bin/env bash
# Times what reads files, with two builds of convscope in turns: classify and diagnose over 60 JPEGs of 1280×720, and a weight
# file from its opening to the first answer.
#
#     benches/files.sh OLD NEW [ROUNDS] [WEIGHTS]     # two programs; a weight file for the last part
#
# Prints the median of NEW ÷ OLD within rounds (each round runs both, the order changes), and the least times. Needs ffmpeg.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
old="$(realpath "$1")" new="$(realpath "$2")" rounds="${3:-9}" weights="${4:+$(realpath "$4")}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
export CONVSCOPE_CACHE="$folder/cache" CONVSCOPE_CONFIG="$folder/config"
mkdir "$folder/pictures"
# Noise, so that files are as large as photographs.
ffmpeg -loglevel error -f lavfi -i testsrc2=size=1280x720:rate=30 -vf noise=alls=12:allf=t -frames:v 60 -q:v 3 \
    -pix_fmt yuvj420p "$folder/pictures/%02d.jpg"

# Seconds of a command that says nothing.
seconds() {
    local start end
    start="$(date +%s%N)"
    "$@" >/dev/null 2>&1
    end="$(date +%s%N)"
    awk -v ns="$((end - start))" 'BEGIN { printf "%.4f", ns / 1e9 }'
}

compare() {
    local name="$1" a b
    shift
    for program in "$old" "$new"; do "$program" "$@" >/dev/null 2>&1; done
    for ((round = 0; round < rounds; round++)); do
        if ((round % 2)); then
            a="$(seconds "$old" "$@")" b="$(seconds "$new" "$@")"
        else
            b="$(seconds "$new" "$@")" a="$(seconds "$old" "$@")"
        fi
        echo "$a $b"
    done >"$folder/times"
    awk '{ print $2 / $1 }' "$folder/times" | sort -n >"$folder/ratios"
    awk -v name="$name" -v ratio="$(sed -n "$((rounds / 2 + 1))p" "$folder/ratios")" \
        'NR == 1 { a = $1; b = $2 } { if ($1 < a) a = $1; if ($2 < b) b = $2 }
         END { printf "%-10s new ÷ old %.3f   least %.3f s and %.3f s (%.3f)\n", name, ratio, a, b, b / a }' "$folder/times"
}

compare classify classify "$folder/pictures" --weights embedded --device cpu
compare diagnose diagnose "$folder/pictures" --weights embedded --device cpu
if [ -n "$weights" ]; then
    compare open classify "$folder/pictures/01.jpg" --weights "$weights" --device cpu
fi
