#!/usr/bin/env bash
# PyTorch's ONNX exporter folds batch normalisation into `conv1.weight` and keeps that name for other numbers.
#
# The guess: a tensor in an exported file that has a parameter's name is that parameter. The older exporter keeps to
# that: it folds too, and calls what it made `onnx::Conv_9` or the like.
#
# What happens in PyTorch 2.15.0 (onnxscript 0.7.2), where `dynamo=True` is the default: a convolution and the batch
# normalisation behind it become one Conv. Its weight has the name and the shape of the convolution's, and the numbers
# are multiplied by gamma / sqrt(variance + epsilon). So has its bias, if the convolution had one, else it is called
# `conv2.weight_bias`. Nothing of the normalisation is left in the file's tensors. `do_constant_folding=False` changes
# nothing; `optimize=False` leaves everything as it was.
#
# Touched: whoever finds out by names what is in a file: a comparison of the file with a state dict tells of damage, a
# state dict that is filled from the file is normalised twice, and "has the parameters of this architecture" does not
# mean that they fit its layers.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants Python 3.11
# or later. On Linux, PyPI's torch brings CUDA with it (it is not used): some 6 GB on disk, in the
# folder that TMPDIR names. The output, for convolutions of one weight each:
#
#     PyTorch 2.15.0+cu132 onnxscript 0.7.2 onnx 1.23.2
#     in the state dict: {'conv1.weight': 2.0, 'conv1.bias': 3.0, 'bn1.weight': 10.0, 'bn1.bias': 0.5,
#             'bn1.running_mean': 0.0, 'bn1.running_var': 1.0, 'conv2.weight': 5.0, 'bn2.weight': 100.0, 'bn2.bias':
#             0.25, 'bn2.running_mean': 0.0, 'bn2.running_var': 1.0, 'conv3.weight': 7.0, 'conv3.bias': 11.0}
#     by default: Conv, Relu, Conv, Relu, Conv
#         {'conv1.weight': 20.0, 'conv1.bias': 30.5, 'conv2.weight': 500.0, 'conv3.weight': 7.0, 'conv3.bias': 11.0,
#             'conv2.weight_bias': 0.25}
#     do_constant_folding=False: Conv, Relu, Conv, Relu, Conv
#         {'conv1.weight': 20.0, 'conv1.bias': 30.5, 'conv2.weight': 500.0, 'conv3.weight': 7.0, 'conv3.bias': 11.0,
#             'conv2.weight_bias': 0.25}
#     optimize=False: Conv, BatchNormalization, Relu, Shape, Constant, Expand, Constant, CastLike, Expand, Conv,
#             BatchNormalization, Relu, Conv
#         {'conv1.weight': 2.0, 'conv1.bias': 3.0, 'bn1.weight': 10.0, 'bn1.bias': 0.5, 'conv2.weight': 5.0,
#             'bn2.weight': 100.0, 'bn2.bias': 0.25, 'conv3.weight': 7.0, 'conv3.bias': 11.0, 'bn1.running_mean': 0.0,
#             'bn1.running_var': 1.0, 'bn2.running_mean': 0.0, 'bn2.running_var': 1.0}
#     dynamo=False: Conv, Relu, Conv, Relu, Conv
#         {'conv3.weight': 7.0, 'conv3.bias': 11.0, 'onnx::Conv_24': 20.0, 'onnx::Conv_25': 30.5, 'onnx::Conv_27':
#             500.0, 'onnx::Conv_28': 0.25}
set -euo pipefail

packages="torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 onnx-ir==1.1.0 protobuf==7.36.2 numpy==2.4.6 ml_dtypes==0.6.0"
packages+=" packaging==26.4 typing_extensions==4.16.0"
packages+=" filelock==4.3.1 fsspec==2026.9.0 Jinja2==3.1.6 MarkupSafe==3.0.4 mpmath==1.3.0"
packages+=" networkx==3.6.1 sympy==1.14.0 setuptools==84.2.1"

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv" || cannot "no python3 with venv"
# shellcheck disable=SC2086 # one word a package
"$work/venv/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check $packages ||
    cannot "pip install $packages"

# Nothing is to be written outside the temporary folder.
export HOME="$work" CUDA_VISIBLE_DEVICES="" OMP_NUM_THREADS=1

cat >"$work/check.py" <<'PY'
import os
import warnings

import onnx
import onnxscript
import torch

BROKEN = []


def check(holds, sentence):
    if not holds:
        print("this finding no longer holds:", sentence)
        BROKEN.append(sentence)


# All differ, since the exporter keeps one of two tensors that are equal.
NUMBERS = {
    **{"conv1.weight": 2, "conv1.bias": 3, "bn1.weight": 10, "bn1.bias": 0.5},
    **{"conv2.weight": 5, "bn2.weight": 100, "bn2.bias": 0.25},
    **{"conv3.weight": 7, "conv3.bias": 11},
}


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1)
        self.conv2, self.bn2 = torch.nn.Conv2d(1, 1, 1, bias=False), torch.nn.BatchNorm2d(1)
        self.conv3 = torch.nn.Conv2d(1, 1, 1)

    def forward(self, x):
        return self.conv3(torch.relu(self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))))


def exported(**options):
    """The operators of the file, and its tensors of one number."""
    path = os.path.join(os.environ["HOME"], "model.onnx")
    torch.onnx.export(NET, (torch.rand(1, 1, 4, 4),), path, verbose=False, **options)
    graph = onnx.load(path).graph
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return [node.op_type for node in graph.node], {name: round(float(t.item()), 2) for name, t in tensors.items()}


warnings.simplefilter("ignore")
NET = Net().eval()
with torch.no_grad():
    for name, parameter in NET.named_parameters():
        parameter.fill_(NUMBERS[name])
STATE = {name: float(tensor) for name, tensor in NET.state_dict().items() if not name.endswith("num_batches_tracked")}

print("PyTorch", torch.__version__, "onnxscript", onnxscript.__version__, "onnx", onnx.__version__)
print("in the state dict:", STATE)
for what, options in {
    "by default": {},
    "do_constant_folding=False": {"do_constant_folding": False},
    "optimize=False": {"optimize": False},
    "dynamo=False": {"dynamo": False},
}.items():
    operators, tensors = exported(**options)
    print(f"{what}: {', '.join(operators)}\n    {tensors}")
    others = {name for name, number in tensors.items() if name in STATE and STATE[name] != number}
    if what in ("by default", "do_constant_folding=False"):
        check("BatchNormalization" not in operators, f"{what} the normalisation is not folded")
        right = others == {"conv1.weight", "conv1.bias", "conv2.weight"}
        check(right, f"{what} these have a parameter's name and another number: {sorted(others)}")
        check("conv2.weight_bias" in tensors, f"{what} there is no conv2.weight_bias")
    else:
        check(not others, f"with {what} these have a parameter's name and another number: {sorted(others)}")
        folds = "BatchNormalization" not in operators
        check(folds == (what == "dynamo=False"), f"with {what} the normalisation is {'folded' if folds else 'left'}")
raise SystemExit(3 if BROKEN else 0)
PY

status=0
"$work/venv/bin/python" "$work/check.py" 2>"$work/err" || status=$?
case "$status" in
0) ;;
3) exit 1 ;;
*)
    cat "$work/err" >&2
    cannot "the check broke off"
    ;;
esac
