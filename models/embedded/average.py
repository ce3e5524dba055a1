"""The mean of the weights of several checkpoints of one training, with statistics of batch normalisation taken anew.

    average.py --data DIR --out CHECKPOINT CHECKPOINT...

Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", UAI 2018.
"""

import argparse

import numpy as np
import torch

from data import Pictures, varied
from network import InceptionV3

BATCHES, BATCH = 24, 64


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(2)
    checkpoints = [torch.load(path) for path in options.checkpoints]
    states = [checkpoint["average"] for checkpoint in checkpoints]
    mean = {name: sum(state[name].double() for state in states) / len(states) for name in states[0]}
    model = InceptionV3(len(checkpoints[-1]["names"]))
    model.load_state_dict({name: value.to(states[0][name].dtype) for name, value in mean.items()})
    model = model.to(memory_format=torch.channels_last)
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    pictures, rng = Pictures(options.data), np.random.default_rng(options.seed)
    model.train()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for number in range(BATCHES):
            x, _ = pictures.batch(rng.choice(len(pictures), BATCH, replace=len(pictures) < BATCH))
            model(varied(x, rng) if number % 2 else x)
    state = model.state_dict()
    torch.save({"model": state, "average": state, "seen": checkpoints[-1]["seen"], "names": checkpoints[-1]["names"]},
               options.out)


if __name__ == "__main__":
    main()
