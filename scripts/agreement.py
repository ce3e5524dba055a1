#!/usr/bin/env python3
"""Runs the libraries beside convscope on the same pictures, and writes docs/agreement.md: how they differ.

    scripts/agreement.py [--convscope PATH] [--venvs FOLDER] [--work WORK] [-o docs/agreement.md]
    scripts/agreement.py --fixtures tests/data/agreement

Needs ffmpeg and, the first time, some 3 GB for the pinned packages below: each group gets a virtual environment of its
own in FOLDER (default: ~/.cache/convscope-agreement), and one that is there with these versions is used as it is.
With --convscope, the program itself is compared too. --work WORK keeps what was computed, and uses what is there. Numbers in the table are those of this run; where a library has
changed, the text beside them has to be read again.
"""

import argparse
import functools
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import tempfile
import venv

NUMPY = "numpy==2.4.6"
GROUPS = {
    "pillow12": ["pillow==12.3.0", NUMPY],
    "pillow13": ["pillow==13.0.0", NUMPY],
    "opencv4": ["opencv-python-headless==4.12.0.88"],
    "opencv5": ["opencv-python-headless==5.0.0.93"],
    "frameworks": ["keras==3.15.1", "tensorflow-cpu==2.21.0", "torch==2.15.0", "torchvision==0.29.2", "timm==1.0.31",
                   "scikit-image==0.26.0", "onnx==1.23.2", "onnxruntime==1.32.0", "pillow==13.0.0", NUMPY],
}
PROBES = {}


def probe(*groups):
    """A function that runs in these environments, with the folder of pictures and its own, and returns plain facts."""
    def add(function):
        PROBES[function.__name__] = (function, groups)
        return function
    return add


def levels(a, b):
    """Largest difference and the parts of values that differ at all and by more than a level, of two arrays of levels."""
    import numpy as np
    off = np.abs(np.asarray(a, dtype="f8") - np.asarray(b, dtype="f8"))
    return {"most": float(off.max()), "part": float((off > 0.01).mean()), "more": float((off > 1.01).mean()),
            "mean": float(off.mean())}


def opened(pictures, name):
    from PIL import Image
    return Image.open(pictures / name).convert("RGB")


# ---- Pillow

@probe("pillow12", "pillow13")
def tall(pictures, own):
    import numpy as np
    from PIL import Image
    noise = np.random.default_rng(0).integers(0, 256, (40, 24, 3), dtype="u1")
    picture = Image.fromarray(noise).resize((1080, 1920), Image.Resampling.BICUBIC)
    np.save(own / "tall.npy", np.asarray(picture.resize((299, 299), Image.Resampling.BILINEAR)))
    wide = picture.transpose(Image.Transpose.ROTATE_90)
    np.save(own / "wide.npy", np.asarray(wide.resize((299, 299), Image.Resampling.BILINEAR)))
    return {}


