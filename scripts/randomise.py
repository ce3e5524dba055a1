#!/usr/bin/env python3
"""Which rules of `convscope saliency` look at what a network learned? The randomisation test of Adebayo et al., "Sanity
Checks for Saliency Maps", 2018 (arXiv:1810.03292), as a Markdown table.

    scripts/randomise.py CONVSCOPE WEIGHTS PICTURE…

    pip install numpy safetensors scipy scikit-image

CONVSCOPE is the program, WEIGHTS an InceptionV3 in torchvision's names. Its weights are made random from the classifier
downwards, a few blocks more each time, and each picture's maps of the class that the trained network finds there are
compared with those of the trained network: the rank correlation of how strong pixels are (the largest channel), and the
structural similarity of the same, each scaled by its largest value. Means over the pictures. A map that stays as it was
does not depend on what was learned.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity

# What is random after each step.
STEPS = [
    ("the classifier", ("fc.",)),
    ("and mixed10", ("Mixed_7c.",)),
    ("and mixed8, mixed9", ("Mixed_7a.", "Mixed_7b.")),
    ("and mixed3 to mixed7", ("Mixed_6",)),
    ("and mixed0 to mixed2", ("Mixed_5",)),
    ("everything", ("Conv2d_",)),
]
RULES = {
    "gradient": "gradient",
    "gradient-x-input": "gradient × input",
    "smoothgrad": "SmoothGrad",
    "integrated": "integrated gradients",
    "guided": "guided",
    "deconv": "deconvolution",
    "gradcam": "Grad-CAM at mixed10",
}
PASSES = 25


def randomise(tensors, prefixes, rng):
    """He et al., 2015: the size of values stays as it is without any normalisation."""
    for name, value in tensors.items():
        if name.startswith(prefixes):
            if value.ndim > 1:
                new = rng.normal(0, np.sqrt(2 / np.prod(value.shape[1:])), value.shape)
            else:
                new = np.full(value.shape, float(name.endswith(("bn.weight", "running_var"))))
            tensors[name] = new.astype("float32")


def maps(program, weights, picture, origin, folder):
    """How strong each pixel is, by rule; and the class that was on top."""
    shared = [picture, "--weights", weights, "--device", "cpu", "--overwrite"]
    values, npy = folder / "values.safetensors", folder / "map.npy"
    run = [program, "saliency", *shared, "--from", f"class:{origin}", "--passes", str(PASSES)]
    run += ["--rule", ",".join(rule for rule in RULES if rule != "gradcam")]
    answer = subprocess.run([*run, "--safetensors", values, "--json"], check=True, capture_output=True, text=True)
    [told] = json.loads(answer.stdout)["pictures"]
    found = {name: np.abs(value[0]).max(0) for name, value in load_file(values).items()}
    if origin != "top":
        run = [program, "cam", *shared, "--class", str(origin), "--layer", "mixed10", "--method", "gradcam"]
        subprocess.run([*run, "--npy", npy], check=True, capture_output=True)
        found["gradcam"] = np.load(npy)
    return found, told


def likeness(a, b):
    # A constant map has no ranks.
    ranks = spearmanr(a, b, axis=None).statistic if a.any() and b.any() else 0.0
    a, b = (value / max(value.max(), 1e-30) for value in (a, b))
    window = min(7, min(a.shape) // 2 * 2 - 1)
    return ranks, structural_similarity(a, b, data_range=1.0, win_size=window)


def main(program, weights, *pictures):
    with safe_open(weights, "np") as file:
        metadata = file.metadata()
    tensors, rng = load_file(weights), np.random.default_rng(0)
    table = {rule: [] for rule in RULES}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        classes = []
        for picture in pictures:
            _, told = maps(program, weights, picture, "top", folder)
            classes += told["origin"]["units"]
        print(*(f"{path}: {found['name']}" for path, found in zip(pictures, classes)), sep="\n", file=sys.stderr)
        numbers = [found["class"] for found in classes]
        trained = [maps(program, weights, picture, n, folder)[0] for picture, n in zip(pictures, numbers)]
        for step, prefixes in STEPS:
            randomise(tensors, prefixes, rng)
            save_file(tensors, folder / "random.safetensors", metadata)
            for rule in RULES:
                table[rule].append([])
            for picture, number, before in zip(pictures, numbers, trained):
                after, told = maps(program, folder / "random.safetensors", picture, number, folder)
                for rule in RULES:
                    table[rule][-1].append(likeness(before[rule], after[rule]))
            print(step, {rule: np.round(np.mean(rows[-1], 0), 2).tolist() for rule, rows in table.items()}, file=sys.stderr)
    print("| random is | " + " | ".join(step for step, _ in STEPS) + " |")
    print("|---" * (len(STEPS) + 1) + "|")
    for rule, title in RULES.items():
        cells = [f"{ranks:.2f} · {ssim:.2f}" for ranks, ssim in (np.mean(row, 0) for row in table[rule])]
        print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
