"""Writes a checkpoint as convscope reads it: torchvision's names, half precision, averaged weights.

    export.py CHECKPOINT OUT.safetensors [--temperature T]

The temperature (see evaluate.py) is divided out of the last layer, so that the softmax is calibrated.
"""

import argparse
import json

import torch
from safetensors.torch import save_file


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--temperature", type=float, default=1.0)
    options = parser.parse_args()
    checkpoint = torch.load(options.checkpoint)
    state = {name: value for name, value in checkpoint["average"].items() if "num_batches" not in name}
    for name in ("fc.weight", "fc.bias"):
        state[name] = state[name] / options.temperature
    half = {}
    for name, value in state.items():
        value = value.half().contiguous()
        assert torch.isfinite(value).all(), name
        half[name] = value
    save_file(half, options.out, metadata={
        "format": "pt",
        "network": "InceptionV3, width 0.25, without auxiliary classifier",
        "input": "RGB from -1 to 1, 299x299",
        "avg_pool": "exclude",
        "classes": json.dumps(checkpoint["names"]),
        "temperature": f"{options.temperature:.4f}",
        "licence": "MIT OR Apache-2.0",
    })
    print(options.out, sum(value.numel() for value in half.values()), "numbers")


if __name__ == "__main__":
    main()