@probe("pillow13")
def ties(pictures, own):
    import numpy as np
    from PIL import Image
    sides = [480, 512, 640, 720, 768, 1080, 1280, 1920]
    taken = {}
    for side in range(1, 2001):
        ramp = Image.fromarray(np.arange(side, dtype="i4")[None])
        taken[side] = np.asarray(ramp.resize((299, 1), Image.Resampling.NEAREST))[0].tolist()
    json.dump(taken, open(own / "nearest.json", "w"))
    return {"before": [side for side in sides if taken[side][149] == side // 2 - 1],
            "after": [side for side in sides if taken[side][149] == side // 2]}


@probe("pillow13")
def shortcuts(pictures, own):
    from PIL import Image
    size, bilinear = (299, 299), Image.Resampling.BILINEAR
    whole = opened(pictures, "retina.jpg").resize(size, bilinear)
    gap = opened(pictures, "retina.jpg").resize(size, bilinear, reducing_gap=2.0)
    draft = Image.open(pictures / "retina.jpg")
    draft.draft("RGB", size)
    drafted = draft.size
    return {"gap": levels(whole, gap), "draft": levels(whole, draft.resize(size, bilinear)), "size": drafted}


@probe("pillow13")
def stored(pictures, own):
    import numpy as np
    from PIL import Image
    deep = Image.open(pictures / "deep.png")
    seen = {}
    for name in ("lying.jpg", "lying.png", "lying.tif"):
        picture = Image.open(pictures / name)
        picture.load()
        seen[name] = picture.size
    return {"hidden": np.asarray(opened(pictures, "hidden.png"))[0, 0].tolist(), "sizes": seen, "mode": deep.mode,
            "deep": sorted(set(np.asarray(deep.convert("RGB"))[0, :, 0].tolist()))[:6]}


# ---- OpenCV

@probe("opencv4", "opencv5")
def opencv(pictures, own):
    import cv2
    import numpy as np
    picture = cv2.cvtColor(cv2.imread(str(pictures / "hubble.png")), cv2.COLOR_BGR2RGB)
    for name, kind in (("linear", cv2.INTER_LINEAR), ("area", cv2.INTER_AREA)):
        np.save(own / f"{name}.npy", cv2.resize(picture, (299, 299), interpolation=kind))
    np.save(own / "fractions.npy", cv2.resize(picture.astype("f4"), (299, 299), interpolation=cv2.INTER_LINEAR))
    taken = {}
    for side in range(1, 2001):
        ramp = np.arange(side, dtype="f4")[None]
        taken[side] = [cv2.resize(ramp, (299, 1), interpolation=kind)[0].astype(int).tolist()
                       for kind in (cv2.INTER_NEAREST, cv2.INTER_NEAREST_EXACT)]
    json.dump(taken, open(own / "nearest.json", "w"))
    np.save(own / "retina.npy", cv2.cvtColor(cv2.imread(str(pictures / "retina.jpg")), cv2.COLOR_BGR2RGB))
    facts = {"lying": list(cv2.imread(str(pictures / "lying.jpg")).shape[1::-1]),
             "hidden": cv2.imread(str(pictures / "hidden.png"))[0, 0].tolist(),
             "deep": int(cv2.imread(str(pictures / "deep.png"))[0, -1, 0])}
    for name in ("bt709", "full", "mirrored"):
        film = cv2.VideoCapture(str(pictures / f"{name}.mp4"))
        there, frame = film.read()
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if there else np.zeros((2, 2, 3), "u1")
        height, width = frame.shape[:2]
        facts[name] = [frame[height // 4, width // 4].tolist(), frame[height * 3 // 4, width * 3 // 4].tolist()]
    return facts


# ---- Frameworks

@probe("frameworks")
def torchvision(pictures, own):
    import numpy as np
    import torch
    import torchvision
    from PIL import Image
    from torchvision import transforms
    from torchvision.transforms import InterpolationMode, v2
    picture = opened(pictures, "hubble.png")
    pillow = np.asarray(picture.resize((299, 299), Image.Resampling.BILINEAR))
    tensor = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)
    def against(transform):
        return levels(transform(tensor).permute(1, 2, 0).numpy(), pillow)
    taken = {}
    for side in range(1, 2001):
        ramp = torch.arange(side, dtype=torch.float32)[None, None]
        sizes = {"size": 299, "mode": "nearest"}
        taken[side] = [torch.nn.functional.interpolate(ramp, size=299, mode=mode)[0, 0].int().tolist()
                       for mode in ("nearest", "nearest-exact")]
    json.dump(taken, open(own / "torch.json", "w"))
    np.save(own / "torchvision-retina.npy",
            torchvision.io.decode_image(str(pictures / "retina.jpg")).permute(1, 2, 0).numpy())
    shapes = [list(torchvision.io.decode_image(str(pictures / "lying.jpg"), apply_exif_orientation=turn).shape[:0:-1])
              for turn in (False, True)]
    return {"v1": against(transforms.Resize((299, 299))), "v2": against(v2.Resize((299, 299))),
            "plain": against(v2.Resize((299, 299), antialias=False)),
            "float": levels(v2.Resize((299, 299))(tensor.float()).permute(1, 2, 0).numpy(), pillow), "shapes": shapes,
            "weights": str(torchvision.models.Inception_V3_Weights.DEFAULT.transforms())}


@probe("frameworks")
def same_weights(pictures, own):
    import numpy as np
    import timm
    import torch
    import torchvision
    transform = torchvision.models.Inception_V3_Weights.IMAGENET1K_V1.transforms()
    model = timm.create_model("inception_v3.tv_in1k", pretrained=False)
    theirs = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    def whole(values, mean, std):
        return ((values * torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None]) * 255).round().permute(1, 2, 0).numpy().astype("u1")
    facts = {"transform": str(theirs)}
    for name in ("astronaut.png", "retina.jpg", "hubble.png", "tall.png", "motorcycle.png"):
        picture = opened(pictures, name)
        torchvisions = whole(transform(picture), transform.mean, transform.std)
        normalize = theirs.transforms[-1]
        timms = whole(theirs(picture), normalize.mean.tolist(), normalize.std.tolist())
        np.save(own / f"torchvision-{name}.npy", torchvisions)
        np.save(own / f"timm-{name}.npy", timms)
        facts[name] = levels(torchvisions, timms)
    return facts


@probe("frameworks")
def keras_pictures(pictures, own):
    import keras
    import numpy as np
    facts = {}
    for name in ("astronaut.png", "retina.jpg", "hubble.png", "tall.png", "motorcycle.png", "hidden.png", "lying.jpg",
                 "lying.png", "lying.tif"):
        usual = np.asarray(keras.utils.load_img(pictures / name, target_size=(299, 299)))
        np.save(own / f"keras-{name}.npy", usual)
        bilinear = keras.utils.load_img(pictures / name, target_size=(299, 299), interpolation="bilinear")
        np.save(own / f"keras-bilinear-{name}.npy", np.asarray(bilinear))
    whole = np.asarray(opened(pictures, "hubble.png"))
    bilinear = np.load(own / "keras-bilinear-hubble.png.npy")
    facts["layer"] = levels(keras.ops.convert_to_numpy(keras.layers.Resizing(299, 299)(whole[None]))[0], bilinear)
    import tensorflow as tf
    for name, sharp in (("plain", False), ("antialias", True)):
        facts[name] = levels(tf.image.resize(whole, (299, 299), antialias=sharp).numpy(), bilinear)
    decoded = tf.io.decode_image(tf.io.read_file(str(pictures / "retina.jpg")), channels=3).numpy()
    np.save(own / "tensorflow-retina.npy", decoded)
    facts["lying"] = list(tf.io.decode_image(tf.io.read_file(str(pictures / "lying.jpg"))).shape[1::-1])
    facts["hidden"] = tf.io.decode_image(tf.io.read_file(str(pictures / "hidden.png")), channels=3).numpy()[0, 0].tolist()
    facts["deep"] = int(tf.io.decode_png(tf.io.read_file(str(pictures / "deep.png"))).numpy()[0, -1, 0])
    x = np.arange(256, dtype="f4")
    layer = keras.ops.convert_to_numpy(keras.layers.Rescaling(1 / 127.5, offset=-1)(x))
    function = keras.applications.inception_v3.preprocess_input(x.copy()[None, :, None, None].repeat(3, 3))[0, :, 0, 0]
    facts["rescaling"] = [int((layer != function).sum()), float(np.abs(layer - function).max())]
    return facts


@probe("frameworks")
def ffmpeg(pictures, own):
    import numpy as np
    # One colour after the other, each a picture of 16x16 in 4:2:0, BT.709, limited range: nothing to interpolate.
    colours = np.array([[y, u, v] for y in range(40, 220, 12) for u in range(60, 200, 14) for v in range(60, 200, 14)])
    luma, cb, cr = ((colours - [16, 128, 128]) / [219, 224, 224]).T
    exact = np.stack([luma + 1.5748 * cr, luma - 0.1873 * cb - 0.4681 * cr, luma + 1.8556 * cb], -1) * 255
    inside = ((exact >= 0) & (exact <= 255)).all(-1)
    frames = b"".join(bytes([y]) * 256 + bytes([u]) * 64 + bytes([v]) * 64 for y, u, v in colours[inside].tolist())
    facts = {"version": subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout.split()[2]}
    for name, flags in (("usual", ""), ("exact", ":flags=bicubic+accurate_rnd+full_chroma_int")):
        made = subprocess.run(["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", "16x16", "-i", "-", "-vf",
                               f"scale=in_color_matrix=bt709:in_range=tv{flags}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
                              input=frames, capture_output=True, check=True).stdout
        off = np.frombuffer(made, "u1").reshape(-1, 256, 3)[:, 0].astype(float) - exact[inside]
        facts[name] = [float(off.min()), float(off.max()), float(off.mean())]
    return facts


@probe("frameworks")
def keras_weights(pictures, own):
    import h5py
    import keras
    import numpy as np
    def model():
        image = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(4, 3, name="convolution")(image)
        x = keras.layers.BatchNormalization(name="normalization")(x)
        return keras.Model(image, keras.layers.Flatten(name="flat")(x))
    frozen = model()
    frozen.layers[1].trainable = False
    facts = {}
    frozen.save(own / "frozen.h5")
    with h5py.File(own / "frozen.h5") as file:
        def tell(name):
            names = file["model_weights"][name].attrs["weight_names"]
            return {"type": str(names.dtype), "shape": list(names.shape)}
        facts["names"], facts["none"] = tell("convolution"), tell("flat")
        facts["variable"] = h5py.check_string_dtype(file["model_weights"]["convolution"].attrs["weight_names"].dtype) is not None
    orders = []
    for trainable in (True, False):
        part = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(2, name="second")], name="part")
        part.layers[0].trainable = trainable
        keras.Sequential([keras.Input((4,)), part]).save(own / "part.h5")
        with h5py.File(own / "part.h5") as file:
            orders.append([str(name) for name in file["model_weights"]["part"].attrs["weight_names"]])
    facts["orders"] = orders
    half = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, dtype="bfloat16")])
    half.save_weights(own / "half.weights.h5")
    with h5py.File(own / "half.weights.h5") as file:
        found = []
        file.visititems(lambda name, item: found.append((name, str(item.dtype), {k: str(v) for k, v in item.attrs.items()}))
                        if isinstance(item, h5py.Dataset) else None)
        facts["half"] = found
    image = keras.Input((4,))
    # One layer in two shards and one in one.
    big = keras.Model(image, [keras.layers.Dense(200000)(image), keras.layers.Dense(10)(image)])
    big.save_weights(own / "big.weights.json", max_shard_size=0.0035)
    listed = json.load(open(own / "big.weights.json"))
    facts["kinds"] = sorted({type(value).__name__ for value in listed["weight_map"].values()})
    facts["shards"] = [len(value) for value in listed["weight_map"].values()]
    facts["total"] = listed["metadata"]["total_size"]
    return facts


