#!/usr/bin/env python3
"""Times published networks in convscope and in other programs, side by side: the same ONNX file, the same input.

    networks.py --network BINARY [--models FOLDER] [--only NAME,…] [--rounds N] [--threads N] [--json FILE]
    networks.py --gradients …       forward and back to the input instead, against PyTorch with frozen weights

BINARY is the bench `network`. FOLDER keeps the exported networks (torchvision's, seeded weights, batch 1, 224×224 or 299×299, f32).
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
TRACED = ["inception_v3", "resnet50", "mobilenet_v2"]
WITH_GRADIENTS = ["pytorch", "pytorch+channels-last"]
HERE = pathlib.Path(__file__).resolve()
SEED = 16
# Largest difference of an output, as a part of the largest.
SAME = 1e-3
# The same of a gradient, where a ReLU that hangs on the last bits opens in one program alone.
SAME_GRADIENT = 0.05


def build(name):
    """torchvision's network with seeded weights, and batch normalisation that has seen noise, so that values stay apart."""
    import torch
    import torchvision
    torch.manual_seed(SEED)
    options = {"aux_logits": False, "init_weights": False} if name == "inception_v3" else {}
    model = getattr(torchvision.models, name)(weights=None, **options)
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
            model(torch.randn(4, 3, size(name), size(name)))
    return model.eval().requires_grad_(False)


def size(name):
    return 299 if name == "inception_v3" else 224


def export(name, folder):
    """The network's ONNX file and its input, made where they are missing."""
    import torch
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    if not path.exists():
        model = build(name)
        torch.onnx.export(model, torch.zeros(1, 3, size(name), size(name)), folder / "new.onnx", opset_version=17, dynamo=False)
        (folder / "new.onnx").rename(path)
        torch.manual_seed(SEED)
        (folder / "input.f32").write_bytes(torch.randn(3, size(name), size(name)).numpy().tobytes())
    return path


# Contestants ----------------------------------------------------------------------------------------------------------

def contestant(name, folder, threads):
    """Answers lines on standard input as benches/network.rs does."""
    import numpy
    start = time.perf_counter()
    x = numpy.fromfile(folder / "input.f32", dtype=numpy.float32).reshape(1, 3, size(folder.name), size(folder.name))
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
        layout = torch.channels_last if "channels-last" in name else torch.contiguous_format
        model = build(folder.name).to(memory_format=layout)
        tensor = torch.from_numpy(x).contiguous(memory_format=layout)

        def run():
            with torch.inference_mode():
                return model(tensor).numpy()

        def gradient():
            given = tensor.detach().requires_grad_()
            (found,) = torch.autograd.grad(model(given)[0, 0], given)
            return found.contiguous().numpy()
        what = f"PyTorch {torch.__version__} eager{', channels last' if 'channels-last' in name else ''}"
    first = run()
    now = time.perf_counter()
    print(json.dumps({"ready": what, "first_ms": (now - begin) * 1e3, "start_ms": (now - start) * 1e3}), flush=True)
    for line in sys.stdin:
        words = line.split()
        asked = gradient if words[0].startswith("gradient") else run
        if words[0] in ("run", "gradient"):
            times = []
            for number in range(int(words[1]) + int(words[2])):
                start = time.perf_counter()
                asked()
                if number >= int(words[1]):
                    times.append((time.perf_counter() - start) * 1e3)
            print(json.dumps({"ms": times}), flush=True)
        else:
            values = asked()
            pathlib.Path(words[1]).write_bytes(values.astype("<f4").tobytes())
            print(json.dumps({"count": values.size}), flush=True)


# Rounds ---------------------------------------------------------------------------------------------------------------

