#!/usr/bin/env bash
# Average pooling with padding="same" gives other numbers in Keras on PyTorch than on JAX or TensorFlow.
#
# The guess: a Keras model computes the same on each backend, up to rounding; and average pooling with padding "same"
# leaves the padding out of the mean.
#
# What happens in Keras 3.15.1: on JAX and TensorFlow it is so (TensorFlow was tried by hand). On PyTorch it is so
# only while there is as much padding before as behind, on both axes. Where it is not, the picture is first made larger
# by repeating its edge (`_apply_same_padding` of keras/src/backend/torch/nn.py), and the repeated pixels are counted:
# in a window of three pixels at the end of a row 1, 2, 3, 4 it is the mean of 3, 4, 4 and not that of 3, 4. That is:
#   - with pools of three and stride 2, every side of even length; of odd length it is right;
#   - if one axis is uneven, both are padded so, and both of its edges: the even one is wrong as well;
#   - with pools of two it makes no difference, since the mean of a pixel and its copy is that pixel; max pooling does
#     not mind copies either.
# The ONNX export from PyTorch's backend then has a Pad of mode `edge` before an AveragePool without padding: right for
# this backend, and other than the file that TensorFlow's backend exports (tried by hand).
#
# Touched: whoever compares a reader of Keras files, or an exported file, with Keras: the reference depends on its
# backend. Nets that were trained on one backend and run on another.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11
# or later. On Linux, PyPI's torch brings CUDA with it (it is not used): some 6 GB on disk, in the
# folder that TMPDIR names. The output, for pictures whose rows are all 1, 2, 3, …, so that a row of the result says
# it all:
#
#     Keras 3.15.1 on jax                      Keras 3.15.1 on torch
#     4x4, pool 3, stride 2:  2.000 3.500              2.000 3.667
#     5x5, pool 3, stride 2:  1.500 3.000 4.500        1.500 3.000 4.500
#     4x5, pool 3, stride 2:  1.500 3.000 4.500        1.333 3.000 4.667
#     6x6, pool 5, stride 2:  2.500 4.000 5.000        2.200 4.000 5.400
#     4x4, pool 2, stride 1:  1.500 2.500 3.500 4.000  1.500 2.500 3.500 4.000
set -euo pipefail

packages="keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 h5py==3.14.0 numpy==2.4.6 scipy==1.17.1 ml_dtypes==0.6.0"
packages+=" opt_einsum==3.4.0 absl-py==2.5.1 namex==0.1.0 optree==0.20.0 packaging==26.4 rich==15.0.0"
packages+=" markdown-it-py==4.3.0 mdurl==0.1.2 Pygments==2.21.0 typing_extensions==4.16.0"
packages+=" torch==2.15.0 filelock==4.3.1 fsspec==2026.9.0 Jinja2==3.1.6 MarkupSafe==3.0.4 mpmath==1.3.0"
packages+=" networkx==3.6.1 sympy==1.14.0 setuptools==84.2.1"

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" || cannot "no python3 with venv"
# shellcheck disable=SC2086 # one word a package
"$work/venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check $packages ||
    cannot "pip install $packages"

# Nothing is to be written outside the temporary folder.
export HOME="$work" KERAS_HOME="$work" JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES="" OMP_NUM_THREADS=1

cat >"$work/check.py" <<'PY'
"""With a backend as its argument: the numbers of that backend. Without: compares two."""

import json
import os
import subprocess
import sys

# Height and width of the picture, pool and stride, and a row of the result on JAX and on PyTorch.
CASES = {
    "4x4, pool 3, stride 2": [(4, 4, 3, 2), [2, 3.5], [2, 11 / 3]],
    "5x5, pool 3, stride 2": [(5, 5, 3, 2), [1.5, 3, 4.5], [1.5, 3, 4.5]],
    "4x5, pool 3, stride 2": [(4, 5, 3, 2), [1.5, 3, 4.5], [4 / 3, 3, 14 / 3]],
    "6x6, pool 5, stride 2": [(6, 6, 5, 2), [2.5, 4, 5], [2.2, 4, 5.4]],
    "4x4, pool 2, stride 1": [(4, 4, 2, 1), [1.5, 2.5, 3.5, 4], [1.5, 2.5, 3.5, 4]],
}
BROKEN = []


def check(holds, sentence):
    if not holds:
        print("this finding no longer holds:", sentence)
        BROKEN.append(sentence)


def numbers():
    """For each case a row of the result of average pooling, and one of max pooling."""
    import keras
    import numpy as np

    def row(layer, height, width):
        picture = np.tile(np.arange(1, width + 1, dtype="float32")[None, None, :, None], (1, height, 1, 1))
        model = keras.Sequential([keras.Input((height, width, 1)), layer])
        return model.predict(picture, verbose=0)[0, 0, :, 0].tolist()

    found = {"version": f"Keras {keras.__version__} on {keras.backend.backend()}"}
    for name, ((height, width, pool, stride), *_) in CASES.items():
        average = keras.layers.AveragePooling2D(pool, stride, padding="same")
        largest = keras.layers.MaxPooling2D(pool, stride, padding="same")
        found[name] = [row(layer, height, width) for layer in (average, largest)]
    return found


def on(backend):
    command = [sys.executable, __file__, backend]
    result = subprocess.run(command, env={**os.environ, "KERAS_BACKEND": backend}, stdout=subprocess.PIPE, check=True)
    return json.loads(result.stdout)


def close(found, wanted):
    return len(found) == len(wanted) and all(abs(a - b) < 1e-4 for a, b in zip(found, wanted, strict=True))


if len(sys.argv) > 1:
    print(json.dumps(numbers()))
    raise SystemExit
jax, torch = on("jax"), on("torch")
print(f"{jax['version']:<41}{torch['version']}")
for name, (_, on_jax, on_torch) in CASES.items():
    (average_jax, largest_jax), (average_torch, largest_torch) = jax[name], torch[name]
    texts = [" ".join(f"{number:.3f}" for number in row) for row in (average_jax, average_torch)]
    print(f"{name}:  {texts[0]:<25}{texts[1]}")
    check(close(average_jax, on_jax), f"{name} gives {texts[0]} on JAX")
    check(close(average_torch, on_torch), f"{name} gives {texts[1]} on PyTorch")
    check(close(largest_jax, largest_torch), f"{name}: max pooling differs")
raise SystemExit(3 if BROKEN else 0)
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
