#!/usr/bin/env bash
# Pillow 13 resizes tall pictures down the columns first, so that they get other pixels than from Pillow 12.
#
# The guess: `Image.resize` of the same picture to the same size with the same filter gives the same pixels in all versions,
# and rows are resized before columns, as they always were.
#
# What happens in Pillow 13.0.0: where a picture loses more rows than twice its columns, exactly where
# height - target height > 2 · max(0, width - target width), columns come first. As values are rounded to whole levels
# after each axis, some are one level off from what Pillow 12 gives. Other pictures are the same in both.
#
# Touched: whoever compares predictions, or pictures by their hashes, across versions; whoever computes Pillow's resizing
# again: a photograph held upright (1080x1920 to 299x299, as Keras' `load_img` and torchvision's `Resize` do it) is such a
# picture, the same photograph lying is not.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11 or
# later; takes 100 MB on disk. The output:
#
#     Pillow 12.3.0: 0 of 432 resizings have columns first
#     Pillow 13.0.0: 147 of 432 resizings have columns first, as the rule says
#     1080x1920 to 299x299: 26.7 % of pixels differ, by 1
#     1920x1080 to 299x299: 0.0 % of pixels differ, by 0
set -euo pipefail

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
for version in 12.3.0 13.0.0; do
    python3 -m venv "$work/$version" || cannot "no python3 with venv"
    "$work/$version/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check "pillow==$version" numpy==2.4.6 ||
        cannot "pip install pillow==$version numpy==2.4.6"
done

cat >"$work/check.py" <<'PY'
import itertools
import sys

import numpy as np
import PIL
from PIL import Image

FOLDER = sys.argv[1]
SIDES, TARGETS = (20, 31, 60, 61, 90, 150), (7, 20, 30, 45)
BILINEAR = Image.Resampling.BILINEAR


def noise(width, height):
    values = np.random.default_rng(width * 1000 + height).integers(0, 256, (height, width, 3), dtype="u1")
    return Image.fromarray(values)


def is_tall(width, height, across, down):
    return height - down > 2 * max(0, width - across)


tried, first, wrong = 0, 0, []
for width, height, across, down in itertools.product(SIDES, SIDES, TARGETS, TARGETS[:3]):
    picture = noise(width, height)
    whole = picture.resize((across, down), BILINEAR).tobytes()
    rows = picture.resize((across, height), BILINEAR).resize((across, down), BILINEAR).tobytes()
    columns = picture.resize((width, down), BILINEAR).resize((across, down), BILINEAR).tobytes()
    tried += 1
    first += whole == columns != rows
    # Where the order shows, it is what the version says; elsewhere both are right.
    expected = columns if PIL.__version__ >= "13" and is_tall(width, height, across, down) else rows
    if whole != expected:
        wrong.append((width, height, across, down))
rule = ", as the rule says" if PIL.__version__ >= "13" else ""
print(f"Pillow {PIL.__version__}: {first} of {tried} resizings have columns first{rule}")
for size in ((1080, 1920), (1920, 1080)):
    small = noise(size[0] // 20, size[1] // 20).resize(size, Image.Resampling.BICUBIC)
    np.save(f"{FOLDER}/{PIL.__version__}-{size[0]}.npy", np.asarray(small.resize((299, 299), BILINEAR)))
if wrong:
    print("this finding no longer holds: of width, height and targets", wrong[:5])
    raise SystemExit(3)
PY

cat >"$work/compare.py" <<'PY'
import sys

import numpy as np

broken = False
for width, height in ((1080, 1920), (1920, 1080)):
    old, new = (np.load(f"{sys.argv[1]}/{version}-{width}.npy").astype(int) for version in ("12.3.0", "13.0.0"))
    part, most = (old != new).any(-1).mean(), abs(old - new).max()
    print(f"{width}x{height} to 299x299: {part * 100:.1f} % of pixels differ, by {most}")
    broken |= (part > 0) != (height > width) or most > 1
if broken:
    print("this finding no longer holds: tall pictures differ by one level, wide ones do not")
raise SystemExit(3 if broken else 0)
PY

run() {
    local status=0
    "$@" 2>"$work/err" || status=$?
    case "$status" in
    0) ;;
    3) exit 1 ;;
    *)
        cat "$work/err" >&2
        cannot "the check broke off"
        ;;
    esac
}

run "$work/12.3.0/bin/python" "$work/check.py" "$work"
run "$work/13.0.0/bin/python" "$work/check.py" "$work"
run "$work/13.0.0/bin/python" "$work/compare.py" "$work"