def start(name, others, asked, scratch):
    """The contestants that can take part, convscope first."""
    folder = asked.models / name
    # Whoever reads the file first would pay for the disk.
    export(name, folder).read_bytes()
    threads = str(asked.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    ours = [asked.network, "serve", str(folder), "--model", str(folder / "model.onnx")]
    commands = {"convscope": ours} | {
        other: [sys.executable, str(HERE), "--contestant", other, "--models", str(folder), "--threads", threads]
        for other in others
    }
    running = []
    for other, command in commands.items():
        try:
            running.append(Contestant(other, command, environment, scratch / f"{other}.log", 300))
        except Trouble as trouble:
            print(f"{other} is left out of {name}: {trouble}", file=sys.stderr)
    return running


def compare(running, scratch, question="answer"):
    """Says of each how far its answer is from convscope's."""
    answers = {it.name: it.probabilities(scratch / f"{it.name}.f32", 120, question) for it in running}
    mine = answers["convscope"]
    largest = max(map(abs, mine))
    for it in running:
        theirs = answers[it.name]
        it.plain = max(abs(a - b) for a, b in zip(mine, theirs)) / largest if len(mine) == len(theirs) else math.inf
        it.same = it.plain <= (SAME if question == "answer" else SAME_GRADIENT)


def measure(name, asked, scratch):
    """A row for each contestant."""
    running = start(name, THEIRS, asked, scratch)
    compare(running, scratch)
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


def measure_gradients(name, asked, scratch):
    """A row for each contestant: forward alone, and forward and back to the input, in the same rounds."""
    running = start(name, WITH_GRADIENTS, asked, scratch)
    compare(running, scratch, "gradient-answer")
    times = {it.name: {"run": [], "gradient": []} for it in running}
    for number in range(asked.rounds):
        for it in random.Random(number).sample(running, len(running)):
            for question, found in times[it.name].items():
                found.append(it.ask(f"{question} {1 if number else 3} {asked.runs}", 300)["ms"])
    rows = []
    for it in running:
        it.note_memory()
        forward, both, ours = times[it.name]["run"], times[it.name]["gradient"], times["convscope"]["gradient"]
        of_rounds = lambda over, under: statistics.median(
            statistics.median(a) / statistics.median(b) for a, b in zip(over, under)
        )
        least = lambda found: min(map(min, found))
        rows.append({
            "network": name, "contestant": it.what, "difference": it.plain, "same": it.same, "peak_mb": it.peak_mb,
            "forward_ms": statistics.median(sum(forward, [])), "both_ms": statistics.median(sum(both, [])),
            "least_forward_ms": least(forward), "least_both_ms": least(both),
            "both_to_forward": of_rounds(both, forward), "least_both_to_forward": least(both) / least(forward),
            "ratio": of_rounds(both, ours), "least_ratio": least(both) / least(ours),
        })
        it.stop()
    return rows


def print_gradients(row):
    ratio = f"{row['ratio']:.2f}; {row['least_ratio']:.2f}" if row["same"] else "NOT THE SAME ANSWER"
    print(f"| {row['network']} | {row['contestant']} | {row['forward_ms']:.1f} ({row['least_forward_ms']:.1f})"
          f" | {row['both_ms']:.1f} ({row['least_both_ms']:.1f})"
          f" | {row['both_to_forward']:.2f}; {row['least_both_to_forward']:.2f} | {ratio}"
          f" | {row['peak_mb'] or 0:.0f} | {row['difference']:.0e} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--network", help="the bench `network`")
    parser.add_argument("--models", type=pathlib.Path, default=pathlib.Path("networks"))
    parser.add_argument("--only", help="names with commas between")
    parser.add_argument("--gradients", action="store_true", help="forward and back to the input")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--contestant", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.contestant:
        return contestant(asked.contestant, asked.models, asked.threads)
    print(f"{processor()}, {asked.threads} threads, batch 1, f32, {asked.rounds} rounds in turns\n")
    if asked.gradients:
        print("| network | contestant | forward ms (least) | forward and back ms (least) | that ÷ forward (median of rounds;"
              " least) | time ÷ convscope's (the same) | peak MB | largest Δ |\n|---|---|---:|---:|---:|---:|---:|---:|")
    else:
        print("| network | contestant | median ms | least | time ÷ convscope's (median of rounds; least) | file to first"
              " answer ms | peak MB | largest Δ |\n|---|---|---:|---:|---:|---:|---:|---:|")
    found = []
    chosen = asked.only.split(",") if asked.only else TRACED if asked.gradients else NETWORKS
    for name in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            measured = measure_gradients if asked.gradients else measure
            rows = measured(name, asked, pathlib.Path(scratch))
        for row in rows:
            if asked.gradients:
                print_gradients(row)
                continue
            ratio = f"{row['ratio']:.2f}; {row['least_ratio']:.2f}" if row["same"] else "NOT THE SAME ANSWER"
            print(f"| {name} | {row['contestant']} | {row['median_ms']:.1f} | {row['least_ms']:.1f} | {ratio}"
                  f" | {row['first_ms']:.0f} | {row['peak_mb'] or 0:.0f} | {row['difference']:.0e} |", flush=True)
        found += rows
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
