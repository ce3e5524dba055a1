#!/bin/sh
# What keeping a session costs, and how fast it is gone through again off screen, on a quiet machine (a film in the window:
# benches/watched.sh):
#   benches/film.sh [CONVSCOPE [options of network and device]]
# The same 120 frames of the test card go through the network alone, with every view drawn and filmed (--record), and with the
# session kept (--record-session), in turn, three times. What counts is the rate beside the one alone in the same turn.
set -eu
program=${1:-target/release/convscope}
[ $# -gt 0 ] && shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
frames=120
rate() { sed -n 's/.* at \([0-9.]*\) a second.*/\1/p'; }
"$program" --headless --offline --source testcard --frames $frames --record "$work/first.mp4" \
    --record-session "$work/session" "$@" 2>/dev/null >/dev/null
echo "turn  alone  drawn and filmed  session kept   (frames a second)"
for turn in 1 2 3; do
    rm -rf "$work/film.mp4" "$work/kept"
    alone=$("$program" replay "$work/session" --headless "$@" 2>&1 | rate)
    film=$("$program" replay "$work/session" --headless --record "$work/film.mp4" "$@" 2>&1 | rate)
    kept=$("$program" replay "$work/session" --headless --record-session "$work/kept" "$@" 2>&1 | rate)
    echo "$turn $alone $film $kept" | awk '{ printf "%4d %6.2f %5.2f (%+.1f %%) %5.2f (%+.1f %%)\n",
        $1, $2, $3, 100 * ($3 / $2 - 1), $4, 100 * ($4 / $2 - 1) }'
done
du -k "$work/session/session.convscope" "$work/film.mp4" | awk -v frames=$frames '{ print $1 / frames " KB a frame: " $2 }'
