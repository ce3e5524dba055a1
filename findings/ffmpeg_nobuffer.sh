#!/usr/bin/env bash
# ffmpeg -fflags nobuffer loses the first pictures of a stream.
#
# The guess: the flag, which recipes for low latency begin with, only shows pictures earlier.
#
# What happens in ffmpeg 7.0.2 (and 5.1.9): what ffmpeg reads to find out what a stream is, it does not keep, and the film begins
# behind it: one picture of motion JPEG or uncompressed video, and of codecs with few key frames all up to the next key frame. No
# warning says so; for such codecs the decoder complains of frames "without valid keyframe", as if the stream were damaged.
# `-flags low_delay` and a small `-probesize` lose nothing.
#
# Touched: whoever hands a stream to ffmpeg through a pipe and counts on its first picture: recordings, tests that compare frame
# by frame, cameras that send a key frame once.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3 and x86-64
# Linux; takes 100 MB on disk. The output:
#
#     ffmpeg 7.0.2: pictures of 30 that come out of a pipe
#     rawvideo: 30, with nobuffer 29, with low_delay and a small probesize 30
#     mjpeg: 30, with nobuffer 29, with low_delay and a small probesize 30
#     ffv1: 30, with nobuffer 18, with low_delay and a small probesize 30
set -euo pipefail

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" || cannot "no python3 with venv"
"$work/venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check imageio-ffmpeg==0.6.0 ||
    cannot "pip install imageio-ffmpeg==0.6.0"
ffmpeg="$("$work/venv/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')"
version="$("$ffmpeg" -version | awk 'NR == 1 { split($3, parts, "-"); print parts[1] }')"

# How many pictures of the stream come out, read with these options.
count() {
    "$ffmpeg" -v quiet "$@" -i - -fps_mode passthrough -f framecrc - <"$work/stream.mkv" | grep -c '^0,' || true
}

changed=0
echo "ffmpeg $version: pictures of 30 that come out of a pipe"
for codec in rawvideo mjpeg ffv1; do
    "$ffmpeg" -v error -y -f lavfi -i testsrc=rate=30:duration=1:size=64x48 -pix_fmt yuvj420p -c:v "$codec" \
        "$work/stream.mkv" </dev/null 2>/dev/null
    plain="$(count)" lost="$(count -fflags nobuffer)"
    small="$(count -flags low_delay -probesize 32768)"
    echo "$codec: $plain, with nobuffer $lost, with low_delay and a small probesize $small"
    if [ "$plain" -ne 30 ] || [ "$small" -ne 30 ] || [ "$lost" -ge 30 ]; then
        changed=1
    fi
done
exit "$changed"