@probe("frameworks")
def others(pictures, own):
    import numpy as np
    import onnx
    import onnxruntime
    import skimage.transform
    from PIL import Image
    picture = opened(pictures, "hubble.png")
    pillow = np.asarray(picture.resize((299, 299), Image.Resampling.BILINEAR))
    theirs = skimage.transform.resize(np.asarray(picture), (299, 299))
    facts = {"skimage": levels(theirs * 255, pillow), "type": str(theirs.dtype), "top": float(theirs.max())}
    values = np.asarray(picture, dtype="f4").transpose(2, 0, 1)[None]
    def run(**attributes):
        node = onnx.helper.make_node("Resize", ["x", "", "", "size"], ["y"], mode="linear", **attributes)
        size = onnx.numpy_helper.from_array(np.array([1, 3, 299, 299], dtype="i8"), "size")
        info = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph([node], "g", [info("x", 1, values.shape)], [info("y", 1, [1, 3, 299, 299])], [size])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 19)], ir_version=9)
        return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": values})[0][0].transpose(1, 2, 0)
    half = run()
    np.save(own / "onnx.npy", half)
    facts["asymmetric"] = levels(run(coordinate_transformation_mode="asymmetric"), half)
    facts["antialias"] = levels(run(antialias=1), pillow)
    facts["excluded"] = levels(run(antialias=1, exclude_outside=1), pillow)
    return facts


