#!/usr/bin/env python3
"""Another program's InceptionV3, asked round by round: what benches/peers.py compares convscope with.

    contestant.py NAME FOLDER [--device cpu|cuda] [--threads N]

FOLDER was made by the bench `network prepare`. A line of JSON says when it is ready; then each line on standard input
(`run WARM COUNT`, `answer FILE`) is answered with one, as benches/network.rs does. NAME:

    pytorch[+FLAG...]   torchvision's own model where it is installed and the network is full-size, else the same layers
                        from FOLDER's graph. Flags: channels-last, folded (batch normalisation inside the kernels),
                        benchmark (cudnn.benchmark), cuda-graph, f32 (no TF32), f16, compile (torch.compile)
    onnxruntime         the same, exported
    openvino            the same, exported
    keras               keras.applications.InceptionV3 and its predict(), on the PyTorch backend
"""
import argparse
import json
import os
import pathlib
import struct
import sys
import time

EPSILON = 1e-3


class Unfit(Exception):
    """This contestant cannot take part; the message says why."""


# The shared folder ----------------------------------------------------------------------------------------------------

def read_state(path):
    """Tensors of a safetensors file of f32 by name."""
    import torch
    raw = bytearray(path.read_bytes())
    (length,) = struct.unpack_from("<Q", raw)
    state = {}
    for name, entry in json.loads(raw[8:8 + length]).items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            assert entry["dtype"] == "F32", name
            values = torch.frombuffer(raw, dtype=torch.float32, count=(end - start) // 4, offset=8 + length + start)
            state[name] = values.reshape(entry["shape"])
    return state


class Shared:
    """What all contestants have in common."""

    def __init__(self, folder):
        import torch
        self.folder = folder
        described = json.loads((folder / "network.json").read_text())
        self.nodes = described["nodes"]
        self.width_multiplier = described["width_multiplier"]
        self.pads_count = described["avg_pool"] == "include"
        self.state = read_state(folder / "weights.safetensors")
        raw = bytearray((folder / "input.f32").read_bytes())
        self.input = torch.frombuffer(raw, dtype=torch.float32).reshape([1, *described["input"]])

    @property
    def classes(self):
        return self.nodes[-1]["channels"]

    @property
    def is_published(self):
        """True for the network as Keras and torchvision have it."""
        dense = sum(node["op"].startswith("dense") for node in self.nodes)
        return self.width_multiplier == 1 and dense == 1 and self.nodes[-1]["torch"] == "fc" and self.classes > 1


# PyTorch --------------------------------------------------------------------------------------------------------------

def from_torchvision(shared):
    """torchvision's model; None where it cannot be it."""
    if not shared.is_published:
        return None
    try:
        import torch.nn.functional as functional
        from torchvision.models import inception
    except ImportError:
        return None

    class Pooling:
        """Stands for torch.nn.functional in torchvision's module, with the other average pooling."""

        def __getattr__(self, name):
            return getattr(functional, name)

        def avg_pool2d(self, *args, **kwargs):
            return functional.avg_pool2d(*args, **kwargs, count_include_pad=False)

    if not shared.pads_count:
        inception.F = Pooling()
    model = inception.inception_v3(weights=None, num_classes=shared.classes, aux_logits=False, init_weights=False,
                                   transform_input=False)
    missing, unexpected = model.load_state_dict(shared.state, strict=False)
    assert not unexpected and all(name.endswith("num_batches_tracked") for name in missing), (missing, unexpected)
    return model


def from_graph(shared):
    """The layers of the graph, one after the other; each value is dropped after its last reader."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Basic(nn.Module):
        """Convolution, batch normalisation and ReLU, named as in torchvision."""

        def __init__(self, inputs, conv, norm):
            super().__init__()
            self.conv = nn.Conv2d(inputs, conv["channels"], conv["kernel"], conv["stride"], conv["padding"], bias=False)
            self.bn = nn.BatchNorm2d(conv["channels"], eps=EPSILON)
            for module, node in ((self.conv, conv), (self.bn, norm)):
                own = {name: shared.state[f"{node['torch']}.{name}"] for name, _ in module.named_parameters()}
                own |= {name: shared.state[f"{node['torch']}.{name}"] for name, _ in module.named_buffers()
                        if name != "num_batches_tracked"}
                module.load_state_dict(own, strict=False)

        def forward(self, x):
            return functional.relu(self.bn(self.conv(x)), inplace=True)

    class Dense(nn.Module):
        def __init__(self, node):
            super().__init__()
            weight, bias = (shared.state[f"{node['torch']}.{suffix}"] for suffix in ("weight", "bias"))
            self.linear = nn.Linear(weight.shape[1], weight.shape[0])
            self.linear.load_state_dict({"weight": weight, "bias": bias})

        def forward(self, x):
            return self.linear(torch.flatten(x, 1))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts, self.steps, self.last_reader = nn.ModuleList(), [], {}
            nodes = shared.nodes
            for index, node in enumerate(nodes):
                inputs = node["inputs"]
                op = node["op"]
                if op in ("input", "convolution", "batch normalization"):
                    continue
                if op == "ReLU":
                    norm = nodes[inputs[0]]
                    conv = nodes[norm["inputs"][0]]
                    inputs = conv["inputs"]
                    call = Basic(nodes[inputs[0]]["channels"], conv, norm)
                elif op == "max pooling":
                    call = nn.MaxPool2d(node["kernel"], node["stride"], node["padding"])
                elif op == "average pooling":
                    call = nn.AvgPool2d(node["kernel"], node["stride"], node["padding"],
                                        count_include_pad=shared.pads_count)
                elif op == "global average pooling":
                    call = nn.AdaptiveAvgPool2d(1)
                elif op == "concatenation":
                    call = None
                else:
                    call = Dense(node)
                if call is not None:
                    self.parts.append(call)
                self.steps.append((index, call, inputs))
                for read in inputs:
                    self.last_reader[read] = index

        def forward(self, x):
            values = {0: x}
            for index, call, inputs in self.steps:
                read = [values[i] for i in inputs]
                values[index] = torch.cat(read, 1) if call is None else call(*read)
                for i in inputs:
                    if self.last_reader[i] == index:
                        values.pop(i, None)
            return values[index]

    return Network()


def with_probabilities(model, classes):
    import torch

    class Probabilities(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            logits = self.model(x)
            return torch.softmax(logits, 1) if classes > 1 else torch.sigmoid(logits)

    return Probabilities().eval()


def torch_model(shared):
    """The network that PyTorch runs, and whose definition it is."""
    published = from_torchvision(shared)
    definition = "torchvision's model" if published is not None else "its layers one by one"
    model = published if published is not None else from_graph(shared)
    return with_probabilities(model, shared.classes), definition


def fold(model):
    """Puts every batch normalisation into the convolution before it."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval
    for module in list(model.modules()):
        if hasattr(module, "conv") and hasattr(module, "bn"):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = torch.nn.Identity()


FLAGS = {"channels-last", "folded", "benchmark", "cuda-graph", "f32", "f16", "compile"}


class Torch:
    def __init__(self, shared, device, threads, flags):
        import torch
        self.torch = torch
        if unknown := set(flags) - FLAGS:
            raise Unfit(f"unknown flags {', '.join(sorted(unknown))}")
        if {"cuda-graph", "f16"} & set(flags) and device != "cuda":
            raise Unfit("needs CUDA")
        torch.set_num_threads(threads)
        model, definition = torch_model(shared)
        model = model.requires_grad_(False)
        torch.backends.cudnn.benchmark = "benchmark" in flags
        if "f32" in flags:
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        if "folded" in flags:
            fold(model)
        layout = torch.channels_last if "channels-last" in flags else torch.contiguous_format
        dtype = torch.float16 if "f16" in flags else torch.float32
        self.model = model.to(device, dtype, memory_format=layout)
        self.input = shared.input.to(device, dtype, memory_format=layout)
        if "compile" in flags:
            self.model = torch.compile(self.model, mode="max-autotune-no-cudagraphs")
        self.wait = torch.cuda.synchronize if device == "cuda" else lambda: None
        self.graph = None
        place = torch.cuda.get_device_name() if device == "cuda" else "CPU"
        self.what = f"PyTorch {torch.__version__} on {place}, {definition}"
        if "cuda-graph" in flags:
            self.capture()

    def capture(self):
        torch = self.torch
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.inference_mode():
            with torch.cuda.stream(stream):
                for _ in range(5):
                    self.model(self.input)
            torch.cuda.current_stream().wait_stream(stream)
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self.output = self.model(self.input)

    def run(self):
        if self.graph is not None:
            self.graph.replay()
        else:
            with self.torch.inference_mode():
                self.output = self.model(self.input)
        self.wait()

    def answer(self):
        return self.output.float().flatten().cpu().tolist()


# The others -----------------------------------------------------------------------------------------------------------

def exported(shared):
    """The network as an ONNX file; made once for all who read it."""
    import torch
    path = shared.folder / "network.onnx"
    if not path.exists():
        model, _ = torch_model(shared)
        with torch.inference_mode():
            torch.onnx.export(model, (shared.input,), str(path.with_suffix(".part")), input_names=["input"],
                              output_names=["probabilities"], dynamo=True, external_data=False)
        path.with_suffix(".part").rename(path)
    return path


class OnnxRuntime:
    def __init__(self, shared, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Its threads would go on spinning into the time of whoever comes next.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        path = exported(shared)
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = {"input": shared.input.numpy()}
        self.what = f"onnxruntime {onnxruntime.__version__} on CPU"

    def run(self):
        (self.output,) = self.session.run(None, self.input)

    def answer(self):
        return self.output.ravel().tolist()


class OpenVino:
    def __init__(self, shared, threads):
        import openvino
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
        self.request = openvino.compile_model(str(exported(shared)), "CPU", settings).create_infer_request()
        self.input = shared.input.numpy()
        self.what = f"OpenVINO {openvino.__version__.split('-')[0]} on CPU"

    def run(self):
        self.output = self.request.infer([self.input])[0]

    def answer(self):
        return self.output.ravel().tolist()


class Keras:
    def __init__(self, shared, device, threads):
        if not shared.is_published:
            raise Unfit("keras.applications has the full-size network alone")
        if shared.pads_count:
            raise Unfit("Keras leaves padding out of average pooling, and these weights count it (--avg-pool exclude)")
        os.environ["KERAS_BACKEND"] = "torch"
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        import keras
        import torch
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self.model = keras.applications.InceptionV3(weights=None, classes=shared.classes)
        for node in shared.nodes:
            self.fill(shared.state, node)
        self.input = shared.input.permute(0, 2, 3, 1).contiguous().numpy()
        self.what = f"Keras {keras.__version__} over PyTorch {torch.__version__} on {device}, predict()"

    def fill(self, state, node):
        """Gives the layer of a node its numbers, in Keras' layout. Keras has no gamma: the variance takes it."""
        values = lambda suffix: state[f"{node['torch']}.{suffix}"].double().numpy()
        layer = lambda: self.model.get_layer(node["keras"])
        if node["op"] == "convolution":
            layer().set_weights([values("weight").transpose(2, 3, 1, 0)])
        elif node["op"] == "batch normalization":
            gamma = values("weight")
            if not (gamma > 0).all():
                raise Unfit(f"{node['torch']}: Keras has no gamma, and only a positive one goes into the variance")
            variance = (values("running_var") + EPSILON) / gamma**2 - EPSILON
            layer().set_weights([values("bias"), values("running_mean"), variance])
        elif node["op"].startswith("dense"):
            layer().set_weights([values("weight").T, values("bias")])

    def run(self):
        self.output = self.model.predict(self.input, verbose=0)

    def answer(self):
        return self.output.ravel().tolist()


def contestant(name, shared, device, threads):
    kind, *flags = name.split("+")
    if kind == "pytorch":
        return Torch(shared, device, threads, flags)
    if flags:
        raise Unfit("only pytorch has flags")
    if kind == "onnxruntime":
        return OnnxRuntime(shared, threads)
    if kind == "openvino":
        return OpenVino(shared, threads)
    if kind == "keras":
        return Keras(shared, device, threads)
    raise Unfit("there is no contestant of this name")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    asked = parser.parse_args()
    # Libraries print what they like: the answers go where standard output went, and that goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer):
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    start = time.perf_counter()
    try:
        peer = contestant(asked.name, Shared(asked.folder), asked.device, asked.threads)
    except (Unfit, ImportError) as error:
        say({"error": str(error)})
        return
    first = time.perf_counter()
    peer.run()
    now = time.perf_counter()
    say({"ready": peer.what, "first_ms": (now - first) * 1e3, "start_ms": (now - start) * 1e3})
    for line in sys.stdin:
        match line.split():
            case ["run", warm, count]:
                for _ in range(int(warm)):
                    peer.run()
                times = []
                for _ in range(int(count)):
                    start = time.perf_counter()
                    peer.run()
                    times.append((time.perf_counter() - start) * 1e3)
                say({"ms": times})
            case ["answer", path]:
                peer.run()
                values = peer.answer()
                pathlib.Path(path).write_bytes(struct.pack(f"<{len(values)}f", *values))
                say({"count": len(values)})
            case _:
                sys.exit(f"`{line.strip()}` is neither `run WARM COUNT` nor `answer FILE`")


if __name__ == "__main__":
    main()
