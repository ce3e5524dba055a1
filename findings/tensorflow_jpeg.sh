#!/usr/bin/env bash
# TensorFlow decodes a JPEG to other pixels than Pillow, so that a network sees other pictures through
# `image_dataset_from_directory` than through `load_img`.
#
# The guess: both use libjpeg-turbo, so that a JPEG has the same pixels in both.
#
# What happens in TensorFlow 2.21.0: `tf.io.decode_jpeg` and `tf.io.decode_image` have the fast cosine transform
# (`INTEGER_FAST`) by default, whose levels are several off. With `dct_method="INTEGER_ACCURATE"`, which `decode_image`
# does not take, the pixels are Pillow's.
#
# Touched: whoever trains from folders with Keras (`keras.utils.image_dataset_from_directory` decodes so) and then predicts with
# pictures that were opened by `load_img` or Pillow, and whoever compares numbers of the two.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11 or
# later; takes 2 GB on disk. The output:
#
#     TensorFlow 2.21.0, Pillow 13.0.0
#     decode_image        66.7 % of values differ, by up to 5
#     decode_jpeg         66.7 % of values differ, by up to 5
#     INTEGER_FAST        66.7 % of values differ, by up to 5
#     INTEGER_ACCURATE     0.0 % of values differ, by up to 0
set -euo pipefail

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" || cannot "no python3 with venv"
"$work/venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check \
    tensorflow-cpu==2.21.0 pillow==13.0.0 numpy==2.4.6 || cannot "pip install tensorflow-cpu==2.21.0 pillow==13.0.0"

# Nothing is to be written outside the temporary folder.
export HOME="$work" KERAS_HOME="$work" TF_CPP_MIN_LOG_LEVEL=3

cat >"$work/check.py" <<'PY'
import io

import numpy as np
import PIL
import tensorflow as tf
from PIL import Image

values = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype="u1")
file = io.BytesIO()
Image.fromarray(values).resize((400, 300), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
pillow = np.asarray(Image.open(file)).astype(int)

print(f"TensorFlow {tf.__version__}, Pillow {PIL.__version__}")
most = {}
for name, decoded in {
    "decode_image": tf.io.decode_image(file.getvalue()),
    "decode_jpeg": tf.io.decode_jpeg(file.getvalue()),
    "INTEGER_FAST": tf.io.decode_jpeg(file.getvalue(), dct_method="INTEGER_FAST"),
    "INTEGER_ACCURATE": tf.io.decode_jpeg(file.getvalue(), dct_method="INTEGER_ACCURATE"),
}.items():
    off = np.abs(decoded.numpy().astype(int) - pillow)
    most[name] = off.max()
    print(f"{name:<18} {(off > 0).mean() * 100:5.1f} % of values differ, by up to {off.max()}")
usual = {most[name] for name in ("decode_image", "decode_jpeg", "INTEGER_FAST")}
if len(usual) > 1 or usual.pop() < 2 or most["INTEGER_ACCURATE"] > 0:
    print("this finding no longer holds: the fast transform is usual, the accurate one is Pillow's")
    raise SystemExit(3)
PY

status=0
"$work/venv/bin/python" "$work/check.py" 2>"$work/err" || status=$?
case "$status" in
0) ;;
3) exit 1 ;;
*)
    cat "$work/err" >&2
    cannot "the check broke off"
    ;;
esac
