"""Judges the exported network through convscope itself, with `convscope classify --json`.

    through_convscope.py --convscope PROGRAM --weights FILE --labels FILE (--data DIR | --pictures DIR ...) [--out DIR]

`--data`: a raw data set; its pictures become PNG files first. The answers are also compared with PyTorch's.
`--pictures`: files whose names say what they show (`a star.jpg`).
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from data import Pictures
from evaluate import load, logits_of, report


def ask(options, folder, extra=()):
    """File name → probabilities in the order of the classes."""
    command = [options.convscope, "classify", str(folder), "--weights", options.weights, "--labels", options.labels,
               "--device", "cpu", "--top", str(len(names_of(options))), "--json", *extra]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    result = {}
    for picture in answer["pictures"]:
        row = np.zeros(len(names_of(options)))
        for entry in picture["top"]:
            row[entry["class"]] = entry["probability"]
        result[picture["picture"]] = row
    return result


def names_of(options):
    return Path(options.labels).read_text().splitlines()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--convscope", default="convscope")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--data")
    parser.add_argument("--pictures", nargs="*", default=[])
    parser.add_argument("--out")
    options = parser.parse_args()
    names = names_of(options)
    if options.data:
        pictures = Pictures(options.data)
        with tempfile.TemporaryDirectory() as folder:
            for i in range(len(pictures)):
                Image.fromarray(pictures.images[i]).save(Path(folder) / f"{i:06}.png", compress_level=1)
            answers = ask(options, folder)
        probabilities = np.stack([answers[f"{i:06}.png"] for i in range(len(pictures))])
        report(probabilities, pictures.labels.astype(int), names, options.out)
        logits, _ = logits_of(load(options.weights, len(names)), pictures)
        theirs = F.softmax(logits, 1).numpy()
        same = (theirs.argmax(1) == probabilities.argmax(1)).mean()
        print(f"PyTorch: largest difference of a probability {np.abs(theirs - probabilities).max():.2e}, "
              f"same class for {same:.4%}")
    for folder in options.pictures:
        for fit in ("stretch", "crop"):
            print(f"{folder}, {fit}:")
            for name, row in ask(options, folder, ["--fit", fit]).items():
                best = row.argsort()[::-1][:2]
                wanted = Path(name).stem
                mark = "" if wanted not in names else "  right" if names[best[0]] == wanted else "  WRONG"
                print(f"  {name:28}", ", ".join(f"{names[i]} {row[i]:.3f}" for i in best) + mark)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
