#!/usr/bin/env bash
# Keras' ONNX export of a grouped convolution writes a file that is not ONNX, and tells of success.
#
# The guess: `model.export("model.onnx", format="onnx")` writes a valid file or raises an error. ONNX' Conv has groups,
# and tf2onnx converts `tf.nn.conv2d` with groups.
#
# What happens in Keras 3.15.1 on TensorFlow 2.21.0 with tf2onnx 1.17.0: where a convolution has groups, Keras calls it
# in a function that XLA compiles, since it does not trust TensorFlow's own on CPUs. To tf2onnx that is an operator
# `StatefulPartitionedCall` which it does not know. It logs so, copies the node as if ONNX had an operator of that name,
# and writes the file; Keras says "Saved artifact". The function that the node calls is not in the file, the
# convolution's kernel is. onnx' checker refuses the file, and so does onnxruntime (tried by hand).
#
# Depthwise and (tried by hand) separable convolutions are no such case: they are exported as Conv with groups.
#
# Touched: whoever exports ResNeXt, RegNet, ShuffleNet or the like from Keras, and finds out elsewhere and later. A
# reader of ONNX meets nodes of ONNX' own domain that no version of ONNX has.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11
# or later; takes 1.6 GB on disk. The output:
#
#     Keras 3.15.1 TensorFlow 2.21.0 tf2onnx 1.17.0
#     Conv2D:                    Transpose, Conv, Transpose; valid
#     DepthwiseConv2D:           Transpose, Conv, Transpose; valid
#     tf.nn.conv2d with groups:  Transpose, Conv, Transpose; valid
#     Conv2D(groups=2):          StatefulPartitionedCall, Add; No Op registered for StatefulPartitionedCall with
#             domain_version of 15
#     Keras says: Saved artifact at 'model.onnx'.
#     functions in the file: 0 and tensors: [[4], [3, 3, 2, 4]]
set -euo pipefail

packages="tensorflow-cpu==2.21.0 keras==3.15.1 tf2onnx==1.17.0 onnx==1.23.2 protobuf==7.36.2 numpy==2.4.6"
packages+=" absl-py==2.5.1 astunparse==1.6.3 flatbuffers==25.12.19 gast==0.7.0 google-pasta==0.2.0"
packages+=" grpcio==1.85.3 h5py==3.14.0 libclang==18.1.1 ml_dtypes==0.6.0 namex==0.1.0 opt_einsum==3.4.0"
packages+=" optree==0.20.0 packaging==26.4 requests==2.34.2 certifi==2026.10.19.post1"
packages+=" charset-normalizer==3.5.3 idna==3.20 urllib3==2.8.0 rich==15.0.0 markdown-it-py==4.3.0"
packages+=" mdurl==0.1.2 Pygments==2.21.0 setuptools==84.2.1 wheel==0.48.0 six==1.17.0 termcolor==3.3.0"
packages+=" typing_extensions==4.16.0 wrapt==2.5.2"

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
export HOME="$work" KERAS_HOME="$work" KERAS_BACKEND=tensorflow CUDA_VISIBLE_DEVICES="" OMP_NUM_THREADS=1

cat >"$work/check.py" <<'PY'
import contextlib
import io
import os

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

BROKEN = []


def check(holds, sentence):
    if not holds:
        print("this finding no longer holds:", sentence)
        BROKEN.append(sentence)


PICTURE = np.ones((1, 8, 8, 4), "float32")
PATH = os.path.join(os.environ["HOME"], "model.onnx")


def exported(layer):
    """A model of this layer alone, exported by Keras: the file, and what was printed."""
    model = keras.Sequential([keras.Input((8, 8, 4)), layer])
    model(PICTURE)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        model.export(PATH, format="onnx")
    return onnx.load(PATH), said.getvalue()


def convolution_of_tensorflow():
    """A convolution with two groups as TensorFlow has it, converted by tf2onnx."""
    kernel = np.ones((3, 3, 2, 4), "float32")
    function = tf.function(lambda x: tf.nn.conv2d(x, tf.constant(kernel), 1, "VALID"))
    return tf2onnx.convert.from_function(function, [tf.TensorSpec((None, 8, 8, 4))], opset=15)[0]


def verdict(file):
    try:
        onnx.checker.check_model(file)
        return "valid"
    except onnx.checker.ValidationError as error:
        return str(error).splitlines()[0]


FILES = {
    "Conv2D": exported(keras.layers.Conv2D(4, 3))[0],
    "DepthwiseConv2D": exported(keras.layers.DepthwiseConv2D(3))[0],
    "tf.nn.conv2d with groups": convolution_of_tensorflow(),
}
grouped, said = exported(keras.layers.Conv2D(4, 3, groups=2))
print("Keras", keras.__version__, "TensorFlow", tf.__version__, "tf2onnx", tf2onnx.__version__)
for name, file in {**FILES, "Conv2D(groups=2)": grouped}.items():
    print(f"{name + ':':<26}", ", ".join(node.op_type for node in file.graph.node) + ";", verdict(file))
for name, file in FILES.items():
    check(verdict(file) == "valid", f"{name} is not converted")

said = said.strip().replace(PATH, "model.onnx")
print("Keras says:", said)
check("Saved artifact" in said, "Keras does not tell of success")
check("StatefulPartitionedCall" in verdict(grouped), "a convolution with groups is no longer StatefulPartitionedCall")
shapes = [list(tensor.dims) for tensor in grouped.graph.initializer]
print("functions in the file:", len(grouped.functions), "and tensors:", shapes)
check(not grouped.functions, "the function is in the file")
check([3, 3, 2, 4] in shapes, "the kernel is not in the file")
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
