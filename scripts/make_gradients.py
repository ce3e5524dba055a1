#!/usr/bin/env python3
"""Writes reference gradients by PyTorch's autograd: networks as files, and what the way back through them gives.

    scripts/make_gradients.py OUT [NAME…]      all without names; a name that ends in - stands for all that start so
    scripts/make_gradients.py --list

    pip install torch torchvision safetensors onnx onnxruntime keras h5py
    pip install captum grad-cam             where guided gradients and class activation maps are compared with theirs

Those called small- are in tests/data/gradients. Each network gets a folder OUT/NAME with

    model.*                 what is to be opened
    gradients.safetensors   `input`, f32 [1, C, H, W]; and tensors RULE/ORIGIN/LAYER, LAYER being `input` or a name as in
                            scripts/make_networks.py, channels first. RULE is
                              gradient, guided, deconvolution    the derivative by the layer's values
                              grad_cam, grad_cam_plus_plus, layer_cam    the map of the layer, [H, W]
                            Its metadata has `origins`, JSON: for each a list of units (layer, channel, place,
                            weight) whose values, so weighted, are added up; place is `strongest`, `mean` or a cell
                            [row, column]. `rounding`: how far PyTorch's own f32 is from the f64 that is written here,
                            as a part of the largest value, by name

Guided gradients and deconvolution replace the derivative of each ReLU, module or function, by one of its own. Captum does
that to modules alone, and not to `functional.relu` inside of a network such as torchvision's InceptionV3: what it gives
there is the plain gradient. So it is asked only where all are modules, and must then say the same.
"""

import functools
import json
import os
import sys

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
from make_networks import (
    deflate,
    generator,
    keras_model,
    main,
    onnx_input,
    onnx_values,
    pictures,
    randomise_torch,
    smaller_classifier,
    without_traces,
)
from safetensors.numpy import save_file

RULES = ("gradient", "guided", "deconvolution")
CAMS = ("grad_cam", "grad_cam_plus_plus", "layer_cam")

# Autograd -------------------------------------------------------------------------------------------------------------


@functools.cache
def rectifiers():
    """ReLU, or one that ends at `most`, with another way back, by rule."""
    import torch

    class Guided(torch.autograd.Function):
        """Springenberg et al., 2014 (arXiv:1412.6806)."""

        @staticmethod
        def forward(ctx, x, most):
            ctx.save_for_backward((x > 0) & (x < most))
            return torch.clamp(x, 0, most)

        @staticmethod
        def backward(ctx, gradient):
            (is_open,) = ctx.saved_tensors
            return torch.where(is_open & (gradient > 0), gradient, 0), None

    class Deconvolution(torch.autograd.Function):
        """Zeiler & Fergus, 2013 (arXiv:1311.2901)."""

        @staticmethod
        def forward(ctx, x, most):
            return torch.clamp(x, 0, most)

        @staticmethod
        def backward(ctx, gradient):
            return torch.where(gradient > 0, gradient, 0), None

    return {"guided": Guided.apply, "deconvolution": Deconvolution.apply}


@functools.cache
def relus():
    import torch
    from torch.nn import functional

    return {functional.relu, torch.relu, torch.Tensor.relu, functional.relu_, torch.relu_}


@functools.cache
def out_of_place():
    import torch

    return {torch.Tensor.__iadd__: torch.Tensor.add, torch.Tensor.__imul__: torch.Tensor.mul}


def tape(rule, pads_count=True):
    """A mode under which each value that a network makes is kept, none is changed in place, and ReLU has the rule."""
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    class Tape(TorchFunctionMode):
        def __init__(self):
            super().__init__()
            self.values, self.has_relu = [], False

        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = dict(kwargs or {})
            if kwargs.get("inplace"):
                kwargs["inplace"] = False
            function = out_of_place().get(function, function)
            if function is functional.avg_pool2d and not pads_count:
                kwargs["count_include_pad"] = False
            is_relu = function in relus()
            most = kwargs["max_val"] if function is functional.hardtanh and kwargs["min_val"] == 0 else np.inf
            self.has_relu |= is_relu or most < np.inf
            if rule != "gradient" and (is_relu or most < np.inf):
                result = rectifiers()[rule](args[0], most)
            else:
                result = functional.relu(args[0]) if is_relu else function(*args, **kwargs)
            if torch.is_tensor(result) and result.requires_grad:
                self.values.append(result)
            return result

    return Tape()


