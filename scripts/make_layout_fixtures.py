#!/usr/bin/env python3
"""Writes tests/data/weights/layouts: one thin InceptionV3 in every layout that is read, and what Keras computes with it.

    pip install numpy torch torchvision "keras>=3" h5py safetensors
    scripts/make_layout_fixtures.py          (made with Keras 3.15, PyTorch 2.15, NumPy 2.4)

The network is Keras' own (`keras.applications.InceptionV3`), all 94 convolutions, but with every number of filters
multiplied by WIDTH, and 10 classes. Keras writes its layouts itself. In the others the numbers go by torchvision's
names, which are taken from torchvision's own model: it creates its convolutions in the order in which Keras creates
its, and that is all the two have in common.

    keras_legacy, keras_weights          the network in Keras' two layouts
    headless_legacy, headless_weights    without its classifier: another model to Keras, with other names
    dense_legacy, dense_weights          fine-tuned: a pool and two dense layers behind the headless one; the first is
                                         a whole model with its optimizer, `model.save("x.h5")`
    nested_legacy, nested_weights        the same, but the headless network is a layer of a Sequential model
    torch, torch_old                     torch.save as it is, and as it was before PyTorch 1.6
    paddle                               a pickle of protocol 2, with paddle.vision's names
    safetensors, f16, bf16               safetensors

Kernels have five levels each, so that the files compress; the levels are of no short binary fraction, so that f16 and
bf16 round them. Means and variances of the batch normalisations are those of the input, rounded: activations stay sane.

Each file is kept as the bytes of a grey PNG, 1024 in a row, its length as a little-endian u64 in front. A second run gives
the same bytes, but for torch_old: PyTorch called its storages by their place in memory.
taps.json: of all 313 layers mean, deviation, minimum, maximum and four values as Keras puts them out for the input of
tests/parity.rs; and the outputs of the other models.
"""

import io
import json
import os
import pathlib
import pickle
import struct
import sys
import tempfile
import zlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import h5py
import keras
import numpy as np
import torch
import torchvision
from keras import layers
from keras.src.applications import inception_v3 as published
from keras.src.legacy.saving import legacy_h5_format
from safetensors.torch import save as safetensors

WIDTH, CLASSES, SEED = 0.051, 10, 20
BLOCKS = ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"]

numbers = np.random.default_rng(SEED)


def network(**options):
    """Keras' InceptionV3 with fewer filters, rounded as convscope does: half away from zero, at least one."""
    whole = published.conv2d_bn
    published.conv2d_bn = lambda x, filters, *rest, **named: whole(
        x, max(1, int(filters * WIDTH + 0.5)), *rest, **named)
    try:
        return published.InceptionV3(weights=None, input_shape=(299, 299, 3), **options)
    finally:
        published.conv2d_bn = whole


