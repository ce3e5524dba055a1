"""Data sets that `convscope dataset --raw` wrote, as batches for the network."""

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F


class Pictures:
    """`images.u8` and `labels.u8` of a folder, mapped into memory."""

    def __init__(self, folder):
        folder = Path(folder)
        self.labels = np.fromfile(folder / "labels.u8", np.uint8)
        images = np.memmap(folder / "images.u8", np.uint8, mode="r")
        self.size = int((images.size // (3 * len(self.labels))) ** 0.5)
        self.images = images.reshape(len(self.labels), self.size, self.size, 3)
        self.names = (folder / "labels.txt").read_text().splitlines()

    def __len__(self):
        return len(self.labels)

    def batch(self, numbers):
        """Pictures from −1 to 1 (channels last in memory) and labels."""
        numbers = np.asarray(numbers)
        order = np.argsort(numbers)
        images = np.empty((len(numbers), self.size, self.size, 3), np.uint8)
        for place in order:
            images[place] = self.images[numbers[place]]
        return to_input(images), torch.from_numpy(self.labels[numbers].astype(np.int64))


def to_input(images):
    """N×H×W×3 bytes → N×3×H×W from −1 to 1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def resized(x, size):
    """To another size; averaged where it becomes smaller, as convscope does it."""
    if x.shape[-1] == size:
        return x
    x = F.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    return x.contiguous(memory_format=torch.channels_last)


def varied(x, rng):
    """What is cheap to vary anew each time: the cut, the brightness, the colours."""
    n, _, size, _ = x.shape
    margin = size // 12
    cut = size - margin
    parts = []
    for i in range(n):
        dx, dy = rng.integers(0, margin + 1, 2)
        parts.append(x[i, :, dy:dy + cut, dx:dx + cut])
    x = torch.stack(parts).contiguous(memory_format=torch.channels_last)
    gain = torch.from_numpy(rng.uniform(0.85, 1.15, (n, 1, 1, 1)) * rng.uniform(0.94, 1.06, (n, 3, 1, 1)))
    bias = torch.from_numpy(rng.uniform(-0.08, 0.08, (n, 1, 1, 1)))
    x = (x * gain.float() + bias.float()).clamp_(-1, 1)
    for i in np.flatnonzero(rng.random(n) < 0.08):
        x[i] = -x[i]
    for i in np.flatnonzero(rng.random(n) < 0.08):
        x[i] = x[i][torch.from_numpy(rng.permutation(3))]
    return x
