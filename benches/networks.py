#!/usr/bin/env python3
"""Times five published networks in convscope and in other programs, side by side: the same ONNX file, the same input.

    networks.py --network BINARY [--models FOLDER] [--only NAME,…] [--rounds N] [--threads N] [--json FILE]

BINARY is the bench `network`. FOLDER keeps the exported networks (torchvision's, seeded weights, batch 1, 224×224, f32).
Each contestant is a process of its own that stays, and is asked in rounds, in another order each round; the answers are
compared first. What opening costs is told too: convscope from the file to its first answer, onnxruntime from the file
through its session's creation and first run.
"""
import argparse
import json
import math
import os
import pathlib
import random
import statistics
import sys
import tempfile
import time

from peers import Contestant, Trouble, processor

NETWORKS = ["resnet50", "mobilenet_v2", "efficientnet_b0", "vgg16", "densenet121"]
THEIRS = ["onnxruntime", "openvino", "pytorch"]
HERE = pathlib.Path(__file__).resolve()
SEED = 16
# Largest difference of an output, as a part of the largest.
SAME = 1e-3


def build(name):
    """torchvision's network with seeded weights, and batch normalisation that has seen noise, so that values stay apart."""
    import torch
    import torchvision
    torch.manual_seed(SEED)
    model = getattr(torchvision.models, name)(weights=None)
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if type(module).__name__ == "StochasticDepth":
            module.p = 0.0
    with torch.no_grad():
        if any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()):
            model(torch.randn(4, 3, 224, 224))
    return model.eval()


def export(name, folder):
    """The network's ONNX file and its input, made where they are missing."""
    import torch
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    if not path.exists():
        model = build(name)
        torch.onnx.export(model, torch.zeros(1, 3, 224, 224), folder / "new.onnx", opset_version=17, dynamo=False)
        (folder / "new.onnx").rename(path)
        torch.manual_seed(SEED)
        (folder / "input.f32").write_bytes(torch.randn(3, 224, 224).numpy().tobytes())
    return path


# Contestants ----------------------------------------------------------------------------------------------------------

def contestant(name, folder, threads):
    """Answers lines on standard input as benches/network.rs does."""
    import numpy
    start = time.perf_counter()
    x = numpy.fromfile(folder / "input.f32", dtype=numpy.float32).reshape(1, 3, 224, 224)
    begin = time.perf_counter()
    if name == "onnxruntime":
        import onnxruntime
        begin = time.perf_counter()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
        feed = {session.get_inputs()[0].name: x}
        run, what = (lambda: session.run(None, feed)[0]), f"onnxruntime {onnxruntime.__version__}"
    elif name == "openvino":
        import openvino
        begin = time.perf_counter()
        core = openvino.Core()
        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        request = core.compile_model(core.read_model(folder / "model.onnx"), "CPU", settings).create_infer_request()
        run = lambda: request.infer([x])[0]
        what = f"OpenVINO {openvino.__version__.split('-')[0]}"
    else:
        import torch
        torch.set_num_threads(threads)
        model = build(folder.name)
        tensor = torch.from_numpy(x)

        def run():
            with torch.inference_mode():
                return model(tensor).numpy()
        what = f"PyTorch {torch.__version__} eager"
    first = run()
    now = time.perf_counter()
    print(json.dumps({"ready": what, "first_ms": (now - begin) * 1e3, "start_ms": (now - start) * 1e3}), flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "run":
            times = []
            for number in range(int(words[1]) + int(words[2])):
                start = time.perf_counter()
                run()
                if number >= int(words[1]):
                    times.append((time.perf_counter() - start) * 1e3)
            print(json.dumps({"ms": times}), flush=True)
        else:
            pathlib.Path(words[1]).write_bytes(first.astype("<f4").tobytes())
            print(json.dumps({"count": first.size}), flush=True)


# Rounds ---------------------------------------------------------------------------------------------------------------

def measure(name, asked, scratch):
    """A row for each contestant."""
    folder = asked.models / name
    # Whoever reads the file first would pay for the disk.
    export(name, folder).read_bytes()
    threads = str(asked.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    ours = [asked.network, "serve", str(folder), "--model", str(folder / "model.onnx")]
    commands = {"convscope": ours} | {
        other: [sys.executable, str(HERE), "--contestant", other, "--models", str(folder), "--threads", threads]
        for other in THEIRS
    }
    running = []
    for other, command in commands.items():
        try:
            running.append(Contestant(other, command, environment, scratch / f"{other}.log", 300))
        except Trouble as trouble:
            print(f"{other} is left out of {name}: {trouble}", file=sys.stderr)
    answers = {it.name: it.probabilities(scratch / f"{it.name}.f32", 120) for it in running}
    for it in running:
        mine, theirs = answers["convscope"], answers[it.name]
        largest = max(map(abs, mine))
        it.plain = max(abs(a - b) for a, b in zip(mine, theirs)) / largest if len(mine) == len(theirs) else math.inf
        it.same = it.plain <= SAME
    for number in range(asked.rounds):
        for it in random.Random(number).sample(running, len(running)):
            ms = it.ask(f"run {1 if number else 3} {asked.runs}", 300)["ms"]
            it.ms += ms
            it.rounds.append(statistics.median(ms))
    mine = next(it for it in running if it.name == "convscope")
    rows = []
    for it in running:
        it.note_memory()
        ratios = [theirs / own for theirs, own in zip(it.rounds, mine.rounds)]
        rows.append({
            "network": name, "contestant": it.what, "median_ms": statistics.median(it.ms), "least_ms": min(it.ms),
            "ratio": statistics.median(ratios), "least_ratio": min(it.ms) / min(mine.ms), "first_ms": it.start_ms if it.name == "convscope" else it.first_ms,
            "peak_mb": it.peak_mb, "difference": it.plain, "same": it.same,
        })
        it.stop()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", help="the bench `network`")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("networks"))
    parser.add_argument("--only", help="names with commas between", default=",".join(NETWORKS))
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contestant:
        return contestant(asked.contestant, asked.models, asked.threads)
    print(f"{processor()}, {asked.threads} threads, batch 1, 224×224, f32, {asked.rounds} rounds in turns\n")
    print("| network | contestant | median ms | least | time ÷ convscope's (median of rounds; least) | file to first answer ms"
          " | peak MB | largest Δ |\n|---|---|---:|---:|---:|---:|---:|---:|")
    found = []
    for name in asked.only.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            rows = measure(name, asked, pathlib.Path(scratch))
        for row in rows:
            ratio = f"{row['ratio']:.2f}; {row['least_ratio']:.2f}" if row["same"] else "NOT THE SAME ANSWER"
            print(f"| {name} | {row['contestant']} | {row['median_ms']:.1f} | {row['least_ms']:.1f} | {ratio}"
                  f" | {row['first_ms']:.0f} | {row['peak_mb'] or 0:.0f} | {row['difference']:.0e} |", flush=True)
        found += rows
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