def settle(model, given, pads_count=True, apart=1e-5):
    """Moves biases and kernels a little, so that no ReLU and no maximum hangs on the last bits of a number: there a
    gradient is one of two, and correct runtimes differ. True ties stay."""
    import torch
    from torch import nn
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    rng = generator("settle")
    # The last module with so many channels; whose rows the channels of a tensor are; what keeps the tensors' identity.
    last, kernels, rows, kept = {}, {}, {}, []

    class Close(Exception):
        """Once more from the start."""

    class Settling(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            kwargs = {**(kwargs or {}), **({"inplace": False} if (kwargs or {}).get("inplace") else {})}
            function = out_of_place().get(function, function)
            if function in relus():
                result = functional.relu(self.shifted(args[0], [0]))
                module = kernels.get(len(result[0]))
                return self.known(result, [(module, row) for row in range(len(result[0]))])
            if function is torch.cat and all(id(part) in rows for part in args[0]):
                return self.known(function(*args, **kwargs), [row for part in args[0] for row in rows[id(part)]])
            if function is functional.avg_pool2d and not pads_count:
                kwargs["count_include_pad"] = False
            if function is functional.hardtanh:
                return function(self.shifted(args[0], [kwargs["min_val"], kwargs["max_val"]]), *args[1:], **kwargs)
            if function in (functional.max_pool2d, torch.max_pool2d):
                self.tell_apart(args[0], args[1:4])
            return function(*args, **kwargs)

        def known(self, x, of):
            rows[id(x)] = of
            kept.append(x)
            return x

        def shifted(self, x, edges):
            """With each channel's zero in a wide gap between its values."""
            if not (module := last.get(x.shape[1])) or module.bias is None:
                return x
            values = x.movedim(1, 0).flatten(1)
            most = 0.02 * values.abs().max()
            ends = torch.stack([-most, most]).expand(len(values), 2)
            inside = torch.cat([values.clamp(-most, most), ends], 1).sort(1).values
            widest = inside.diff(dim=1).topk(min(8, inside.shape[1] - 1), dim=1).indices
            middles = (inside.gather(1, widest) + inside.gather(1, widest + 1)) / 2
            apart = [
                torch.stack([(values - middle[:, None] - edge).abs().amin(1) for edge in edges]).amin(0)
                for middle in middles.T
            ]
            best = torch.stack(apart, 1).argmax(1, keepdim=True)
            shifts = -middles.gather(1, best)[:, 0].float().double()
            module.bias += shifts
            return x + shifts.reshape(1, -1, *[1] * (x.dim() - 2))

        def tell_apart(self, x, window):
            size, stride, padding = (window[i] if len(window) > i and window[i] is not None else d for i, d in enumerate((2, None, 0)))
            padded = functional.pad(x[0], [padding] * 4, value=-1e30)
            windows = padded.unfold(1, size, stride or size).unfold(2, size, stride or size).flatten(3)
            best = windows.topk(2).values
            gap = best[..., 0] - best[..., 1]
            close = ((gap > 0) & (gap < apart * x.abs().max())).flatten(1).any(1)
            if close.any():
                for channel in close.nonzero().flatten().tolist():
                    module, row = rows[id(x)][channel]
                    module.weight[row] *= 1 + torch.from_numpy(rng.normal(0, 0.01, tuple(module.weight[row].shape)))
                raise Close

    hooks = []

    def called(module, args, result):
        last[result.shape[1]] = module
        if isinstance(module, nn.Conv2d) and module.groups == 1:
            kernels[result.shape[1]] = module

    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)):
            hooks.append(module.register_forward_hook(called))
    model.double()
    with torch.no_grad():
        for _ in range(100):
            rows.clear()
            kept.clear()
            try:
                with Settling():
                    model(torch.from_numpy(given).double())
                break
            except Close:
                pass
        else:
            raise AssertionError("some maxima stay close")
    model.float()
    for hook in hooks:
        hook.remove()


class Passed:
    """A picture that went through a network."""

    def __init__(self, call, given, rule="gradient", is_double=True, pads_count=True):
        """`call` makes named values (a dictionary) of the input."""
        import torch

        self.input = torch.from_numpy(given).to(torch.float64 if is_double else torch.float32).requires_grad_()
        with tape(rule, pads_count) as kept:
            self.named = {"input": self.input, **call(self.input)}
        self.values, self.has_relu = kept.values, kept.has_relu

    def origin(self, units, named):
        total = 0
        for unit in units:
            values = named[unit["layer"]][0, unit["channel"]]
            match unit["place"]:
                case "strongest":
                    value = values.flatten()[values.argmax()]
                case "mean":
                    value = values.mean()
                case [row, column]:
                    value = values[row, column] if values.dim() else values
            total = total + unit["weight"] * value
        return total

    def gradients(self, units, tensors, named=None):
        import torch

        origin = self.origin(units, named or self.named)
        found = torch.autograd.grad(origin, tensors, retain_graph=True, allow_unused=True)
        return [None if gradient is None else gradient.numpy() for gradient in found]


