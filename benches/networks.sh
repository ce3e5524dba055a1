#!/usr/bin/env bash
# Five published networks (ResNet-50, MobileNetV2, EfficientNet-B0, VGG-16, DenseNet-121; seeded weights) in convscope,
# onnxruntime, OpenVINO and PyTorch, in one run, in turns, on two threads; answers are compared first.
#
#   benches/networks.sh [--venv FOLDER] [what networks.py takes: --only, --rounds, --threads, --models, --json]
#
# The other programs are installed from the package registry into FOLDER, which is kept, or into a throw-away
# environment. PYTHON names a Python that has them; NETWORK a bench `network` that is built already.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="" work="$(mktemp -d)" given=(--models)
trap 'rm -rf "$work"' EXIT
given+=("$work/models")
while [ $# -gt 0 ]; do
    case "$1" in
        --venv) venv="${2:?--venv wants a folder}" && shift 2 ;;
        *) given+=("$1") && shift ;;
    esac
done
python="${PYTHON:-}"
if [ -z "$python" ]; then
    venv="${venv:-$work/venv}"
    python="$venv/bin/python"
    if ! "$python" -c "import torch, torchvision, onnxruntime, onnx" 2>/dev/null; then
        python3 -m venv "$venv"
        pip() { "$python" -m pip install --quiet --disable-pip-version-check --retries 1 "$@"; }
        pip --index-url https://download.pytorch.org/whl/cpu torch torchvision 2>/dev/null || pip torch torchvision
        pip numpy onnx onnxruntime
        pip openvino || echo "OpenVINO could not be installed: it is left out." >&2
    fi
fi
network="${NETWORK:-$("$root/benches/build_network.sh")}"
"$python" "$root/benches/networks.py" --network "$network" "${given[@]}"
