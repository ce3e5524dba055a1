#!/usr/bin/env bash
# Keras 3 saves models with operations (`x + 3.0`) as .h5 that Keras itself cannot open again: MobileNetV3, for one.
#
# The guess: what `model.save("model.h5")` writes, `keras.models.load_model("model.h5")` opens, as it does with the same
# model saved as .keras. (Saving warns that the format is old, and of nothing else.)
#
# What happens in Keras 3.15.1: arithmetic, slices and functions of `keras.ops` in a functional model are entries among
# its layers. In .keras each has the `module` it is from ("keras.src.ops.numpy"); in .h5 only its `class_name` is left,
# and the reader takes that for a layer's:
#   - `Add`, `Multiply`, `Subtract`, `Maximum` are layers too, which then are called with arguments that they do not
#     take. The message is about positional arguments, or too many of them, and says nothing of the file;
#   - `Absolute`, `GetItem` and most others are no layers, and are called unknown;
#   - those whose layer happens to have the same settings, such as `Concatenate`, load and are right.
# The hard sigmoid of `keras.applications.MobileNetV3Small` and `…Large` is `relu6(x + 3.0) * (1 / 6)`, so they are
# saved and not opened, with whatever weights. The weights are fine: `load_weights` reads them into a model that was
# made by code.
#
# Touched: whoever reads such files. An operation can be told from the layer of that name by its config, which has no
# `trainable`, and by numbers among the `args` of its inbound node.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11
# or later; takes 700 MB on disk. The output:
#
#     Keras 3.15.1
#     x + 3.0, .keras                 opened
#     x + 3.0, .h5                    ValueError: Only input tensors may be passed as positional arguments. The follo…
#     x * relu(x), .keras             opened
#     x * relu(x), .h5                TypeError: too many positional arguments
#     x[:, 1:], .keras                opened
#     x[:, 1:], .h5                   ValueError: Unknown layer: 'GetItem'. Please ensure you are using a `keras.util…
#     ops.absolute(x), .keras         opened
#     ops.absolute(x), .h5            ValueError: Unknown layer: 'Absolute'. Please ensure you are using a `keras.uti…
#     ops.concatenate([x, x]), .keras opened
#     ops.concatenate([x, x]), .h5    opened
#     MobileNetV3Small, .keras        opened
#     MobileNetV3Small, .h5           ValueError: Only input tensors may be passed as positional arguments. The follo…
#     MobileNetV3Small, .h5           load_weights reads the weights
#     in .h5, ReLU: class_name, config, name, inbound_nodes and in its config name, trainable, dtype, max_value,
#             negative_slope, threshold
#     in .h5, Multiply: class_name, config, name, inbound_nodes and in its config name
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


def opened(model, name):
    """The model saved and opened again, or in short why it was not."""
    path = os.path.join(os.environ["HOME"], name)
    model.save(path)
    try:
        return keras.models.load_model(path, compile=False), "opened"
    except (TypeError, ValueError) as error:
        return None, f"{type(error).__name__}: {str(error).splitlines()[0]}"


def shown(what, result):
    print(f"{what:<31} {result if len(result) <= 80 else result[:79] + '…'}")


def same(model, other):
    """Whether both give the same for the same picture."""
    picture = np.random.default_rng(0).random((1, *model.input_shape[1:]), "float32")
    return np.allclose(model.predict(picture, verbose=0), other.predict(picture, verbose=0), atol=1e-5)


def of(operation):
    start = keras.Input((4, 4, 3))
    return keras.Model(start, operation(start))


OPERATIONS = {
    "x + 3.0": (of(lambda x: x + 3.0), False),
    "x * relu(x)": (of(lambda x: x * keras.layers.ReLU()(x)), False),
    "x[:, 1:]": (of(lambda x: x[:, 1:]), False),
    "ops.absolute(x)": (of(keras.ops.absolute), False),
    "ops.concatenate([x, x])": (of(lambda x: keras.ops.concatenate([x, x])), True),
    "MobileNetV3Small": (keras.applications.MobileNetV3Small(input_shape=(32, 32, 3), weights=None), False),
}
print("Keras", keras.__version__)
for name, (model, opens) in OPERATIONS.items():
    again, result = opened(model, "model.keras")
    shown(f"{name}, .keras", result)
    check(again is not None and same(model, again), f"{name} is not opened from .keras, or is another")
    again, result = opened(model, "model.h5")
    shown(f"{name}, .h5", result)
    check((again is not None) == opens, f"{name} from .h5: {result}")
    check(again is None or same(model, again), f"{name} is opened from .h5, and is another")

model = OPERATIONS["MobileNetV3Small"][0]
other = keras.applications.MobileNetV3Small(input_shape=(32, 32, 3), weights=None)
other.load_weights(os.path.join(os.environ["HOME"], "model.h5"))
good = all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights(), strict=True))
shown("MobileNetV3Small, .h5", "load_weights reads the weights" if good else "load_weights reads other weights")
check(good, "load_weights does not read the weights of MobileNetV3Small from .h5")

opened(OPERATIONS["x * relu(x)"][0], "model.h5")
with h5py.File(os.path.join(os.environ["HOME"], "model.h5")) as file:
    entries = json.loads(file.attrs["model_config"])["config"]["layers"][1:]
for entry in entries:
    print(f"in .h5, {entry['class_name']}:", ", ".join(entry), "and in its config", ", ".join(entry["config"]))
    layer = entry["class_name"] == "ReLU"
    check(("trainable" in entry["config"]) == layer, f"the config of {entry['class_name']} is {entry['config']}")
    check("module" not in entry, f"the entry of {entry['class_name']} has a module")
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