def class_activation_maps(activations, gradients):
    """Of one layer, by method, in the papers' own words: Selvaraju et al., 2017 (arXiv:1610.02391); Chattopadhyay et al.,
    2018 (arXiv:1710.11063), where derivatives of exp(score) give the powers; Jiang et al., 2021
    (doi:10.1109/TIP.2021.3089943)."""
    a, g = activations[0], gradients[0]
    total = a.sum((1, 2), keepdims=True)
    below = 2 * g**2 + total * g**3
    alpha = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
    weights = {
        "grad_cam": g.mean((1, 2), keepdims=True),
        "grad_cam_plus_plus": (alpha * np.maximum(g, 0)).sum((1, 2), keepdims=True),
        "layer_cam": np.maximum(g, 0),
    }
    return {name: np.maximum((weight * a).sum(0), 0) for name, weight in weights.items()}


# What is written ------------------------------------------------------------------------------------------------------


def unit(layer, channel, place, weight=1.0):
    return {"layer": layer, "channel": int(channel), "place": place, "weight": weight}


def units_of(layer, values):
    """What one starts from at a layer: of maps the strongest channel's strongest cell, its mean and another cell, of a
    vector the largest value, and that without the second."""
    values = values[0]
    if values.ndim == 1 or values[0].size == 1:
        first, second = np.argsort(-values.ravel())[:2]
        return [[unit(layer, first, [0, 0])], [unit(layer, first, [0, 0]), unit(layer, second, [0, 0], -1.0)]]
    strongest = values.reshape(len(values), -1).max(1).argsort()[::-1]
    cell = [values.shape[1] // 3, values.shape[2] // 2]
    live = next((channel for channel in strongest if values[channel][tuple(cell)] > 0), strongest[0])
    return [
        [unit(layer, strongest[0], "strongest")],
        [unit(layer, strongest[min(1, len(strongest) - 1)], "mean")],
        [unit(layer, live, cell)],
    ]


def spread(items, count):
    items = list(items)
    if len(items) <= count:
        return items
    return [items[i] for i in sorted({round(i * (len(items) - 1) / (count - 1)) for i in range(count)})]


def write(folder, passed, layers, origins, most, cams=()):
    """`passed(rule, is_double)` gives a `Passed`; `layers` by name where to find a layer's value in it; `most` how many
    layers are kept of the first origin, and of the others. `cams`: layers whose maps are kept of the first origin."""
    kept, rounding = {}, {}
    for rule in RULES:
        runs = [passed(rule, is_double) for is_double in (True, False)]
        if rule != "gradient" and not runs[0].has_relu:
            break
        names = ["input", *layers]
        for number, units in enumerate(origins):
            if rule != "gradient" and number not in (0, 2):
                continue
            found = []
            for run in runs:
                tensors = [run.input, *(find(run) for find in layers.values())]
                found.append(dict(zip(names, run.gradients(units, tensors), strict=True)))
            reached = [name for name in names[1:] if found[0][name] is not None]
            some = spread(reached, most[0] if number == 0 and rule == "gradient" else most[1])
            for name in ["input", *some]:
                place, (exact, short) = f"{rule}/{number}/{name}", (run[name] for run in found)
                largest = np.abs(exact).max()
                kept[place] = exact
                rounding[place] = float(np.abs(exact - short).max() / max(largest, 1e-300))
            if rule == "gradient" and number == 0:
                for name in cams:
                    activations = layers[name](runs[0]).detach().numpy()
                    for method, values in class_activation_maps(activations, found[0][name]).items():
                        kept[f"{method}/0/{name}"] = values
    kept = {name: np.ascontiguousarray(value, "float32") for name, value in kept.items()}
    assert all(np.isfinite(value).all() for value in kept.values())
    given = runs[0].input.detach().numpy().astype("float32")
    metadata = {"origins": json.dumps(origins), "rounding": json.dumps({k: float(f"{v:.1e}") for k, v in rounding.items()})}
    save_file({"input": given, **kept}, folder / "gradients.safetensors", metadata)
    worst = max(rounding, key=rounding.get)
    silent = sum(not value.any() for value in kept.values())
    print(f"  {len(kept)} tensors, {silent} of them zero; PyTorch's own rounding up to {rounding[worst]:.1e} at {worst}")


# PyTorch's networks, as ONNX ------------------------------------------------------------------------------------------


def matches(passed, values):
    """Which of the values that PyTorch made is a value of the file: {name: [index…]}, by their numbers."""
    by_shape = {}
    for index, value in enumerate(passed.values):
        by_shape.setdefault(tuple(value.shape), []).append(index)
    found = {}
    for name, theirs in values.items():
        close = 1e-4 * max(np.abs(theirs).max(), 1e-30)
        same = [
            index
            for index in by_shape.get(theirs.shape, [])
            if np.abs(passed.values[index].detach().numpy() - theirs).max() <= close
        ]
        if same and theirs.size > 1:
            found[name] = same
    return found


def passes(model, given, pads_count=True):
    """What `write` asks; values are named by the module's path, and `output`."""
    import copy

    networks = {False: model, True: copy.deepcopy(model).double()}

    def passed(rule, is_double):
        modules, hooks = {}, []
        for name, module in networks[is_double].named_modules():
            hook = lambda module, args, result, name=name: modules.__setitem__(name or "output", result)
            hooks.append(module.register_forward_hook(hook))

        def call(x):
            networks[is_double](x)
            return modules

        try:
            return Passed(call, given, rule, is_double, pads_count)
        finally:
            for hook in hooks:
                hook.remove()

    return passed


def onnx_gradients(folder, make, size, starts, most, cams=(), numbers=None, silent=()):
    """`make` gives the network, `numbers` its parameters and the input; `starts` are modules to start from beside the output,
    `cams` those whose class activation maps are kept."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = make().eval()
    given = pictures(folder.name, 4, 3, *(size if isinstance(size, tuple) else (size, size)), "torch")
    if numbers:
        given = numbers(model, given[:1])
    else:
        randomise_torch(model, given, generator(folder.name))
        given = given[:1]
        settle(model, given)
    path = folder / "model.onnx"
    with torch.no_grad():
        torch.onnx.export(model, (torch.from_numpy(given),), path, dynamo=False, opset_version=17)
    without_traces(path)
    values, outputs = onnx_values(path, {onnx_input(path): given})
    [output] = outputs
    passed = passes(model, given)
    first = passed("gradient", True)
    found = matches(first, values)
    # A tensor and the same one behind a function that changes nothing here have other gradients: whose is it?
    everything = first.named["output"].sum()
    for name, places in list(found.items()):
        tensors = [first.values[place] for place in places]
        gradients = torch.autograd.grad(everything, tensors, retain_graph=True, allow_unused=True)
        if any(gradient is None or not torch.equal(gradient, gradients[0]) for gradient in gradients):
            del found[name]
    names = {id(first.values[place]): name for name, places in found.items() for place in places}
    origins = units_of(output, first.named["output"].detach().numpy())
    for start in starts:
        value = first.named[start]
        origins += units_of(names[id(value)], value.detach().numpy())
    layers = {name: lambda run, at=places[0]: run.values[at] for name, places in found.items() if name != output}

    def named(rule, is_double):
        run = passed(rule, is_double)
        run.named |= {name: find(run) for name, find in layers.items()} | {output: run.named["output"]}
        return run

    # Nothing comes of a unit that is zero whatever the picture.
    origins += [[unit(names[id(first.named[start])], channel, "strongest")] for start, channel in silent]
    cams = [names[id(first.named[cam])] for cam in cams]
    print(f"{folder.name}: {len(layers) + 1} of {len(values)} values found")
    write(folder, named, layers, origins, most, cams)
    compare_captum(model, given, named, origins)
    compare_grad_cam(model, given, named, origins, layers, cams)


def compare_captum(model, given, passed, origins, pads_count=True):
    """Of networks whose ReLUs are all modules."""
    import copy

    import torch

    try:
        from captum.attr import Deconvolution, GuidedBackprop
    except ImportError:
        return print("  captum is not there: guided gradients are not compared with its")
    if not any(isinstance(module, torch.nn.ReLU) for module in model.modules()):
        return
    for rule, method in (("guided", GuidedBackprop), ("deconvolution", Deconvolution)):
        with tape("gradient", pads_count):
            theirs = method(copy.deepcopy(model)).attribute(
                torch.from_numpy(given).requires_grad_(), origins[0][0]["channel"]
            )
        run = passed(rule, False)
        (ours,) = run.gradients(origins[0], [run.input])
        difference = np.abs(theirs.detach().numpy() - ours).max() / np.abs(ours).max()
        print(f"  captum's {rule} differs by {difference:.1e} of the largest")


def compare_grad_cam(model, given, named, origins, layers, cams):
    try:
        import pytorch_grad_cam
        from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    except ImportError:
        return print("  grad-cam is not there: maps are not compared with its")
    import torch

    kinds = {"grad_cam": "GradCAM", "grad_cam_plus_plus": "GradCAMPlusPlus", "layer_cam": "LayerCAM"}
    for name in cams:
        run = named("gradient", True)
        value = layers[name](run)
        (gradient,) = run.gradients(origins[0], [value])
        activations = value.detach().numpy()
        for method, ours in class_activation_maps(activations, gradient).items():
            theirs = getattr(pytorch_grad_cam, kinds[method])(model=model, target_layers=[model])
            targets = [ClassifierOutputTarget(origins[0][0]["channel"])]
            with torch.no_grad():
                image = theirs.get_cam_image(
                    torch.from_numpy(given), None, targets, activations, gradient, False
                )
            image = np.maximum(image[0], 0)
            scaled = [values / max(values.max(), 1e-300) for values in (ours, image)]
            print(f"  grad-cam's {method} at {name} differs by {np.abs(scaled[0] - scaled[1]).max():.1e}")


# Small ones -----------------------------------------------------------------------------------------------------------


def residual():
    """Batch normalisation, a pool whose windows overlap, residual blocks with and without a way of their own."""
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
            self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
            self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
            same = inputs == outputs and stride == 1
            self.way = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride)

        def forward(self, x):
            y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
            return self.relu2(y + self.way(x))

    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1, bias=False),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        Block(6, 6, 1),
        Block(6, 8, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


def mobile():
    """Depthwise convolutions, squeeze and excitation, ReLU6, hard swish, SiLU."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Mobile(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.Hardswish())
            self.expand = nn.Sequential(nn.Conv2d(6, 12, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU6())
            self.depthwise = nn.Sequential(
                nn.Conv2d(12, 12, 5, 1, 2, groups=12, bias=False), nn.BatchNorm2d(12), nn.SiLU()
            )
            self.squeeze, self.excite = nn.Conv2d(12, 4, 1), nn.Conv2d(4, 12, 1)
            self.hard = nn.Conv2d(4, 12, 1)
            self.project = nn.Sequential(nn.Conv2d(12, 6, 1, bias=False), nn.BatchNorm2d(6))
            self.wider = nn.Conv2d(6, 12, 3, 2, 1, groups=6)
            self.head = nn.Linear(12, 5)

        def forward(self, x):
            x = self.stem(x)
            y = self.depthwise(self.expand(x))
            gate = functional.silu(self.squeeze(functional.adaptive_avg_pool2d(y, 1)))
            y = y * torch.sigmoid(self.excite(gate)) * functional.hardsigmoid(self.hard(gate))
            x = functional.hardswish(self.wider(self.project(y) + x))
            return self.head(x.mean((2, 3)))

    return Mobile()


def shuffle():
    """Grouped convolutions, a channel shuffle, halves joined again, average pooling with and without its padding."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Shuffle(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, padding=1)
            self.grouped = nn.Conv2d(8, 8, 3, padding=1, groups=2)
            self.halved = nn.Conv2d(4, 6, 3, 2, 1)
            self.counts = nn.AvgPool2d(3, 2, 1, count_include_pad=True)
            self.leaves = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
            self.odd = nn.AvgPool2d(2, 2, ceil_mode=True)
            self.head = nn.Linear(14, 5)

        def forward(self, x):
            x = functional.leaky_relu(self.stem(x), 0.1)
            x = self.grouped(x)
            n, c, h, w = x.shape
            x = x.reshape(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
            a, b = x.chunk(2, 1)
            a = functional.leaky_relu(self.halved(a), 0.2)
            x = torch.cat([a, self.counts(b), self.leaves(b[:, 1:3] * b[:, :2]), self.leaves(x)[:, ::4]], 1)
            return self.head(self.odd(x).mean((2, 3)))

    return Shuffle()


def windows():
    """Strides, dilation, uneven padding, kernels that are not square, transposed convolutions, pools that round up,
    resizing, borders of other kinds."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Windows(nn.Module):
        def __init__(self):
            super().__init__()
            self.uneven = nn.Conv2d(3, 6, 3, 2)
            self.dilated = nn.Conv2d(6, 6, 3, padding=(2, 3), dilation=(2, 3))
            self.long = nn.Conv2d(6, 5, (1, 5), padding=(0, 2))
            self.high = nn.Conv2d(5, 6, (5, 1), (2, 1), padding=(2, 0))
            self.far = nn.Conv2d(6, 4, 4, 3, 1)
            self.gaps = nn.ConvTranspose2d(6, 4, 3, 2, 1, output_padding=1)
            self.wide = nn.ConvTranspose2d(4, 4, 2, 3, groups=2)
            self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
            self.end = nn.Conv2d(12, 6, 5)
            self.head = nn.Linear(6, 4)
            self.relus = nn.ModuleList(nn.ReLU() for _ in range(5))

        def forward(self, x):
            x = self.relus[0](self.uneven(functional.pad(x, (0, 1, 2, 1))))
            x = self.relus[1](self.dilated(x)) + x
            y = self.relus[2](self.high(self.long(x)))
            far = self.wide(self.far(x))
            up = self.relus[3](self.gaps(self.pool(x)))
            smooth = functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
            near = functional.interpolate(far, scale_factor=1.5, mode="nearest")[..., 2:10, 3:11]
            edges = functional.pad(smooth[:, :4, :8, :7], (1, 0, 0, 0), mode="reflect")
            x = torch.cat([up, near, edges], 1)
            return self.head(self.relus[4](self.end(x)).amax((2, 3)))

    return Windows()


def smooth():
    """Normalisations and functions without a bend: what finite differences can be taken of."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Smooth(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, 2, 1)
            self.groups, self.layer = nn.GroupNorm(2, 8), nn.LayerNorm(8)
            self.instance = nn.InstanceNorm2d(8, affine=True)
            self.linear, self.back = nn.Linear(8, 12), nn.Linear(12, 8)
            self.mixed = nn.Conv2d(8, 8, 3, padding=1)
            self.query, self.key = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 1)
            self.head = nn.Linear(8, 5)

        def forward(self, x):
            x = functional.silu(self.groups(self.stem(x)))
            y = self.back(functional.gelu(self.linear(self.layer(x.permute(0, 2, 3, 1)))))
            x = x + y.permute(0, 3, 1, 2)
            x = torch.tanh(self.instance(self.mixed(x))) + functional.softplus(x)
            x = functional.mish(x) * functional.elu(x - 1)
            gate = torch.softmax(self.query(x), 1) / (1 + self.key(x) ** 2)
            x = x * gate.sum(1, keepdim=True)
            return torch.log_softmax(self.head(functional.gelu(x, approximate="tanh").mean((2, 3))), 1)

    return Smooth()


def bent():
    """Functions with a bend, and slopes of their own."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Bent(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.second = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, 2, 1)
            self.slopes = nn.PReLU(6)
            self.head = nn.Linear(12, 5)

        def forward(self, x):
            x = self.slopes(self.stem(x))
            x = functional.selu(self.second(x)) + functional.softsign(self.second(torch.abs(x)))
            x = torch.maximum(x, -0.3 * x) - torch.clamp(x, -0.5, 0.8)
            largest = functional.adaptive_max_pool2d(x, 1)
            spread = torch.sqrt(1 + x.square().mean((2, 3), keepdim=True))
            return self.head(torch.flatten(torch.cat([largest, spread], 1), 1))

    return Bent()


def ties():
    """All numbers are quarters, so that sums are exact: windows with several largest values, and ReLUs at zero."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 6, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        nn.Conv2d(6, 4, 1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )


def in_quarters(model, given):
    import torch

    rng = generator("quarters")
    with torch.no_grad():
        for value in model.parameters():
            drawn = rng.integers(-2, 3, tuple(value.shape)) / 4
            value.copy_(torch.from_numpy(drawn.astype("float32")))
        model[0].bias[1], model[0].weight[1] = -4.0, 0.0  # silent
        model[3].bias += 0.5
        model[6].bias += 0.5
    given = np.round(given).clip(-1, 1)
    given[..., :5, :6] = 0  # flat
    return given.astype("float32")


# Keras' own -----------------------------------------------------------------------------------------------------------


def same_padding(layers, shape):
    """Padding that is uneven where a stride needs it, in all layers that have it."""
    import keras

    image = keras.Input(shape)
    x = layers.Conv2D(6, 3, strides=2, padding="same", activation="relu", name="conv")(image)
    x = layers.SeparableConv2D(8, 3, padding="same", depth_multiplier=1, name="separable")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.ReLU(name="relu")(x)
    a = layers.MaxPooling2D(3, 2, padding="same", name="largest")(x)
    b = layers.AveragePooling2D(2, name="average")(x)
    c = layers.DepthwiseConv2D(4, strides=2, padding="same", name="depthwise")(x)
    d = layers.Conv2D(8, 5, strides=2, padding="same", dilation_rate=1, name="five")(x)
    x = layers.Concatenate(name="joined")([layers.Add(name="sum")([a, b]), layers.Multiply(name="product")([c, d])])
    x = layers.Conv2DTranspose(5, 3, strides=2, padding="same", activation="relu", name="transposed")(x)
    x = layers.UpSampling2D(2, name="up")(x)
    x = layers.ZeroPadding2D(((0, 1), (1, 0)), name="padding")(x)
    x = layers.Conv2D(6, 2, dilation_rate=2, name="dilated")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(4, name="scores")(x))


def keras_gradients(folder, make, size, starts, most):
    """On Keras' PyTorch backend. `starts` are layers to start from beside the last."""
    import keras
    import torch

    torch.set_num_threads(1)
    model, given = keras_model(folder.name, make, size)
    model.save(folder / "stored.keras")
    deflate(folder / "stored.keras", folder / "model.keras")
    (folder / "stored.keras").unlink()
    call = keras.layers.Layer.__call__

    def passed(rule, is_double):
        named = {}

        def kept(self, *args, **kwargs):
            named[self.name] = result = call(self, *args, **kwargs)
            return result

        def through(x):
            keras.layers.Layer.__call__ = kept
            try:
                model(x.movedim(1, -1), training=False)
            finally:
                keras.layers.Layer.__call__ = call
            return named

        # Keras' parameters are f32.
        return Turned(Passed(through, given, rule, is_double=False))

    first = passed("gradient", False)
    names = [layer.name for layer in model.layers[1:]]
    origins = [units for name in [names[-1], *starts] for units in units_of(name, first.named[name].detach().numpy())]
    layers = {name: lambda run, name=name: run.run.named[name] for name in names[:-1]}
    print(f"{folder.name}: {len(names)} layers")
    write(folder, passed, layers, origins, most)


class Turned:
    """What Keras made, with channels first."""

    def __init__(self, run):
        self.run, self.input, self.has_relu = run, run.input, run.has_relu
        self.named = {name: value.movedim(-1, 1) if value.dim() == 4 else value for name, value in run.named.items()}

    def gradients(self, units, tensors):
        first, *others = self.run.gradients(units, tensors, self.named)
        return [first, *(np.moveaxis(value, -1, 1) if value is not None and value.ndim == 4 else value for value in others)]


# Large ones -----------------------------------------------------------------------------------------------------------


def torchvision_model(name, **options):
    import torchvision

    model = torchvision.models.get_model(name, weights=None, num_classes=10, **options)
    smaller_classifier(model, None)
    return model


def seeded_inception(folder):
    """The seeded InceptionV3 of tests/parity.rs, settled, in torchvision's names, with average pooling as Keras has it."""
    import torch
    from safetensors.torch import save_file as save_torch
    from torch import nn
    from torchvision.models import inception

    def with_module(self, x):
        return self.relu(self.bn(self.conv(x)))

    torch.set_num_threads(1)
    model = inception.inception_v3(weights=None, aux_logits=False, init_weights=False, transform_input=False).eval()
    state = {name: seeded(name, value) for name, value in model.state_dict().items() if "num_batches" not in name}
    model.load_state_dict(state, strict=False)
    inception.BasicConv2d.forward = with_module
    for module in model.modules():
        if isinstance(module, inception.BasicConv2d):
            module.relu = nn.ReLU()
    given = seeded_picture()
    settle(model, given, pads_count=False, apart=2e-6)
    state = {name: value for name, value in model.state_dict().items() if name in state}
    save_torch(state, folder / "model.safetensors", {"format": "pt", "avg_pool": "exclude"})
    passed = passes(model, given, pads_count=False)
    first = passed("gradient", True)
    unnamed = ("", "input", "output", "dropout", "fc", "avgpool")
    names = [name for name in first.named if name not in unnamed and not name.endswith(".relu")]
    origins = units_of("fc", first.named["output"].detach().numpy())
    for start in ("Mixed_7a", "Mixed_6b", "Mixed_5b", "Conv2d_3b_1x1", "Conv2d_2b_3x3"):
        origins += units_of(start, first.named[start].detach().numpy())
    layers = {name: lambda run, name=name: run.named[name] for name in names}
    cams = ("Mixed_7c", "Mixed_6e")
    write(folder, passed, layers, origins, (24, 4), cams)
    compare_captum(model, given, passed, origins, pads_count=False)
    compare_grad_cam(model, given, passed, origins, layers, cams)


def bits(name, count):
    """Of `weights::RandomStream` with seed 0: SplitMix64 whose key is the FNV-1a hash of the name."""
    wrap, golden = (1 << 64) - 1, 0x9E3779B97F4A7C15
    key = functools.reduce(lambda hash, byte: (hash ^ byte) * 0x100000001B3 & wrap, name.encode(), 0xCBF29CE484222325)
    z = np.uint64(key) + np.arange(1, count + 1, dtype="uint64") * np.uint64(golden)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ z >> np.uint64(shift)) * np.uint64(factor)
    return z ^ z >> np.uint64(31)


def uniform(name, count):
    return ((bits(name, count) >> np.uint64(11)).astype("float64") + 0.5) / 2**53


def seeded(name, value):
    """As `weights::seeded` has it."""
    import torch

    shape, count = tuple(value.shape), value.numel()
    if name.endswith(("bn.weight", "running_var")):
        least, width = (0.8, 0.4) if name.endswith("bn.weight") else (0.5, 1.0)
        values = least + width * uniform(name, count)
    else:
        u = uniform(name, 2 * count)
        values = np.sqrt(-2 * np.log(u[::2])) * np.cos(2 * np.pi * u[1::2])
        values *= np.sqrt(2 / np.prod(shape[1:])) if name.endswith(("conv.weight", "fc.weight")) else 0.1
    return torch.from_numpy(values.reshape(shape).astype("float32"))


def seeded_picture():
    """The input of tests/parity.rs: waves of colour, and noise."""
    y, x = np.mgrid[:299, :299] / 299
    waves = [np.sin(2 * np.pi * (3 * x + 2 * y)), np.cos(2 * np.pi * (5 * y - x)), np.sin(14 * np.pi * x * y)]
    noise = 2 * uniform("input", 3 * 299 * 299).reshape(3, 299, 299) - 1
    return (0.7 * np.stack(waves) + 0.3 * noise).astype("float32")[None]


def torchvision_model(name, pool=None):
    import torchvision

    model = torchvision.models.get_model(name, weights=None, num_classes=10)
    smaller_classifier(model, pool)
    return model


# The list -------------------------------------------------------------------------------------------------------------

NETWORKS = {}


def add(name, make, *args, **options):
    NETWORKS[name] = lambda folder: make(folder, *args, **options)


FEW = (40, 3)
add("small-residual", onnx_gradients, residual, (12, 11), ("4", "3"), FEW, cams=("5", "4"))
add("small-mobile", onnx_gradients, mobile, 12, ("depthwise",), FEW, cams=("project",))
add("small-shuffle", onnx_gradients, shuffle, 12, ("grouped",), FEW)
add("small-windows", onnx_gradients, windows, (16, 17), ("relus.2", "gaps"), FEW, cams=("relus.1",))
add("small-smooth", onnx_gradients, smooth, 10, ("mixed",), FEW)
add("small-bent", onnx_gradients, bent, 10, ("second",), FEW)
add("small-ties", onnx_gradients, ties, 12, ("5", "4"), FEW, numbers=in_quarters, silent=(("1", 1),))
add("small-keras", keras_gradients, same_padding, (16, 15), ("product", "transposed"), FEW)

MANY = (24, 4)
add("inception_v3", seeded_inception)
for _name, _size, _starts, _cams in [
    ("resnet50", 128, ("layer4.0", "layer3.1", "layer2.0", "layer1.0"), ("layer4.2", "layer3.5")),
    ("mobilenet_v2", 128, ("features.14", "features.7", "features.3"), ("features.18", "features.13")),
    ("efficientnet_b0", 128, ("features.6", "features.4", "features.2"), ("features.8", "features.5")),
    ("densenet121", 128, ("features.denseblock3.denselayer8.conv2", "features.transition2.conv"), ("features.norm5",)),
    ("shufflenet_v2_x1_0", 128, ("stage4.1", "stage3.3", "stage2.0"), ("conv5", "stage3.7")),
    ("resnext50_32x4d", 128, ("layer4.0", "layer3.1", "layer2.0"), ("layer4.2",)),
    ("vgg16", 64, ("features.29", "features.22", "features.9"), ("features.29", "features.22")),
]:
    # The exporter cannot pool to 7 x 7 what is no multiple of that.
    _make = functools.partial(torchvision_model, _name, pool=2 if _name == "vgg16" else None)
    add(_name, onnx_gradients, _make, _size, _starts, MANY, cams=_cams)

if __name__ == "__main__":
    main(sys.argv[1:], NETWORKS, __file__, __doc__)