def picture():
    """The input of tests/parity.rs: waves and SplitMix64's noise, `[1, 299, 299, 3]`."""
    key = 0xCBF29CE484222325
    for byte in b"input":
        key = (key ^ byte) * 0x100000001B3 & (1 << 64) - 1
    z = np.uint64(key) + np.arange(1, 3 * 299 * 299 + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    noise = (((z >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53).reshape(3, 299, 299)
    y, x = np.mgrid[0:299, 0:299] / 299.0
    tau = 2 * np.pi
    wave = np.stack([np.sin(tau * (3 * x + 2 * y)), np.cos(tau * (5 * y - x)), np.sin(tau * 7 * x * y)])
    return (0.7 * wave + 0.3 * (2 * noise - 1)).astype(np.float32).transpose(1, 2, 0)[None]


def levels(shape, scale):
    return (numbers.integers(-2, 3, shape) * np.float32(scale)).astype(np.float32)


def fill(model, image):
    """Numbers for all layers, one after the other, each normalisation by what really comes into it."""
    flowing = {id(model.inputs[0]): torch.from_numpy(image).to(keras.src.backend.torch.core.get_device())}
    for layer in model.layers:
        node = layer._inbound_nodes[0]
        inputs = [flowing[id(tensor)] for tensor in node.input_tensors]
        if isinstance(layer, layers.Conv2D):
            shape = layer.kernel.shape
            layer.set_weights([levels(shape, 0.7 / np.sqrt(np.prod(shape[:3])))])
        if isinstance(layer, layers.BatchNormalization):
            x = inputs[0].detach().cpu().numpy().astype(np.float64)
            axes = (0, 1, 2)
            mean = np.round(x.mean(axes) * 10) / 10 + 0.1
            # Never far below 0.3: a thin network that normalises fully grows rounding errors from layer to layer, in Keras
            # from 1e-7 to 1e-4 of the largest value.
            spread = 1 + 0.2 * numbers.integers(0, 4, mean.shape)
            variance = np.round(np.maximum(x.var(axes), 0.3) * spread * 10.3) / 10.3
            beta = numbers.integers(-1, 4, mean.shape) * 0.13
            layer.set_weights([v.astype(np.float32) for v in (beta, mean, variance)])
        if isinstance(layer, layers.Dense):
            layer.set_weights([levels(layer.kernel.shape, 0.9 / np.sqrt(layer.kernel.shape[0])),
                               levels(layer.bias.shape, 0.11)])
        if inputs:
            arguments = inputs if len(inputs) > 1 else inputs[0]
            with torch.no_grad():
                flowing[id(node.outputs[0])] = layer(arguments, **({"training": False} if isinstance(
                    layer, layers.BatchNormalization) else {}))


def created(model, kind):
    """Layers of a kind in the order of creation: `conv2d`, `conv2d_1`, …, wherever Keras' counter was."""
    def number(layer):
        digits = layer.name.rpartition("_")[2]
        return int(digits) if digits.isdigit() else 0

    return sorted((layer for layer in model.layers if isinstance(layer, kind)), key=number)


def state_dict(model):
    """The same numbers by torchvision's names, with the auxiliary classifier that training needs."""
    reference = torchvision.models.inception_v3(weights=None, init_weights=False).state_dict()
    modules = [name.removesuffix(".conv.weight") for name in reference if name.endswith(".conv.weight")]
    modules = [name for name in modules if not name.startswith("AuxLogits")]
    convs, norms = created(model, layers.Conv2D), created(model, layers.BatchNormalization)
    assert len(modules) == len(convs) == len(norms) == 94
    found = {}
    for name, conv, norm in zip(modules, convs, norms):
        kernel = conv.get_weights()[0].transpose(3, 2, 0, 1)
        # The window and the rounded channels are those of torchvision's layer of this name.
        theirs = reference[f"{name}.conv.weight"].shape
        assert kernel.shape[2:] == theirs[2:] and kernel.shape[0] == max(1, int(theirs[0] * WIDTH + 0.5)), name
        beta, mean, variance = norm.get_weights()
        for key, value in [("conv.weight", kernel), ("bn.weight", np.ones_like(beta)), ("bn.bias", beta),
                           ("bn.running_mean", mean), ("bn.running_var", variance)]:
            found[f"{name}.{key}"] = torch.from_numpy(np.ascontiguousarray(value))
        found[f"{name}.bn.num_batches_tracked"] = torch.tensor(1000)
    weight, bias = model.get_layer("predictions").get_weights()
    found["fc.weight"], found["fc.bias"] = torch.from_numpy(weight.T.copy()), torch.from_numpy(bias)
    found["AuxLogits.conv0.conv.weight"] = torch.full((6, 39, 1, 1), 0.5)
    found["AuxLogits.fc.weight"] = torch.full((CLASSES, 39), 0.5)
    found["AuxLogits.fc.bias"] = torch.zeros(CLASSES)
    return {name: found[name] for name in reference if name in found}


def paddle(state):
    """paddle.save of paddle.vision.models.InceptionV3().state_dict()."""
    found = {}
    for name, tensor in state.items():
        value = tensor.numpy()
        if name.startswith("AuxLogits") or name.endswith("num_batches_tracked"):
            continue
        if name.startswith("fc."):
            found[name] = np.ascontiguousarray(value.T) if value.ndim == 2 else value
            continue
        module, kind, parameter = name.rsplit(".", 2)
        kind = {"conv": "0", "bn": "1"}[kind]
        parameter = {"running_mean": "_mean", "running_var": "_variance"}.get(parameter, parameter)
        if module.startswith("Conv2d_"):
            module = module.replace("Conv2d_", "inception_stem.conv_")
        else:
            block, branch = module.removeprefix("Mixed_").split(".")
            branch = branch.replace("branch_pool", "branch_pool_conv")
            module = f"inception_block_list.{BLOCKS.index(block)}.{branch}"
        found[f"{module}.{kind}.{parameter}"] = value
    names = {name: f"var_{i}" for i, name in enumerate(found)}
    return pickle.dumps({**found, "StructuredToParameterName@@": names}, protocol=2)


def written(write, name):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        write(path)
        return open(path, "rb").read()


def legacy(model):
    def write(path):
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return written(write, "x.h5")


def weights(model):
    return written(model.save_weights, "x.weights.h5")


def torch_bytes(state, **options):
    file = io.BytesIO()
    torch.save(state, file, **options)
    return file.getvalue()


def png(raw):
    raw = struct.pack("<Q", len(raw)) + raw
    rows = [raw[i : i + 1024].ljust(1024, b"\0") for i in range(0, len(raw), 1024)]

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", 1024, len(rows), 8, 0, 0, 0, 0)),
                     chunk(b"IDAT", pixels), chunk(b"IEND", b"")])


def short(value):
    return float(f"{float(value):.9g}")


def tap(layer, values):
    values = values[0].astype(np.float64)
    samples = []
    for _ in range(4):
        place = [int(numbers.integers(side)) for side in values.shape]
        samples.append([*place, short(values[tuple(place)])])
    return {"name": layer.name, "mean": short(values.mean()), "std": short(values.std()), "min": short(values.min()),
            "max": short(values.max()), "samples": samples}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests/data/weights/layouts"
    out.mkdir(parents=True, exist_ok=True)
    image = picture()

    keras.backend.clear_session()
    model = network(classes=CLASSES)
    fill(model, image)
    assert len(model.layers) == 313
    outputs = keras.Model(model.inputs, [layer.output for layer in model.layers]).predict(image, verbose=0)
    taps = [tap(layer, values) for layer, values in zip(model.layers, outputs)]
    dead = [layer.name for layer, values in zip(model.layers, outputs) if np.ptp(values) == 0]
    assert not dead, f"layers without any variation: {dead}"
    state = state_dict(model)
    files = {"keras_legacy": legacy(model), "keras_weights": weights(model)}

    # No clear_session: the second network's layers have other names, as in a notebook.
    headless = network(include_top=False, pooling="avg")
    for kind in (layers.Conv2D, layers.BatchNormalization):
        for theirs, ours in zip(created(headless, kind), created(model, kind), strict=True):
            theirs.set_weights(ours.get_weights())
    files |= {"headless_legacy": legacy(headless), "headless_weights": weights(headless)}

    base = network(include_top=False)
    for kind in (layers.Conv2D, layers.BatchNormalization):
        for theirs, ours in zip(created(base, kind), created(model, kind), strict=True):
            theirs.set_weights(ours.get_weights())
    hidden, last = layers.Dense(12, activation="relu"), layers.Dense(7, activation="softmax")
    dense = keras.Model(base.input, last(hidden(layers.GlobalAveragePooling2D()(base.output))))
    for layer in (hidden, last):
        layer.set_weights([levels(layer.kernel.shape, 0.31), levels(layer.bias.shape, 0.11)])
    nested = keras.Sequential([keras.Input((299, 299, 3)), base, layers.GlobalAveragePooling2D(),
                               layers.Dense(12, activation="relu"), layers.Dense(7, activation="softmax")])
    nested.layers[-2].set_weights(hidden.get_weights())
    nested.layers[-1].set_weights(last.get_weights())
    dense.compile("sgd", "categorical_crossentropy")
    files |= {
        "dense_legacy": written(lambda path: legacy_h5_format.save_model_to_hdf5(dense, path), "x.h5"),
        "dense_weights": weights(dense),
        "nested_legacy": legacy(nested),
        "nested_weights": weights(nested),
    }
    files |= {
        "torch": torch_bytes(state),
        "torch_old": torch_bytes(state, _use_new_zipfile_serialization=False),
        "paddle": paddle(state),
        "safetensors": safetensors(state, metadata={"format": "pt"}),
    }
    for name, kind in (("f16", torch.float16), ("bf16", torch.bfloat16)):
        rounded = {key: value.to(kind) if value.is_floating_point() else value for key, value in state.items()}
        files[name] = safetensors(rounded, metadata={"format": "pt"})

    total = 0
    for name, raw in files.items():
        picture_of_it = png(raw)
        (out / f"{name}.png").write_bytes(picture_of_it)
        total += len(picture_of_it)
        print(f"{name}: {len(raw)} bytes, {len(picture_of_it)} as PNG")
    values = lambda model: [short(v) for v in model.predict(image, verbose=0)[0]]
    whole = {"width": WIDTH, "layers": taps, "predictions": values(model), "headless": values(headless),
             "dense": values(dense), "nested": values(nested)}
    text = json.dumps(whole, separators=(",", ":")).replace('{"name"', '\n{"name"')
    (out / "taps.json").write_text(text + "\n")
    print(f"{total} bytes of pictures, {len(text)} of taps; predictions {whole['predictions']}; dense {whole['dense']}")
    print("largest values:", sorted(((t["name"], t["max"], t["std"]) for t in taps), key=lambda t: -t[1])[:4],
          sorted(t["std"] for t in taps)[:4])


if __name__ == "__main__":
    main()