def make_pictures(folder):
    """In the environment of the frameworks."""
    import shutil
    import numpy as np
    import skimage
    from PIL import Image
    data = pathlib.Path(skimage.__file__).parent / "data"
    shutil.copy(data / "astronaut.png", folder)
    shutil.copy(data / "retina.jpg", folder)
    shutil.copy(data / "motorcycle_left.png", folder / "motorcycle.png")
    hubble = Image.open(data / "hubble_deep_field.jpg").convert("RGB")
    hubble.save(folder / "hubble.png")
    hubble.resize((1080, 1920), Image.Resampling.BICUBIC).save(folder / "tall.png")
    astronaut = Image.open(data / "astronaut.png").convert("RGB").crop((0, 0, 480, 360))
    exif = Image.Exif()
    exif[274] = 6
    astronaut.save(folder / "lying.jpg", quality=95, exif=exif)
    astronaut.save(folder / "lying.png", exif=exif)
    astronaut.save(folder / "lying.tif", tiffinfo={274: 6})
    hidden = Image.new("RGBA", (64, 64), (10, 200, 30, 0))
    hidden.paste((200, 20, 20, 255), (16, 16, 48, 48))
    hidden.save(folder / "hidden.png")
    Image.fromarray((np.arange(4096, dtype="u2") * 16)[None].repeat(8, 0)).save(folder / "deep.png")
    def film(name, *options):
        # Above red, below blue.
        source = ["-f", "lavfi", "-i", "color=red:64x64:d=1", "-f", "lavfi", "-i", "color=blue:64x64:d=1"]
        coded = ["-c:v", "libx264", "-qp", "1", "-frames:v", "5", *options]
        subprocess.run(["ffmpeg", "-v", "error", "-y", *source, *coded, str(folder / name)], check=True)
    for name, tags in (("bt709", "out_color_matrix=bt709:out_range=tv"), ("full", "out_color_matrix=bt709:out_range=pc")):
        marks = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
                 "-color_range", "tv" if name == "bt709" else "pc"]
        film(f"{name}.mp4", "-filter_complex", f"vstack,scale={tags},format=yuv420p", *marks)
    bytes_ = bytearray((folder / "bt709.mp4").read_bytes())
    # The display matrix of the video's track: left and right exchanged.
    at = bytes_.index(b"tkhd") + 4 + 40
    bytes_[at:at + 4] = (-65536).to_bytes(4, "big", signed=True)
    bytes_[at + 24:at + 28] = (64 << 16).to_bytes(4, "big")
    (folder / "mirrored.mp4").write_bytes(bytes_)


