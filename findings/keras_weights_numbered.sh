#!/usr/bin/env bash
# The weights in .keras and .weights.h5 of Keras 3 stand under names that look like layers' and are those of others.
#
# The guess: `layers/conv2d_1` in a Keras file holds the weights of the layer `conv2d_1`, as the group `conv2d_1` of a
# Keras .h5 does.
#
# What happens in Keras 3.15.1: the groups are named by class and numbered anew, in the order of `model.layers`. That
# looks like the layers' names, which are numbered by class too, but in the order in which they were made, and go on
# from model to model. Two things make the difference:
#   - `model.layers` is sorted by the distance to the output. Where branches are of different length (below: one of one
#     convolution, made first, beside one of two), names and groups are the same set in another order. If the shapes
#     are the same too, whoever reads by the names gets wrong numbers and no complaint;
#   - in the second model of a program the layers are called `conv2d_3`, `conv2d_4`, … and the groups `conv2d`, …
# 133 of the 189 groups with weights of `keras.applications.InceptionV3` hold those of another name: `conv2d_5` has
# those of `conv2d_8` (tried once, by hand).
#
# The layer's name is in the file: it is the attribute `name` of the group `vars` below.
#
# Touched: whoever reads such files without Keras, or looks at them with h5py.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11
# or later; takes 700 MB on disk. The output:
#
#     Keras 3.15.1
#     first model.keras: conv2d has conv2d_1, conv2d_1 has conv2d, conv2d_2 has conv2d_2
#     first model.weights.h5: conv2d has conv2d_1, conv2d_1 has conv2d, conv2d_2 has conv2d_2
#     first model.h5: conv2d, conv2d_1, conv2d_2
#     second model.keras: conv2d has conv2d_4, conv2d_1 has conv2d_3, conv2d_2 has conv2d_5
#     second model.weights.h5: conv2d has conv2d_4, conv2d_1 has conv2d_3, conv2d_2 has conv2d_5
#     second model.h5: conv2d_3, conv2d_4, conv2d_5
set -euo pipefail

packages="keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 h5py==3.14.0 numpy==2.4.6 scipy==1.17.1 ml_dtypes==0.6.0"
packages+=" opt_einsum==3.4.0 absl-py==2.5.1 namex==0.1.0 optree==0.20.0 packaging==26.4 rich==15.0.0"
packages+=" markdown-it-py==4.3.0 mdurl==0.1.2 Pygments==2.21.0 typing_extensions==4.16.0"

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
export HOME="$work" KERAS_HOME="$work" KERAS_BACKEND=jax JAX_PLATFORMS=cpu OMP_NUM_THREADS=1

cat >"$work/check.py" <<'PY'
import io
import os
import zipfile

import h5py
import keras
import numpy as np

BROKEN = []


def check(holds, sentence):
    if not holds:
        print("this finding no longer holds:", sentence)
        BROKEN.append(sentence)


def branches():
    """A branch of one convolution beside one of two. Names are Keras' own, and the kernels' shapes all alike."""
    start = keras.Input((8, 8, 3))
    convolution = [keras.layers.Conv2D(3, 3, padding="same") for _ in range(3)]
    long = convolution[2](convolution[1](start))
    return keras.Model(start, keras.layers.Concatenate()([convolution[0](start), long]))


def numbered(model, name):
    """The groups with weights in .keras or .weights.h5: the layer's name there, and its kernel."""
    path = os.path.join(os.environ["HOME"], name)
    if name == "model.keras":
        model.save(path)
        path = io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5"))
    else:
        model.save_weights(path)
    with h5py.File(path) as file:
        groups = {key: group["vars"] for key, group in file["layers"].items() if len(group["vars"])}
        return {key: (group.attrs["name"], group["0"][:]) for key, group in groups.items()}


def named(model):
    """The groups with weights in .h5 and their kernels."""
    path = os.path.join(os.environ["HOME"], "model.h5")
    model.save(path)
    with h5py.File(path) as file:
        groups = {key: group for key, group in file["model_weights"].items() if len(group.attrs["weight_names"])}
        return {key: group[group.attrs["weight_names"][0]][:] for key, group in groups.items()}


print("Keras", keras.__version__)
keras.utils.set_random_seed(0)
models = {"first": branches(), "second": branches()}
GROUPS = ["conv2d", "conv2d_1", "conv2d_2"]
LAYERS = {"first": ["conv2d_1", "conv2d", "conv2d_2"], "second": ["conv2d_4", "conv2d_3", "conv2d_5"]}
for which, model in models.items():
    kernels = {layer.name: np.asarray(layer.kernel) for layer in model.layers if hasattr(layer, "kernel")}
    for name in ("model.keras", "model.weights.h5"):
        groups = numbered(model, name)
        print(f"{which} {name}:", ", ".join(f"{key} has {layer}" for key, (layer, _) in groups.items()))
        right = all(np.array_equal(kernels[layer], kernel) for layer, kernel in groups.values())
        check(right, f"the attribute in {name} of the {which} model is not the name of the layer with this kernel")
        order = [layer for layer, _ in groups.values()]
        check(order == LAYERS[which], f"{name} of the {which} model has the order {order}")
        check([*groups] == GROUPS, f"the groups in {name} of the {which} model are {[*groups]}")
    groups = named(model)
    print(f"{which} model.h5:", ", ".join(groups))
    right = groups.keys() == kernels.keys() and all(np.array_equal(kernels[key], groups[key]) for key in groups)
    check(right, f"the groups in model.h5 of the {which} model are not those of the layers of these names")
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
