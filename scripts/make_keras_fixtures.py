#!/usr/bin/env python3
"""Writes tests/data/weights/keras_*.png: one tiny model as Keras saves it, in every layout that is read.

    scripts/make_keras_fixtures.py tests/data/weights     (keras 3 with a backend, h5py; made with Keras 3.15)

Two branches of unequal length make Keras order the three convolutions otherwise than they were created; all
have the same shape, so a match by name or by creation would go unnoticed. The values say where they belong:
number i of a tensor is 16 * t + i % 16, where t counts the tensors of all layers in the order of creation
(kernel, beta, mean, variance of layer 0, then of layer 1, ...; the classifier's kernel and bias last). All
are exact in bfloat16.

    legacy          as Keras 3 writes it, names of variable length
    fixed           the same with names of fixed length, as h5py wrote them in Keras' first years
    whole           legacy, a whole model with an optimizer: the tiny model inside another
    latest          whole in HDF5's newest format (objects' headers of version 2, links as messages)
    frozen          legacy, a model inside a model, its first two layers frozen
    weights         Keras 3's .weights.h5
    trained         the same with an optimizer
    mixed           the same, the second layer with gamma; float16, bfloat16 and float64
    gzip, chunks    weights with compressed, with chunked arrays
    soft, circle    weights with a link by name, with a group that contains itself
    dense           weights in HDF5's newest format: more than 8 links in a group
    no_model        arrays and groups of something else

HDF5 files of this size are mostly zeros, so each is kept as the bytes of a grey PNG, 256 in a row.
"""

import os
import struct
import sys
import zlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import numpy as np
from keras import layers
from keras.src.legacy.saving import legacy_h5_format


def unit(x, scale=False, dtype="float32"):
    x = layers.Conv2D(2, 1, use_bias=False, dtype=dtype)(x)
    return layers.BatchNormalization(scale=scale, dtype=dtype)(x)


def block(scale=False, dtypes=("float32",) * 3):
    keras.backend.clear_session()
    image = keras.Input((4, 4, 2))
    short = unit(image, dtype=dtypes[0])
    long = unit(unit(image, scale, dtypes[1]), dtype=dtypes[2])
    x = layers.Concatenate()([short, long])
    return image, layers.GlobalAveragePooling2D()(x)


def fill(model):
    """Values by creation: layers without weights do not count, the classifier comes last."""
    flat = [l for m in [model, *model.layers] for l in getattr(m, "layers", [])]
    convs = sorted((l for l in flat if isinstance(l, layers.Conv2D)), key=lambda l: l.name)
    norms = sorted((l for l in flat if isinstance(l, layers.BatchNormalization)), key=lambda l: l.name)
    dense = [l for l in flat if isinstance(l, layers.Dense)]
    t = 0
    for layer in [l for pair in zip(convs, norms) for l in pair] + dense:
        values = []
        for w in layer.get_weights():
            values.append((16 * t + np.arange(w.size) % 16).reshape(w.shape))
            t += 1
        layer.set_weights(values)
    return model


def tiny(*options):
    image, x = block(*options)
    return fill(keras.Model(image, layers.Dense(3, name="predictions")(x)))


def legacy(model, path):
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)


def with_fixed_strings(path):
    with h5py.File(path, "r+") as file:
        for item in [file, *file.values()]:
            for name in ("layer_names", "weight_names"):
                if len(item.attrs.get(name, [])):
                    names = [n.encode() if isinstance(n, str) else n for n in item.attrs[name]]
                    item.attrs[name] = np.array(names, "S")


def copy(source, target, libver=None, **storage):
    """Everything anew, the arrays in another kind of storage."""

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            new.create_dataset(name, data=item[...], **(storage if item.shape else {}))
        else:
            new.require_group(name)
        new[name].attrs.update(item.attrs)

    with h5py.File(source) as old, h5py.File(target, "w", libver=libver) as new:
        old.visititems(visit)
        new.attrs.update(old.attrs)


def to_png(path):
    data = open(path, "rb").read()
    rows = [data[i : i + 256].ljust(256, b"\0") for i in range(0, len(data), 256)]

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    with open(path[: -len(".weights.h5")] + ".png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", 256, len(rows), 8, 0, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows), 9)))
        file.write(chunk(b"IEND", b""))
    os.remove(path)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    paths = {}

    def at(name):
        return paths.setdefault(name, os.path.join(folder, f"keras_{name}.weights.h5"))

    model = tiny()
    print("model.layers:", [l.name for l in model.layers])
    model.save_weights(at("weights"))
    legacy(model, at("legacy"))
    legacy(model, at("fixed"))
    with_fixed_strings(at("fixed"))
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save_weights(at("trained"))
    base = keras.Model(*block(), name="base")
    model = fill(keras.Sequential([keras.Input((4, 4, 2)), base, layers.Dense(3, name="predictions")]))
    model.compile("sgd", "mse")
    legacy_h5_format.save_model_to_hdf5(model, at("whole"))
    for layer in base.layers[:3]:
        layer.trainable = False
    legacy(model, at("frozen"))
    tiny(True, ("float16", "bfloat16", "float64")).save_weights(at("mixed"))
    copy(at("whole"), at("latest"), libver="latest")
    copy(at("weights"), at("dense"), libver="latest")
    copy(at("weights"), at("gzip"), compression="gzip")
    copy(at("weights"), at("chunks"), chunks=True)
    copy(at("weights"), at("soft"))
    with h5py.File(at("soft"), "r+") as file:
        file["layers/dense_1"] = h5py.SoftLink("/layers/dense")
    copy(at("weights"), at("circle"))
    with h5py.File(at("circle"), "r+") as file:
        file["layers/dense/self"] = file["layers"]
    with h5py.File(at("no_model"), "w") as file:
        file["spectra/run_1"] = np.arange(6.0)
        file.attrs["instrument"] = "spectrograph"
    for path in paths.values():
        to_png(path)


if __name__ == "__main__":
    main(sys.argv[1])