def make_fixtures(folder):
    """Small pictures and what each library makes of them for an input of 24x24: for the tests of convscope. In the
    environment of the frameworks."""
    import os
    # TensorFlow and PyTorch do not always go into one process.
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    import numpy as np
    import timm
    from PIL import Image
    from torchvision.transforms._presets import ImageClassification
    folder.mkdir(parents=True, exist_ok=True)
    def noise(width, height, bands):
        values = np.random.default_rng(width).integers(0, 256, (height // 3, width // 3, bands), dtype="u1")
        return Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[274] = 6
    noise(36, 120, 3).save(folder / "tall.png")
    # Lies on its side, and hides colours.
    noise(61, 42, 4).save(folder / "lying.png", exif=exif)
    noise(47, 32, 4).save(folder / "lying.tif", tiffinfo={274: 6}, compression="tiff_deflate")
    plain = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    torchvisions = ImageClassification(crop_size=24, resize_size=28, **plain)
    timms = timm.data.create_transform((3, 24, 24), interpolation="bicubic", crop_pct=0.875, **plain)
    for name in ("tall.png", "lying.png", "lying.tif"):
        path, stem = folder / name, folder / name.replace(".", "-")
        keras.utils.load_img(path, target_size=(24, 24)).save(f"{stem}-keras.png")
        keras.utils.load_img(path, target_size=(24, 24), interpolation="bilinear").save(f"{stem}-keras-antialias.png")
        for library, transform in (("torchvision", torchvisions), ("timm", timms)):
            seen = (transform(Image.open(path).convert("RGB")) * 255).round().permute(1, 2, 0).numpy().astype("u1")
            Image.fromarray(seen).save(f"{stem}-{library}.png")


# ---- The table

HEAD = """# Agreement with the tools beside

Pictures reach a network on many ways, and the libraries differ from each other and from version to version. This table says
what was seen, and what convscope does. `scripts/agreement.py` installs the versions named here, runs them on the same
pictures and writes this file; numbers are those of that run, in levels of 255. *Pillow* stands for its `Image.resize` unless
something else is said, *hubble* for scikit-image's 1000×872 picture of that name, reduced to 299×299.

To have a library's numbers, name it: `--like keras`, `--like torchvision` or `--like timm` fits, resizes and decodes as it
does for the network in hand, in all commands and in the window, and a snapshot's command repeats it.

| `--like` | file | fit | `--resize` | for 299×299 | for 224×224 |
|---|---|---|---|---|---|
| `keras` | as `load_img` opens it: stored colours, not turned upright (but for TIFF), transparency dropped | `stretch` | `nearest` | 299×299 | 224×224 |
| `torchvision` | the same (`Image.open(…).convert("RGB")`) | shorter side ⌈8/7⌉ of the input's, then the middle | `antialias` | 342, then 299 | 256, then 224 |
| `timm` | the same | shorter side ⌊8/7⌋ (crop_pct 0.875), then the middle | `bicubic` | 341, then 299 | 256, then 224 |

What is said beside it wins: `--like keras --resize antialias` is `load_img(…, interpolation="bilinear")`, and `--fit 232`
has the shorter side of torchvision's newer weights. The scale of values is not touched: `--input-scale` says that.
"""


def table(folder):
    """The text of docs/agreement.md."""
    import numpy as np
    facts = json.loads((folder / "facts.json").read_text())
    versions = {}
    for packages in GROUPS.values():
        for pinned in packages:
            package, version = pinned.split("==")
            versions.setdefault(package, version)
    load = lambda group, name: np.load(folder / group / f"{name}.npy").astype(float)
    percent = lambda part: f"{part * 100:.1f} %" if part == 0 or part > 0.001 else f"{part * 100:.2f} %"
    far = lambda off: f"by up to {off['most']:.0f}, {percent(off['part'])} of values, {off['mean']:.2f} in the mean"
    fact = lambda name, group="frameworks": facts[name][group]
    rows = []
    def section(title):
        rows.append(f"\n## {title}\n\n| library | behaviour seen | what convscope does, and why |\n|---|---|---|\n")
    def row(library, seen, ours):
        rows.append(f"| {library} | {seen} | {ours} |\n")

    section("Resizing")
    moved = (load("pillow12", "tall") != load("pillow13", "tall"))
    wide = (load("pillow12", "wide") != load("pillow13", "wide")).sum()
    one = np.abs(load("pillow12", "tall") - load("pillow13", "tall")).max()
    row("Pillow 12.3.0 and 13.0.0, BILINEAR and BICUBIC",
        f"Version 13 resizes tall pictures down the columns first: exactly where height − target > 2 · max(0, width − target). "
        f"1080×1920 → 299×299: {percent(moved.any(-1).mean())} of pixels differ by {one:.0f}. A wide picture: {wide} values.",
        "`antialias` and `bicubic` are Pillow 13's, to the last pixel: its weights, multiples of 2⁻²², and its order, on CPU "
        "and GPU. Older versions: one level off in such pixels.")
    ties = fact("ties", "pillow13")
    say = lambda sides: ", ".join(map(str, sides))
    row("Pillow 13.0.0, NEAREST (`load_img`'s default)",
        f"Adds the step up in f64, so that a tie goes either way: of sides of {say(ties['before'])} pixel 149 of 299 is the one "
        f"before the middle, of {say(ties['after'])} the one behind.",
        "`nearest` adds up likewise: equal for all sides from 1 to 2000.")
    pillow = json.loads((folder / "pillow13/nearest.json").read_text())
    def unlike(group, kind, file="nearest"):
        other = json.loads((folder / group / f"{file}.json").read_text())
        return sum(other[side][kind] != pillow[side] for side in pillow)
    row("OpenCV, INTER_NEAREST and INTER_NEAREST_EXACT",
        f"INTER_NEAREST takes the pixel at floor(x · scale): unlike Pillow's for {unlike('opencv5', 0)} of the sides 1…2000. "
        f"INTER_NEAREST_EXACT: {unlike('opencv4', 1)} sides with 4.12.0, {unlike('opencv5', 1)} with 5.0.0.",
        "Pillow's. There is no option for INTER_NEAREST.")
    row("PyTorch 2.15.0, `interpolate`",
        f"`nearest`: unlike Pillow for {unlike('frameworks', 0, 'torch')} of these sides, `nearest-exact`: {unlike('frameworks', 1, 'torch')}.",
        "Pillow's, which torchvision takes too where it gets pictures and not tensors.")
    off = levels(load("opencv5", "linear"), load("opencv5", "fractions"))
    same = (load("opencv4", "linear") != load("opencv5", "linear")).sum()
    row("OpenCV 4.12.0 and 5.0.0, INTER_LINEAR",
        f"Four pixels, no antialiasing. Of bytes it rounds weights to 2⁻¹¹ and values to levels: up to {off['most']:.2f} from its "
        f"own result in f32. The two versions differ in {same} values.",
        "`bilinear`, the default: the same four pixels, fractions kept, as OpenCV in f32.")
    if (folder / "ours").exists():
        seen = picture(folder / "ours/bilinear/hubble-input.png")
        off = levels(seen, load("opencv5", "fractions"))
        rows[-1] = rows[-1].replace(" |\n", f" Before fractions are shown as levels: within {off['most']:.1f}. |\n")
    off = levels(load("opencv5", "area"), keras_picture(folder, "keras-bilinear-hubble.png"))
    row("OpenCV 5.0.0, INTER_AREA", f"The mean of what a pixel covers: unlike Pillow's BILINEAR {far(off)}.",
        "Not offered. `antialias` is as kind to large photographs.")
    tv = fact("torchvision")
    row("torchvision 0.29.2 on tensors of bytes",
        f"v1 `Resize` computes in f32 and rounds once: {percent(tv['v1']['part'])} of values one level from Pillow; v2 rounds after each "
        f"axis: {percent(tv['v2']['part'])}. With `antialias=False`: {far(tv['plain'])}.",
        "`--like torchvision` is what its weights' `transforms()` make of a picture (PIL), not of a tensor.")
    row("torchvision 0.29.2 on tensors of floats", f"Keeps fractions: up to {tv['float']['most']:.2f} from Pillow.",
        "Whole levels. At most one level lies between.")
    same = fact("same_weights")
    worst = max((values["most"], name) for name, values in same.items() if name != "transform")
    row("timm 1.0.31 and torchvision 0.29.2, the same InceptionV3",
        f"341 BICUBIC and 342 BILINEAR before the same crop of 299: up to {worst[0]:.0f} levels apart ({worst[1]}); "
        f"astronaut: {far(same['astronaut.png'])}.",
        "`--like timm` and `--like torchvision`: whose numbers are compared has to be said. Scales differ too (timm −1…1; torchvision "
        "ImageNet's mean, which its network undoes): `--input-scale` is told by the file.")
    layer = fact("keras_pictures")
    row("Keras 3.15.1, `Resizing` and `image_dataset_from_directory`; TensorFlow 2.21.0, `tf.image.resize`",
        f"Bilinear without antialiasing, fractions kept: from `load_img(interpolation=\"bilinear\")` {far(layer['layer'])}. "
        f"`antialias=True`: up to {layer['antialias']['most']:.2f}, for fractions are kept.",
        "`bilinear` is the former, `antialias` the latter in whole levels. Which one a network was trained with, its author knows.")
    short = fact("shortcuts", "pillow13")
    row("Pillow 13.0.0, `reducing_gap` (as `thumbnail` has it) and `draft`",
        f"retina.jpg (1411×1411): `reducing_gap=2` {far(short['gap'])}; `draft` decodes {short['size'][0]}×{short['size'][1]}: {far(short['draft'])}.",
        "Decodes whole pictures and resizes once. Only above 40 million pixels a picture is shrunk first, and a note says so.")
    rest = fact("others")
    row("scikit-image 0.26.0, `transform.resize`",
        f"A Gauss filter before it interpolates; gives {rest['type']} from 0 to {rest['top']:.2f}: from Pillow {far(rest['skimage'])}.",
        "Not offered.")
    row("ONNX Runtime 1.32.0, `Resize` within a network",
        f"`linear` with `asymmetric` instead of half pixels: {far(rest['asymmetric'])}. `antialias=1`: up to {rest['antialias']['most']:.1f} from "
        f"Pillow, along the edges, where weights beyond them count; with `exclude_outside=1` {rest['excluded']['most']:.2f}, for fractions are kept.",
        "Computed as the node says (`coordinate_transformation_mode`); a network with `antialias=1` ends before that node, with a note.")

    section("Files of pictures")
    decoders = {"OpenCV 4.12.0": load("opencv4", "retina"), "OpenCV 5.0.0": load("opencv5", "retina"),
                "TensorFlow 2.21.0": load("frameworks", "tensorflow-retina"),
                "torchvision 0.29.2": load("frameworks", "torchvision-retina")}
    if (folder / "ours").exists():
        decoders["convscope"] = picture(folder / "ours/decoded/retina-original.png")
    whole = picture(folder / "pictures/retina.jpg")
    row("JPEG: Pillow 13.0.0 (libjpeg-turbo) and others",
        "retina.jpg, from Pillow's pixels: " + "; ".join(f"{name} {levels(values, whole)['most']:.0f} "
        f"({percent(levels(values, whole)['part'])})" for name, values in decoders.items()) + ".",
        "Reads files with libjpeg-turbo-rs, which gives libjpeg-turbo's pixels. A camera's MJPEG goes through zune-jpeg, which is "
        "faster and may be some levels off. Keras' `image_dataset_from_directory` decodes as TensorFlow, with its fast cosine transform, `load_img` as Pillow.")
    lying = {"Keras 3.15.1, Pillow 13.0.0": fact("stored", "pillow13")["sizes"]["lying.jpg"], "TensorFlow 2.21.0": layer["lying"],
             "torchvision 0.29.2 `decode_image`": tv["shapes"][0], "OpenCV": fact("opencv", "opencv5")["lying"]}
    row("Orientation (EXIF) of a JPEG", "A picture of 480×360 to be turned by a quarter: " + "; ".join(
        f"{name} {size[0]}×{size[1]}" for name, size in lying.items()) + ". Of a TIFF Pillow does turn it "
        f"({'×'.join(map(str, fact('stored', 'pillow13')['sizes']['lying.tif']))}).",
        "Turned upright, as viewers and OpenCV do, for that is what a photograph shows; with `--like` as it lies.")
    row("Transparency", f"Hidden green (10, 200, 30): Pillow's `convert(\"RGB\")` and so Keras {fact('stored', 'pillow13')['hidden']}, "
        f"TensorFlow {layer['hidden']}, OpenCV {fact('opencv', 'opencv5')['hidden'][::-1]}: all show it.",
        "Laid over white, as on paper; with `--like` the hidden colours.")
    row("16 bits of grey", f"Pillow 13.0.0: `convert(\"RGB\")` cuts at 255 (levels {', '.join(map(str, fact('stored', 'pillow13')['deep']))}, … of "
        f"0, 16, 32, …), so that `load_img` has white for all above; OpenCV and TensorFlow divide by 256.",
        "Divides by 257, so that white is 255, also with `--like`: a cut picture is of no use. `--levels 0..255` cuts as Pillow does.")

    section("Scales")
    differing, most = layer["rescaling"]
    row("Keras 3.15.1, `Rescaling(1/127.5, offset=-1)` and `preprocess_input`",
        f"Multiplying and dividing: {differing} of 256 levels differ, by {most:.1e}.",
        "Divides, as `preprocess_input`; a `Rescaling` inside of a network is computed as it is.")

    section("Videos")
    film = fact("ffmpeg")
    spread = lambda off: f"{off[0]:.1f} … {off[1]:+.1f} levels from the exact colour, {off[2]:+.2f} in the mean"
    row(f"ffmpeg {film['version'].split('-')[0]}, YUV 4:2:0 → RGB", f"As it does unless told otherwise: {spread(film['usual'])}. With "
        f"`accurate_rnd+full_chroma_int`: {spread(film['exact'])}.",
        "Asks for the latter, so that colours are those that were coded.")
    four, five = fact("opencv", "opencv4"), fact("opencv", "opencv5")
    tell = lambda pair: " ".join(str(tuple(pixel)) for pixel in pair)
    row("OpenCV 4.12.0 and 5.0.0, VideoCapture", f"Red above blue, BT.709: 4.12.0 {tell(four['bt709'])}, 5.0.0 {tell(five['bt709'])}; full range: "
        f"{tell(four['full'])}, {tell(five['full'])}. 4.12 takes BT.601 for all, 5 honours the file.",
        "Honours matrix and range as the file tags them.")
    row("OpenCV 4.12.0 and 5.0.0, a display matrix that mirrors", f"Left and right exchanged by the container: the upper half is then "
        f"{tuple(four['mirrored'][0])} and {tuple(five['mirrored'][0])}: the picture stands on its head.",
        "ffmpeg follows the matrix: mirrored, and upright.")

    section("Weights that Keras writes")
    weights = fact("keras_weights")
    row("Keras 3.15.1, `.h5`", f"`weight_names` are strings of {'variable' if weights['variable'] else 'fixed'} length ({weights['names']['type']}); of a layer without "
        f"weights {weights['none']['type']} of shape {tuple(weights['none']['shape'])}.",
        "Reads both, and an empty list of any type.")
    tell = lambda names: ", ".join(name.split("/", 1)[-1] if name.count("/") > 1 else name for name in names)
    row("Keras 3.15.1, a network within a network, in `.h5`", f"`weight_names`: {tell(weights['orders'][0])}; with its first layer frozen: "
        f"{tell(weights['orders'][1])}: frozen weights stand last.", "Goes by names; of equal ones by the order, knowing that frozen ones stand last.")
    kinds = " or ".join({"str": "strings", "list": "lists"}.get(kind, kind) for kind in weights["kinds"])
    row("Keras 3.15.1, weights in shards", f"Values of `weight_map` are {kinds} of files ({', '.join(map(str, weights['shards']))} for two layers); "
        f"`total_size` is {weights['total']!r}.", "Looks into every file that the list names, whatever the form, and needs no total.")
    half = next(item for item in weights["half"] if "vars/0" in item[0])
    row("Keras 3.15.1, bf16 in `.weights.h5`", f"Two bytes without a type (`{half[1].strip('|')}`), with the attribute `{half[2]}`.", "Reads what the attribute says.")

    if (folder / "ours").exists():
        rows.append("\n## What `--like` gives\n\nThe network's input of 299×299, convscope against the library.\n\n"
                    "| picture | " + " | ".join(f"`--like {like}`" for like in ("keras", "keras --resize antialias", "torchvision", "timm")) +
                    " |\n|---|---|---|---|---|\n")
        for name in LIKE + ["hidden.png", "lying.png", "lying.tif", "lying.jpg"]:
            cells = []
            for like in ("keras", "keras-bilinear", "torchvision", "timm"):
                path = folder / "ours" / like / name / f"{name.split('.')[0]}-input.png"
                theirs = folder / "frameworks" / f"{like}-{name}.npy"
                cells.append(largest(picture(path), np.load(theirs)) if path.exists() and theirs.exists() else "")
            size = opened(folder / "pictures", name).size
            rows.append(f"| {name}, {size[0]}×{size[1]} | {' | '.join(cells)} |\n")
    return HEAD + "".join(rows)


def picture(path):
    import numpy as np
    from PIL import Image
    return np.asarray(Image.open(path).convert("RGB")).astype(float)


def keras_picture(folder, name):
    import numpy as np
    return np.load(folder / "frameworks" / f"{name}.npy").astype(float)


def largest(ours, theirs):
    off = levels(ours, theirs)
    return "equal" if off["most"] == 0 else f"up to {off['most']:.0f} ({off['part'] * 100:.2f} % of values)"


# ---- The program that runs all this

def python_of(group, folder):
    """The interpreter of a group's environment, made where it is not there."""
    place = folder / group
    python = place / "bin" / "python"
    if not python.exists():
        print(f"making {place}", file=sys.stderr)
        venv.create(place, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *GROUPS[group]], check=True)
    return python


def call(python, function, *arguments):
    """A function of this file, run by another interpreter."""
    words = [python, __file__, "--probe", function, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{function} with {python}:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def inside(arguments):
    name, *rest = arguments
    if name == "versions":
        missing = []
        for pinned in rest:
            package, version = pinned.split("==")
            try:
                found = importlib.metadata.version(package)
            except importlib.metadata.PackageNotFoundError:
                found = "none"
            missing += [f"{package} {found} in place of {version}"] * (found.split("+")[0] != version)
        print(json.dumps(missing))
    elif name == "make_pictures":
        make_pictures(pathlib.Path(rest[0]))
        print("{}")
    elif name == "make_fixtures":
        make_fixtures(pathlib.Path(rest[0]))
        print("{}")
    elif name == "table":
        print(json.dumps(table(*map(pathlib.Path, rest))))
    else:
        facts = PROBES[name][0](*map(pathlib.Path, rest))
        print(json.dumps(facts))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--convscope", type=pathlib.Path)
    parser.add_argument("--venvs", type=pathlib.Path, default=pathlib.Path.home() / ".cache/convscope-agreement")
    parser.add_argument("-o", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "docs/agreement.md")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--fixtures", type=pathlib.Path)
    args = parser.parse_args()
    if args.fixtures:
        call(python_of("frameworks", args.venvs), "make_fixtures", args.fixtures)
        return
    pythons = {group: python_of(group, args.venvs) for group in GROUPS}
    for group, packages in GROUPS.items():
        if wrong := call(pythons[group], "versions", *packages):
            sys.exit(f"{args.venvs / group}: {', '.join(wrong)}: remove the folder")
    with tempfile.TemporaryDirectory() as folder:
        args.o.write_text(run(args.work or pathlib.Path(folder), pythons, args.convscope))


def run(folder, pythons, convscope):
    """The text of docs/agreement.md. What is in `folder` already is not made again, but for convscope's part."""
    if not (folder / "pictures").exists():
        (folder / "pictures").mkdir(parents=True)
        call(pythons["frameworks"], "make_pictures", folder / "pictures")
    facts = {}
    for name, (_, groups) in PROBES.items():
        for group in groups:
            path = folder / group / f"{name}.facts.json"
            if not path.exists():
                print(f"{name}: {group}", file=sys.stderr)
                path.parent.mkdir(exist_ok=True)
                path.write_text(json.dumps(call(pythons[group], name, folder / "pictures", path.parent)))
            facts.setdefault(name, {})[group] = json.loads(path.read_text())
    if convscope:
        run_convscope(convscope.resolve(), folder)
    (folder / "facts.json").write_text(json.dumps(facts))
    return call(pythons["frameworks"], "table", folder)


LIKE = ["astronaut.png", "motorcycle.png", "hubble.png", "tall.png", "retina.jpg"]


def run_convscope(program, folder):
    """What the network sees of each picture, by each --like."""
    for like in ("keras", "torchvision", "timm", "keras-bilinear"):
        words = ["--like", like.split("-")[0]] + (["--resize", "antialias"] if "-" in like else [])
        names = LIKE + (["hidden.png", "lying.jpg", "lying.png", "lying.tif"] if "keras" in like else [])
        for name in names:
            out = folder / "ours" / like / name
            subprocess.run([program, "input", folder / "pictures" / name, *words, "--overwrite", "-o", out], check=True,
                           capture_output=True)
    subprocess.run([program, "input", folder / "pictures/hubble.png", "--overwrite", "-o", folder / "ours/bilinear"], check=True,
                   capture_output=True)
    subprocess.run([program, "input", folder / "pictures/retina.jpg", "--overwrite", "-o", folder / "ours/decoded"], check=True,
                   capture_output=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--probe"]:
        inside(sys.argv[2:])
    else:
        main()
