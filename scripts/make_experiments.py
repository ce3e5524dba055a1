#!/usr/bin/env python3
"""Writes what small networks say with channels changed and with a square over the picture, by onnxruntime.

    scripts/make_experiments.py tests/data/gradients tests/data/experiments.json

    pip install numpy onnx onnxruntime safetensors

Of each network NAME/model.onnx with its picture (`input` of gradients.safetensors) there are some experiments: a value of
the graph, its channels, and what they are multiplied by and then moved by; or rows and columns of the picture (half-open)
that are set to a value. For the former, a multiplication and an addition are put behind the value in the file itself, so
that whatever read it reads theirs.
"""

import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from safetensors.numpy import load_file

# Of each network at most so many values.
VALUES = 6


def run(model, given):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run([model.graph.output[0].name], {session.get_inputs()[0].name: given})[0]


def shapes(model, given):
    """Names and channels of all values that are maps, or vectors."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    del wide.graph.output[:]
    names = [name for node in model.graph.node for name in node.output if name]
    wide.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(wide.SerializeToString(), providers=["CPUExecutionProvider"])
    values = session.run(names, {session.get_inputs()[0].name: given})
    # Behind some transpositions channels come last, until one brings them back.
    turned = {}
    for node in model.graph.node:
        order = next((list(given.ints) for given in node.attribute if given.name == "perm"), None)
        is_turned = any(turned.get(name, False) for name in node.input) and order != [0, 3, 1, 2]
        turned.update((name, is_turned or order == [0, 2, 3, 1]) for name in node.output)
    is_map = lambda name, value: value.ndim == 4 and value.shape[0] == 1 and not turned[name]
    return {name: value.shape[1] for name, value in zip(names, values) if is_map(name, value)}


def changed(model, name, factors, shifts):
    """The network with each channel of a value multiplied and moved."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    at = next(i for i, node in enumerate(graph.node) if name in node.output)
    for node in list(graph.node)[at + 1 :]:
        for place, read in enumerate(node.input):
            if read == name:
                node.input[place] = "changed"
    for kind, numbers in (("factors", factors), ("shifts", shifts)):
        tensor = np.asarray(numbers, np.float32).reshape(1, -1, 1, 1)
        graph.initializer.append(numpy_helper.from_array(tensor, kind))
    graph.node.insert(at + 1, helper.make_node("Mul", [name, "factors"], ["multiplied"]))
    graph.node.insert(at + 2, helper.make_node("Add", ["multiplied", "shifts"], ["changed"]))
    return model


def experiments(folder, rng):
    model = onnx.load(folder / "model.onnx")
    given = load_file(folder / "gradients.safetensors")["input"].astype(np.float32)
    last = model.graph.output[0].name
    values = {name: channels for name, channels in shapes(model, given).items() if name != last}
    told = [{"output": run(model, given).flatten().tolist()}]
    names = list(values)
    for name in [names[i] for i in np.unique(np.linspace(0, len(names) - 1, VALUES).round().astype(int))]:
        channels = values[name]
        chosen = sorted(rng.choice(channels, min(2, channels), replace=False).tolist())
        for factor, shift in ((0.0, 0.0), (2.5, 0.0), (0.0, 0.75)):
            factors, shifts = np.ones(channels), np.zeros(channels)
            factors[chosen], shifts[chosen] = factor, shift
            output = run(changed(model, name, factors, shifts), given)
            told.append(
                {"value": name, "channels": chosen, "factor": factor, "shift": shift, "output": output.flatten().tolist()}
            )
    height, width = given.shape[2:]
    for top, left in ((0, 0), (height // 3, width // 2)):
        rows, columns = [top, min(top + height // 3, height)], [left, min(left + width // 3, width)]
        covered = given.copy()
        covered[:, :, rows[0] : rows[1], columns[0] : columns[1]] = 0.25
        told.append({"rows": rows, "columns": columns, "fill": 0.25, "output": run(model, covered).flatten().tolist()})
    return told


def main():
    source, target = map(pathlib.Path, sys.argv[1:])
    rng = np.random.default_rng(7)
    folders = sorted(path.parent for path in source.glob("*/model.onnx"))
    told = {folder.name: experiments(folder, rng) for folder in folders}
    rounded = json.loads(json.dumps(told), parse_float=lambda text: float(f"{float(text):.8g}"))
    target.write_text(json.dumps(rounded, separators=(",", ":")).replace('{"value"', '\n{"value"') + "\n")


main()
