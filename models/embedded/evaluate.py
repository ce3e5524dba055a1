"""Judges an exported network at 299×299 in PyTorch: accuracy, a table, the confusion matrix, calibration.

    evaluate.py WEIGHTS.safetensors --data DIR [--out DIR] [--photos DIR]
    evaluate.py CHECKPOINT.pt --data DIR --fit-temperature

`--fit-temperature` prints the temperature at which the probabilities fit best (on validation pictures, never on the
held-out ones; Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from data import Pictures, resized, to_input
from network import InceptionV3


def load(path, classes):
    model = InceptionV3(classes)
    if str(path).endswith(".safetensors"):
        state = {name: value.float() for name, value in load_file(path).items()}
    else:
        state = torch.load(path)["average"]
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all("num_batches" in name for name in missing), (missing, unexpected)
    return model.eval().to(memory_format=torch.channels_last)


def logits_of(model, pictures, size=299):
    parts = []
    with torch.inference_mode():
        for first in range(0, len(pictures), 50):
            x, _ = pictures.batch(range(first, min(first + 50, len(pictures))))
            parts.append(model(resized(x, size)))
    return torch.cat(parts), torch.from_numpy(pictures.labels.astype(np.int64))


def fitted_temperature(logits, labels):
    candidates = torch.linspace(0.3, 2.0, 171)
    losses = [F.cross_entropy(logits / t, labels).item() for t in candidates]
    return candidates[int(np.argmin(losses))].item()


def calibration(probabilities, right, bins=10):
    """Expected calibration error, and for each bin its count, mean confidence and accuracy."""
    rows, error = [], 0.0
    for i in range(bins):
        inside = (probabilities > i / bins) & (probabilities <= (i + 1) / bins)
        count = inside.sum()
        if count:
            confidence, accuracy = probabilities[inside].mean(), right[inside].mean()
            error += count / len(right) * abs(confidence - accuracy)
            rows.append((i / bins, int(count), float(confidence), float(accuracy)))
    return float(error), rows


def report(probabilities, labels, names, out=None):
    """Prints the figures; with a folder also writes held_out.csv, confusion.csv and confusion.png."""
    predicted, best = probabilities.argmax(1), probabilities.max(1)
    right = predicted == labels
    print(f"{len(labels)} pictures, accuracy {right.mean():.4f}, "
          f"top 2 {np.mean([l in row.argsort()[-2:] for l, row in zip(labels, probabilities)]):.4f}")
    error, rows = calibration(best, right)
    print(f"expected calibration error {error:.4f}, mean confidence {best.mean():.4f}")
    matrix = np.zeros((len(names), len(names)), int)
    np.add.at(matrix, (labels, predicted), 1)
    table = []
    for i, name in enumerate(names):
        total, named = matrix[i].sum(), matrix[:, i].sum()
        others = matrix[i].copy()
        others[i] = 0
        confused = f"{names[others.argmax()]} ({others.max()})" if others.max() else ""
        table.append([name, total, f"{matrix[i, i] / max(total, 1):.4f}", f"{matrix[i, i] / max(named, 1):.4f}", confused])
    for row in table:
        print("  {:24} {:4} recall {} precision {}  most often taken for: {}".format(*row))
    if out:
        out = Path(out)
        with (out / "held_out.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["class", "pictures", "recall", "precision", "most often taken for"])
            writer.writerows(table)
            writer.writerow(["all", len(labels), f"{right.mean():.4f}", "", f"calibration error {error:.4f}"])
        with (out / "calibration.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["confidence from", "pictures", "mean confidence", "accuracy"])
            writer.writerows([[f"{a:.1f}", n, f"{c:.4f}", f"{r:.4f}"] for a, n, c, r in rows])
        draw_matrix(matrix, names, out / "confusion.png")


def draw_matrix(matrix, names, path):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(9, 8.4), dpi=90)
    axes.imshow(np.sqrt(share), cmap="magma_r", vmin=0, vmax=1)
    for i in range(len(names)):
        for j in range(len(names)):
            if matrix[i, j]:
                axes.text(j, i, matrix[i, j], ha="center", va="center", fontsize=6,
                          color="white" if share[i, j] > 0.25 else "black")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_xlabel("named")
    axes.set_ylabel("drawn")
    figure.tight_layout()
    figure.savefig(path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out")
    parser.add_argument("--photos", help="folder of pictures: what they are taken for is printed")
    parser.add_argument("--fit-temperature", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(2)
    pictures = Pictures(options.data)
    model = load(options.weights, len(pictures.names))
    logits, labels = logits_of(model, pictures)
    if options.fit_temperature:
        print(f"{fitted_temperature(logits, labels):.3f}")
        return
    report(F.softmax(logits, 1).numpy(), labels.numpy(), pictures.names, options.out)
    if options.photos:
        from PIL import Image
        for path in sorted(Path(options.photos).iterdir()):
            if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
                continue
            image = Image.open(path).convert("RGB")
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            for how, box in [("crop", (left, top, left + side, top + side)), ("whole", (0, 0, *image.size))]:
                small = np.array(image.resize((299, 299), Image.Resampling.BILINEAR, box=box))
                with torch.inference_mode():
                    p = F.softmax(model(to_input(small[None])), 1)[0]
                top2 = p.argsort(descending=True)[:2].tolist()
                print(f"  {path.name:28} {how:6}", ", ".join(f"{pictures.names[i]} {p[i]:.3f}" for i in top2))


if __name__ == "__main__":
    main()
