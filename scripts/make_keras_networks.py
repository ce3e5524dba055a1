#!/usr/bin/env python3
"""Writes tests/data/networks/keras_*: whole models of Keras, as small as they can be, for the tests of their reader.

    pip install keras==3.15.1 tensorflow-cpu==2.21.0 tf_keras==2.21.0 h5py numpy
    scripts/make_keras_networks.py

Each value tells where it belongs: a variable that Keras calls `conv/kernel` begins with crc32("conv/kernel") % 1000, and
goes up by 1/1024 from one value to the next. HDF5 is mostly zeros, so `.h5` files are packed by gzip.

    flat        two branches of different length, a normalisation without a scale, two outputs; .keras, .h5
    nested      augmentation and scaling in front, a model inside that is partly frozen, a layer that is called twice,
                arithmetic without a layer; .keras (deflated), .h5
    lambda      a Lambda in the middle; .keras
    tf_keras    Keras 2: arithmetic as TFOpLambda, a chain without an input layer of its own; .h5
    old         Keras 1 with Theano's kernels, written by hand; .h5
"""

import gzip
import io
import json
import os
import pathlib
import zipfile
import zlib

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
from keras import layers

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/data/networks"


def values(name, shape):
    first = zlib.crc32(name.encode()) % 1000
    return (first + np.arange(np.prod(shape, dtype=int)) / 1024).astype("f4").reshape(shape)


def fill(model):
    for layer in model._flatten_layers(include_self=False):
        if not hasattr(layer, "layers"):
            for variable in layer.weights:
                name = variable.name.split(":")[0].split("/")[-1]
                if name not in ("seed_generator_state", "count"):
                    variable.assign(values(f"{layer.name}/{name}", variable.shape))


def pack(path):
    """Packs a file anew. What differs from run to run: ids of objects in the configurations."""
    content = path.read_bytes()
    path.unlink()
    if path.suffix == ".h5":
        pathlib.Path(f"{path}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
        return
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w") as new:
        for name in sorted(old.namelist()):
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            data = old.read(name)
            if name == "metadata.json":
                data = json.dumps({"keras_version": json.loads(data)["keras_version"]})
            new.writestr(entry, data, compresslevel=9)


def save(model, name, endings=("keras", "h5")):
    fill(model)
    for ending in endings:
        path = OUT / f"keras_{name}.{ending}"
        model.save(path)
        pack(path)


def flat():
    image = keras.Input((9, 8, 3), name="image")
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="stem")(image)
    x = layers.BatchNormalization(scale=False, epsilon=0.01, name="norm")(x)
    x = layers.ReLU(max_value=6, name="relu")(x)
    short = layers.Conv2D(2, 1, name="short")(x)
    long = layers.DepthwiseConv2D((3, 2), depth_multiplier=2, padding="same", name="deep")(x)
    long = layers.SeparableConv2D(3, 3, padding="same", activation="swish", name="separable")(long)
    maps = layers.Concatenate(name="joined")([short, long])
    up = layers.Conv2DTranspose(2, 3, strides=2, padding="same", name="up")(maps)
    x = layers.GlobalAveragePooling2D(name="mean")(maps)
    x = layers.Dropout(0.5, name="dropout")(x)
    x = layers.Dense(4, activation="softmax", name="classes")(x)
    return keras.Model(image, [x, up], name="flat")


def nested():
    inner = keras.Input((None, None, 4))
    x = layers.Conv2D(4, 3, padding="same", name="conv_a")(inner)
    x = layers.BatchNormalization(name="norm_a")(x)
    x = layers.Conv2D(4, 1, name="conv_b")(x)
    x = layers.BatchNormalization(name="norm_b")(x)
    body = keras.Model(inner, layers.Add(name="sum")([inner, x]), name="body")
    body.get_layer("conv_a").trainable = False
    body.get_layer("norm_b").trainable = False
    image = keras.Input((8, 8, 3), name="image")
    x = layers.RandomFlip(name="flip")(image)
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scaling")(x)
    again = layers.Conv2D(4, 3, padding="same", name="again")
    x = layers.Conv2D(4, 1, name="first")(x)
    x = again(body(again(x)))
    x = layers.GlobalMaxPooling2D(name="largest")(x * 2.0 + 0.5)
    head = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="hidden"), layers.Dense(1, name="score")], name="head")
    model = keras.Model(image, head(x), name="nested")
    model.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return model


def with_lambda():
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(2, 3, name="conv")(image)
    x = layers.Lambda(lambda y: y[..., ::-1], output_shape=(6, 6, 2), name="turned")(x)
    return keras.Model(image, layers.Dense(2, name="dense")(layers.GlobalAveragePooling2D(name="mean")(x)), name="cut")


def tf_keras_model():
    import tensorflow as tf
    import tf_keras

    image = tf_keras.Input((8, 8, 3), name="image")
    x = tf_keras.applications.mobilenet_v2.preprocess_input(image)
    block = tf_keras.Sequential(
        [
            tf_keras.layers.Conv2D(2, 3, input_shape=(8, 8, 3), activation="hard_sigmoid", name="conv"),
            tf_keras.layers.BatchNormalization(center=False, name="norm"),
        ],
        name="block",
    )
    x = 1.0 - tf.nn.relu6(block(x))
    x = tf_keras.layers.Dense(2, name="dense")(tf_keras.layers.Flatten(name="flat")(x))
    model = tf_keras.Model(image, x, name="lambdas")
    model.compile(loss="mse")
    return model


def old(path):
    """What Keras 1.2 wrote for a chain, with Theano below it."""

    def entry(kind, **config):
        return {"class_name": kind, "config": {"trainable": True, **config}}

    chain = [
        entry(
            "Convolution2D", name="convolution2d_1", nb_filter=3, nb_row=3, nb_col=2, border_mode="same", subsample=[2, 2],
            dim_ordering="th", bias=True, activation="relu", batch_input_shape=[None, 1, 8, 6],
        ),
        entry("BatchNormalization", name="batchnormalization_1", mode=0, axis=1, epsilon=1e-5),
        entry("MaxPooling2D", name="maxpooling2d_1", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering="th"),
        entry("Flatten", name="flatten_1"),
        entry("Dropout", name="dropout_1", p=0.5),
        entry("Dense", name="dense_1", output_dim=2, bias=True, activation="softmax"),
    ]
    variables = {
        "convolution2d_1": {"W": (3, 2, 1, 3), "b": (3,)},
        "batchnormalization_1": {"gamma": (3,), "beta": (3,), "running_mean": (3,), "running_std": (3,)},
        "dense_1": {"W": (6, 2), "b": (2,)},
    }
    ours = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["backend"] = b"theano"
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": chain}).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [layer["config"]["name"].encode() for layer in chain]
        for layer in chain:
            name = layer["config"]["name"]
            own, names = group.create_group(name), []
            for variable, shape in variables.get(name, {}).items():
                value = values(f"{name}/{ours.get(variable, variable)}", shape)
                if value.ndim == 4:
                    value = np.ascontiguousarray(value.transpose(3, 2, 0, 1)[:, :, ::-1, ::-1])
                own[f"{name}_{variable}"] = value
                names.append(f"{name}_{variable}".encode())
            own.attrs["weight_names"] = names or np.zeros(0, "S1")
    pack(path)


OUT.mkdir(parents=True, exist_ok=True)
keras.config.enable_unsafe_deserialization()
save(flat(), "flat")
keras.backend.clear_session()
save(nested(), "nested")
save(with_lambda(), "lambda", ["keras"])
save(tf_keras_model(), "tf_keras", ["h5"])
old(OUT / "keras_old.h5")
