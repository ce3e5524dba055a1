#!/usr/bin/env bash
# Keras 3 opens a layer that has several axes from .h5 as one with its default axis, and computes something else.
#
# The guess: a model that was saved as .h5 is the same model when it is opened, or it is not opened.
#
# What happens in Keras 3.15.1: the file is right (`"axis": [1, 2]`). The reader takes `axis` out of every layer's
# config, puts it back if it is a number or a list of one number, and drops it otherwise (`model_from_config` of
# keras/src/legacy/saving/saving_utils.py). So the layer gets its default, the last axis:
#   - Softmax and UnitNormalization have no weights: they are opened without a word, and the numbers are others. The
#     same goes for `keras.ops.softmax`;
#   - LayerNormalization has weights of another shape then, and is refused for that.
# The same models from .keras are right.
#
# Touched: whoever opens such files with Keras, and whoever compares a reader of their own with it: Keras is the one
# that is wrong. A softmax over the picture (an attention map, spatial soft-argmax) is such a layer.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11
# or later; takes 700 MB on disk. The output, for a picture of 4x4 places and 3 channels that are all
# 1, so that a softmax over the places is 1/16 and over the channels 1/3, and the norm is 1/4 or 1/√3:
#
#     Keras 3.15.1
#                                         made  .keras     .h5
#     Softmax(axis=[1, 2])              0.0625  0.0625  0.3333
#     Softmax(axis=2)                   0.2500  0.2500  0.2500
#     UnitNormalization(axis=[1, 2])    0.2500  0.2500  0.5774
#     ops.softmax(x, axis=(1, 2))       0.0625  0.0625  0.3333
#     Softmax in the .h5 has axis [1, 2] and when opened -1
#     LayerNormalization(axis=[1, 2]) from .h5: Shape mismatch in layer #0 (named layer_normalization)for weight
#             layer_normalization/gamma. Weight expects shape (3,). Received saved weight with shape (4, 4)
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
import json
import os

import h5py
import keras
import numpy as np

BROKEN = []


def check(holds, sentence):
    if not holds:
        print("this finding no longer holds:", sentence)
        BROKEN.append(sentence)


PICTURE = np.ones((1, 4, 4, 3), "float32")


def saved(layer, name):
    """A model of this layer alone, saved."""
    start = keras.Input((4, 4, 3))
    path = os.path.join(os.environ["HOME"], name)
    model = keras.Model(start, layer(start))
    model.save(path)
    return model, path


def value(model):
    """What the model makes of the picture: one number, since it is the same at all places and in all channels."""
    result = model.predict(PICTURE, verbose=0)
    assert np.ptp(result) < 1e-6
    return float(result[0, 0, 0, 0])


CASES = {
    "Softmax(axis=[1, 2])": (keras.layers.Softmax(axis=[1, 2]), 1 / 16, 1 / 3),
    "Softmax(axis=2)": (keras.layers.Softmax(axis=2), 1 / 4, 1 / 4),
    "UnitNormalization(axis=[1, 2])": (keras.layers.UnitNormalization(axis=[1, 2]), 1 / 4, 3**-0.5),
    "ops.softmax(x, axis=(1, 2))": (lambda x: keras.ops.softmax(x, axis=(1, 2)), 1 / 16, 1 / 3),
}
print("Keras", keras.__version__)
print(f"{'':<32}{'made':>8}{'.keras':>8}{'.h5':>8}")
for name, (layer, right, from_h5) in CASES.items():
    found = [value(saved(layer, "model.keras")[0])]
    for file in ("model.keras", "model.h5"):
        found.append(value(keras.models.load_model(saved(layer, file)[1], compile=False)))
    print(f"{name:<32}" + "".join(f"{number:8.4f}" for number in found))
    check(np.allclose(found[:2], right, atol=1e-4), f"{name} gives {found[:2]} when made and from .keras")
    check(abs(found[2] - from_h5) < 1e-4, f"{name} from .h5 gives {found[2]:.4f}, not {from_h5:.4f}")

_, path = saved(CASES["Softmax(axis=[1, 2])"][0], "model.h5")
with h5py.File(path) as file:
    written = json.loads(file.attrs["model_config"])["config"]["layers"][1]["config"]["axis"]
opened = keras.models.load_model(path, compile=False).layers[1].axis
print("Softmax in the .h5 has axis", written, "and when opened", opened)
check(written == [1, 2] and opened == -1, f"the file has axis {written}, the layer opened from it {opened}")

_, path = saved(keras.layers.LayerNormalization(axis=[1, 2]), "model.h5")
try:
    keras.models.load_model(path, compile=False)
    result = "opened"
except ValueError as error:
    result = str(error)
print("LayerNormalization(axis=[1, 2]) from .h5:", result)
check("shape" in result, f"LayerNormalization(axis=[1, 2]) from .h5: {result}")
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
