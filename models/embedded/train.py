"""Trains the embedded network: one phase a call, each on from the last one's checkpoint.

    train.py --data DIR --validation DIR --samples N --sizes 96,112,128 --lr 2e-3 --lr-end 8e-4 --out CHECKPOINT

Deterministic for the same data, options, number of threads and kind of processor.
"""

import argparse
import copy
import csv
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from data import Pictures, resized, varied
from network import InceptionV3


def evaluate(model, pictures, size, count=None):
    """Loss and accuracy on the first pictures of a set."""
    model.eval()
    count = min(count or len(pictures), len(pictures))
    loss = right = 0
    with torch.inference_mode():
        for first in range(0, count, 50):
            x, y = pictures.batch(range(first, min(first + 50, count)))
            logits = model(resized(x, size))
            loss += F.cross_entropy(logits, y, reduction="sum").item()
            right += (logits.argmax(1) == y).sum().item()
    return loss / count, right / count


def shared(tensors, world):
    """The mean of these over all processes, in place."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    torch.distributed.all_reduce(flat)
    flat /= world
    for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors])):
        tensor.copy_(part.view_as(tensor))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--samples", type=int, required=True, help="pictures to be learnt from in this phase")
    parser.add_argument("--sizes", default="128", help="sides of the input, one chosen for each batch")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--lr-end", type=float, default=1e-5)
    parser.add_argument("--warmup", type=int, default=0, help="batches")
    parser.add_argument("--weight-decay", type=float, default=0.02)
    parser.add_argument("--smoothing", type=float, default=0.05)
    parser.add_argument("--ema", type=float, default=0.998)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2, help="of one thread each; a batch is divided among them")
    parser.add_argument("--every", type=int, default=20_000, help="pictures between two lines of the log")
    parser.add_argument("--validate", type=int, default=405, help="pictures of the validation set that are looked at")
    parser.add_argument("--resume")
    parser.add_argument("--out", required=True)
    parser.add_argument("--log", default="curves.csv")
    options = parser.parse_args()
    if options.processes > 1:
        port = 29500 + os.getpid() % 1000
        torch.multiprocessing.spawn(train, (options.processes, port, options), nprocs=options.processes)
    else:
        train(0, 1, 0, options)


def train(rank, world, port, options):
    """One process's part. Several processes of one thread wait for each other without burning time; several threads
    of one process do not, where the cores are shared with other programs."""
    if world > 1:
        torch.distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
    torch.set_num_threads(1)
    rng = np.random.default_rng(options.seed)
    own = np.random.default_rng([options.seed, rank])
    data, validation = Pictures(options.data), Pictures(options.validation)
    sizes = [int(size) for size in options.sizes.split(",")]
    torch.manual_seed(options.seed)
    model = InceptionV3(len(data.names))
    torch.manual_seed(options.seed + 1000 * rank)
    seen = 0
    if options.resume:
        checkpoint = torch.load(options.resume)
        model.load_state_dict(checkpoint["model"])
        seen = checkpoint["seen"]
    model = model.to(memory_format=torch.channels_last)
    average = copy.deepcopy(model).eval()
    if options.resume:
        average.load_state_dict(checkpoint["average"])
    decayed = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": options.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=options.lr, fused=True)
    if options.resume and "optimizer" in checkpoint:
        optimizer.load_state_dict(checkpoint["optimizer"])
        for group in optimizer.param_groups:
            group.update(fused=True, foreach=None)

    log_path = Path(options.log)
    new = not log_path.exists()
    log = log_path.open("a", newline="") if rank == 0 else open(os.devnull, "w")
    writer = csv.writer(log)
    if new:
        writer.writerow(["seen", "size", "lr", "train_loss", "train_accuracy", "validation_loss",
                         "validation_accuracy", "seconds"])

    steps = options.samples // options.batch
    order = np.array([], np.int64)
    started, loss_sum, right, counted = time.time(), 0.0, 0, 0
    next_line = options.every
    for step in range(steps):
        if len(order) < options.batch:
            order = np.concatenate([order, rng.permutation(len(data))])
        numbers, order = order[:options.batch], order[options.batch:]
        part = step / steps
        lr = options.lr_end + (options.lr - options.lr_end) * 0.5 * (1 + np.cos(np.pi * part))
        lr = float(lr * min(1, (step + 1) / max(options.warmup, 1)))
        for group in optimizer.param_groups:
            group["lr"] = lr
        size = sizes[rng.integers(len(sizes))]
        x, y = data.batch(numbers[rank::world])
        x = resized(varied(x, own), size)
        model.train()
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(x)
        logits = logits.float()
        loss = F.cross_entropy(logits, y, label_smoothing=options.smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if world > 1:
            shared([p.grad for p in model.parameters()], world)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        if step % 4 == 3:
            keep = min(options.ema, (1 + seen / options.batch) / (10 + seen / options.batch)) ** 4
            mine, theirs = average.state_dict(), model.state_dict()
            floats = [name for name in mine if mine[name].is_floating_point()]
            torch._foreach_lerp_([mine[name] for name in floats], [theirs[name] for name in floats], 1 - keep)
        seen += options.batch
        loss_sum += loss.item() * len(y)
        right += (logits.argmax(1) == y).sum().item()
        counted += len(y)
        done = (step + 1) * options.batch
        if done >= next_line or step == steps - 1:
            next_line += options.every
            if world > 1:
                # Statistics of batch normalisation are each process's own until here.
                buffers = [b for m in (model, average) for b in m.buffers() if b.is_floating_point()]
                shared(buffers, world)
            if rank:
                continue
            v_loss, v_accuracy = evaluate(average, validation, max(sizes), options.validate)
            row = [seen, max(sizes), f"{lr:.2e}", f"{loss_sum / counted:.4f}", f"{right / counted:.4f}",
                   f"{v_loss:.4f}", f"{v_accuracy:.4f}", f"{time.time() - started:.0f}"]
            writer.writerow(row)
            log.flush()
            print(*row, flush=True)
            loss_sum, right, counted = 0.0, 0, 0
            state = {"model": model.state_dict(), "average": average.state_dict(), "seen": seen,
                     "optimizer": optimizer.state_dict(), "names": data.names}
            torch.save(state, options.out + ".part")
            Path(options.out + ".part").replace(options.out)


if __name__ == "__main__":
    main()
